import * as fs from "node:fs";
import * as path from "node:path";
import { isAdapterAlone } from "./servedAdapters";
import type { ChatTemplateArguments } from "./modelServerCommand";

/** Reads a JSON file that should hold an object; what is wrong with it otherwise. */
function jsonProblem(file: string): string | undefined {
  try {
    const document: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
    return typeof document === "object" && document !== null ? undefined : `${path.basename(file)} holds no object`;
  } catch (error) {
    return `${path.basename(file)} cannot be read (${(error as Error).message})`;
  }
}

/** What is read here of the registry's record of a model. */
interface RecordedModel {
  readonly files?: Readonly<Record<string, number>>;
  readonly recipe?: { readonly model?: { readonly chatTemplateArguments?: ChatTemplateArguments } };
}

/** What the registry recorded of the model; nothing for a model that has no such record. */
function recordOf(folder: string): RecordedModel {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, "lineage.json"), "utf8")) as RecordedModel;
  } catch {
    return {};
  }
}

/** What the model's chat template was handed while it was trained and evaluated. */
export const chatTemplateArgumentsOf = (folder: string): ChatTemplateArguments =>
  recordOf(folder).recipe?.model?.chatTemplateArguments ?? {};

/**
 * What a folder with a model lacks to be served; undefined when nothing does: a configuration, weights, a tokenizer, and every
 * file that the registry recorded, in its size.
 */
export function modelFolderProblem(folder: string): string | undefined {
  if (!fs.existsSync(folder)) return "there are no files of it";
  const names = fs.readdirSync(folder);
  if (isAdapterAlone(folder)) {
    return "it is an adapter alone: serve the model that it was trained from, with it as one of `adapters`";
  }
  const configuration = jsonProblem(path.join(folder, "config.json"));
  if (configuration !== undefined) return configuration;
  if (!names.some((name) => name.endsWith(".safetensors"))) return "there is no file of weights (*.safetensors)";
  if (!names.some((name) => /^(?:tokenizer\.json|tokenizer\.model|vocab\.json|tekken\.json)$/.test(name))) {
    return "there is no tokenizer (tokenizer.json)";
  }
  for (const [name, size] of Object.entries(recordOf(folder).files ?? {})) {
    const file = path.join(folder, name);
    if (!fs.existsSync(file)) return `${name} is missing`;
    const found = fs.statSync(file).size;
    if (found !== size) return `${name} has ${found} bytes, and was registered with ${size}`;
  }
  return undefined;
}
