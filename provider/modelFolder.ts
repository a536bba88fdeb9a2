import * as fs from "node:fs";
import * as path from "node:path";

/** Reads a JSON file that should hold an object; what is wrong with it otherwise. */
function jsonProblem(file: string): string | undefined {
  try {
    const document: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
    return typeof document === "object" && document !== null ? undefined : `${path.basename(file)} holds no object`;
  } catch (error) {
    return `${path.basename(file)} cannot be read (${(error as Error).message})`;
  }
}

/** Files and sizes that the registry recorded of the model; undefined for a model that has no such record. */
function recordedFiles(folder: string): Readonly<Record<string, number>> | undefined {
  try {
    const lineage = JSON.parse(fs.readFileSync(path.join(folder, "lineage.json"), "utf8")) as {
      files?: Record<string, number>;
    };
    return lineage.files;
  } catch {
    return undefined;
  }
}

/**
 * What a folder with a model lacks to be served; undefined when nothing does: a configuration, weights, a tokenizer, and every
 * file that the registry recorded, in its size.
 */
export function modelFolderProblem(folder: string): string | undefined {
  if (!fs.existsSync(folder)) return "there are no files of it";
  const names = fs.readdirSync(folder);
  const configuration = jsonProblem(path.join(folder, "config.json"));
  if (configuration !== undefined) return configuration;
  if (!names.some((name) => name.endsWith(".safetensors"))) return "there is no file of weights (*.safetensors)";
  if (!names.some((name) => /^(?:tokenizer\.json|tokenizer\.model|vocab\.json|tekken\.json)$/.test(name))) {
    return "there is no tokenizer (tokenizer.json)";
  }
  for (const [name, size] of Object.entries(recordedFiles(folder) ?? {})) {
    const file = path.join(folder, name);
    if (!fs.existsSync(file)) return `${name} is missing`;
    const found = fs.statSync(file).size;
    if (found !== size) return `${name} has ${found} bytes, and was registered with ${size}`;
  }
  return undefined;
}
