import { z } from "zod";
import { lineageSchema } from "../contracts/lineage";
import { listObjects, readObject } from "./objectStore";
import type { StoreEnvironment } from "../contracts/storeEnvironment";

/** What the registry of trained models (flows/posttraining/registry.py) has of a run's model. */

/** Something of a run that was there and is gone, with what a person needs to know. */
export interface Loss {
  readonly part: "model" | "lineage" | "promotion" | "cards" | "record";
  readonly detail: string;
}

/** What is read here of a `lineage.json`. Models outlive checkouts: what an older or a newer one wrote beside it is passed over. */
const readLineageSchema = z.looseObject({
  /** Models that were registered before sizes were kept have none. */
  files: lineageSchema.shape.files.optional(),
  promoted: lineageSchema.shape.promoted,
});

export interface RegisteredModel {
  readonly modelUri: string;
  readonly modelsRoot: string;
  /** Name of the deployment. */
  readonly name: string;
  readonly promoted: boolean;
}

const lineageName = "lineage.json";
const pointerName = "promoted.json";

/** The object's JSON; a text when it is no JSON, undefined when there is no object. */
async function readJson(environment: StoreEnvironment, uri: string): Promise<{ readonly value: unknown } | undefined> {
  const text = await readObject(environment, uri);
  if (text === undefined) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { value: text };
  }
}

/** What is wrong with a model's files, given what the registry says they are; undefined when they are whole. */
export function filesProblem(
  found: ReadonlyMap<string, number>,
  registered: Readonly<Record<string, number>> | undefined,
): string | undefined {
  const files = [...found].filter(([name]) => name !== lineageName);
  if (files.length === 0) return "no file of it is there";
  if (registered === undefined) {
    const names = files.map(([name]) => name);
    if (!names.includes("config.json")) return "config.json is missing";
    return names.some((name) => name.endsWith(".safetensors")) ? undefined : "its weights (*.safetensors) are missing";
  }
  const wrong = Object.entries(registered).flatMap(([name, size]) => {
    const bytes = found.get(name);
    if (bytes === undefined) return [`${name} is missing`];
    return bytes === size ? [] : [`${name} has ${bytes} bytes, and was registered with ${size}`];
  });
  return wrong.length === 0 ? undefined : wrong.join(", ");
}

async function lookAt(
  environment: StoreEnvironment,
  modelUri: string,
): Promise<{ readonly problem: string | undefined; readonly lineage: z.infer<typeof readLineageSchema> | undefined }> {
  const found = await listObjects(environment, modelUri);
  const document = found.has(lineageName) ? await readJson(environment, `${modelUri}/${lineageName}`) : undefined;
  const lineage = readLineageSchema.safeParse(document?.value).data;
  return { problem: filesProblem(found, lineage?.files), lineage };
}

/**
 * What of a registered model is not in the store any more.
 *
 * @throws if the store cannot be asked.
 */
export async function modelLosses(environment: StoreEnvironment, model: RegisteredModel): Promise<readonly Loss[]> {
  const { modelUri, modelsRoot, name } = model;
  const { problem, lineage } = await lookAt(environment, modelUri);
  const losses: Loss[] = [];
  if (problem !== undefined) losses.push({ part: "model", detail: `the model ${modelUri}: ${problem}` });
  if (lineage === undefined) {
    losses.push({ part: "lineage", detail: `${modelUri}/${lineageName}, what the model was made from` });
  }
  if (!model.promoted) return losses;
  const pointer = `${modelsRoot}/${name}/${pointerName}`;
  const document = (await readJson(environment, pointer))?.value;
  if (typeof document !== "object" || document === null) {
    losses.push({ part: "promotion", detail: `${pointer}, which names the promoted model` });
  }
  return losses;
}

/**
 * Prefix of the newest promoted model of a deployment that is whole; undefined when there is none.
 *
 * @throws if the store cannot be asked.
 */
export async function lastPromotedModel(
  environment: StoreEnvironment,
  modelsRoot: string,
  name: string,
): Promise<string | undefined> {
  const root = `${modelsRoot}/${name}`;
  const found = await listObjects(environment, root);
  const runs = [...found.keys()].flatMap((key) => /^(.+)\/lineage\.json$/.exec(key)?.[1] ?? []);
  // Metaflow numbers runs by time, upwards.
  for (const run of runs.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))) {
    const modelUri = `${root}/${run}`;
    const { problem, lineage } = await lookAt(environment, modelUri);
    if (problem === undefined && lineage?.promoted === true) return modelUri;
  }
  return undefined;
}
