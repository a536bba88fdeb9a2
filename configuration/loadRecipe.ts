import * as fs from "node:fs";
import * as path from "node:path";
import { parseDocument } from "yaml";
import { explainIssues, type FieldError, keysOf, notAllowed } from "./explain";
import { type Recipe, recipeSchema } from "./recipe";

/** Folder of the recipes that come with the project. */
export const recipesDirectory = path.join(__dirname, "..", "flows", "recipes");

/** Names of the recipes that come with the project, sorted. */
export function recipeNames(directory: string = recipesDirectory): string[] {
  return fs
    .readdirSync(directory)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => path.basename(file, ".yaml"))
    .sort();
}

export type RecipeResult = { readonly recipe: Recipe } | { readonly errors: readonly FieldError[] };

/** Overrides for a recipe: the same tree, every key optional. */
export type RecipeOverrides = Readonly<Record<string, unknown>>;

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lays `overrides` over `base`, key by key; lists and scalars replace. */
export function mergeOverrides(base: unknown, overrides: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(overrides)) return overrides === undefined ? base : overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(overrides)) merged[key] = mergeOverrides(base[key], value);
  return merged;
}

/** Validates a recipe document; every wrong field comes back, none is thrown. */
export function parseRecipe(document: unknown): RecipeResult {
  const parsed = recipeSchema.safeParse(document);
  return parsed.success
    ? { recipe: parsed.data }
    : { errors: explainIssues(parsed.error.issues, document, keysOf(recipeSchema)) };
}

/**
 * Reads a recipe by name from the recipes folder, with overrides from the stack's configuration laid over it.
 *
 * @param name file name without `.yaml`.
 */
export function loadRecipe(
  name: string,
  overrides: RecipeOverrides = {},
  directory: string = recipesDirectory,
): RecipeResult {
  const file = path.join(directory, `${name}.yaml`);
  if (!fs.existsSync(file)) return { errors: [{ path: "", reason: notAllowed(name, recipeNames(directory)) }] };
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  if (document.errors.length > 0) {
    return { errors: document.errors.map((error) => ({ path: "", reason: `is not valid YAML: ${error.message}` })) };
  }
  return parseRecipe(mergeOverrides(document.toJS(), overrides));
}
