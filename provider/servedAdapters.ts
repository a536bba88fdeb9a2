import * as fs from "node:fs";
import * as path from "node:path";

/** Adapters that a server offers beside the model that they were trained from (flows/posttraining/finished_model.py writes them). */

/** An adapter in a folder, as a server is told of it. */
export interface ServedAdapter {
  /** Name under which clients ask for the model with it. */
  readonly name: string;
  readonly directory: string;
  readonly rank: number;
  /** What it names as its base. */
  readonly base: string;
  /** The chat template that it was trained with; undefined: none. */
  readonly chatTemplate: string | undefined;
}

/** Below a whole model's folder: the adapter that was merged into it. */
const besideModel = "adapter";
const configurationFile = "adapter_config.json";
const templateFile = "chat_template.jinja";

const holdsAdapter = (folder: string): boolean => fs.existsSync(path.join(folder, configurationFile));

/** Whether a folder holds an adapter and no whole model. */
export const isAdapterAlone = (folder: string): boolean =>
  holdsAdapter(folder) && !fs.existsSync(path.join(folder, "config.json"));

/**
 * The adapter in a fetched folder: alone, or beside a whole model.
 *
 * @throws if there is none, or its configuration cannot be read.
 */
export function readAdapter(name: string, folder: string): ServedAdapter {
  const directory = [folder, path.join(folder, besideModel)].find(holdsAdapter);
  if (directory === undefined) throw new Error(`there is no adapter (${configurationFile})`);
  const { r, base_model_name_or_path: base } = JSON.parse(
    fs.readFileSync(path.join(directory, configurationFile), "utf8"),
  ) as { r?: number; base_model_name_or_path?: string };
  if (r === undefined || base === undefined) throw new Error(`${configurationFile} lacks its rank or its base`);
  if (!fs.existsSync(path.join(directory, "adapter_model.safetensors"))) {
    throw new Error("there is no file of weights (adapter_model.safetensors)");
  }
  const template = path.join(directory, templateFile);
  const chatTemplate = fs.existsSync(template) ? fs.readFileSync(template, "utf8") : undefined;
  return { name, directory, rank: r, base, chatTemplate };
}

/** Why adapters cannot be served beside one model; undefined where they can. */
export function adaptersProblem(modelUri: string, adapters: readonly ServedAdapter[]): string | undefined {
  const foreign = adapters.find(({ base }) => base !== modelUri);
  if (foreign !== undefined) {
    return `adapter ${foreign.name} was trained from ${foreign.base}, and the endpoint serves ${modelUri}: serve it with that`;
  }
  // A server has one template for all that it offers.
  const other = adapters.find(({ chatTemplate }) => chatTemplate !== adapters[0]?.chatTemplate);
  return other === undefined
    ? undefined
    : `adapters ${adapters[0]?.name ?? ""} and ${other.name} were trained with different chat templates, and a server has one: serve them by two endpoints`;
}

/** Ranks that vLLM 0.31 reserves room for (`vllm.config.lora.MaxLoRARanks`). */
const reservedRanks = [8, 16, 32, 64, 128, 256, 320, 512];

/** vLLM's arguments for adapters beside the model that it serves. */
export function adapterArguments(adapters: readonly ServedAdapter[]): readonly string[] {
  if (adapters.length === 0) return [];
  const rank = Math.max(...adapters.map((adapter) => adapter.rank));
  const reserved = reservedRanks.find((known) => known >= rank) ?? rank;
  const template = adapters[0]?.chatTemplate === undefined ? [] : ["--chat-template", templateOf(adapters)];
  return [
    ...["--enable-lora", "--max-lora-rank", String(reserved), "--max-loras", String(adapters.length)],
    ...["--lora-modules", ...adapters.map(({ name, directory }) => `${name}=${directory}`)],
    ...template,
  ];
}

const templateOf = ([first]: readonly ServedAdapter[]): string => path.join(first?.directory ?? "", templateFile);
