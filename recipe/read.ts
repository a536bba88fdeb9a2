import * as fs from "node:fs";
import * as path from "node:path";
import { parseDocument } from "yaml";
import { evaluationErrors } from "./evaluationChecks";
import { errorMessage, type FieldError, notAllowed, show } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";
import { type KeyPlaces, keyPlaces } from "../validation/keyPlaces";
import { type Readable, readable } from "../validation/readable";
import { type Recipe, recipeSchema } from "../contracts/recipe";
import { type Base, recipeRelations } from "./relations";
import { alternativeFor, type Schema, schemaOf } from "../validation/schemaParts";

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

/** A recipe of the project that is not valid, or that is none; the message names every wrong field. */
export class RecipeError extends Error {
  constructor(name: string, errors: readonly FieldError[]) {
    super(errorMessage(`The recipe ${show(name)} cannot be used:`, errors));
    this.name = "RecipeError";
  }
}

/** A recipe, or all that is wrong with it and what of it can be read nevertheless. */
export type RecipeResult =
  | { readonly recipe: Recipe }
  | { readonly errors: readonly FieldError[]; readonly reading: Readable<Recipe> | undefined };

/** Overrides for a recipe: the same tree, every key optional. */
export type RecipeOverrides = Readonly<Record<string, unknown>>;

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Lays `overrides` over `base`, key by key; lists and scalars replace. Where they choose another alternative of a union of mappings, as
 * another `kind`, what only the former alternative knows goes: nobody wrote it for this one.
 *
 * @param schema what may stand there, as far as it is known.
 */
export function mergeOverrides(base: unknown, overrides: unknown, schema?: Schema): unknown {
  if (!isPlainObject(base) || !isPlainObject(overrides)) return overrides === undefined ? base : overrides;
  const chosen = schema === undefined ? undefined : alternativeFor(schema, base, overrides);
  const merged = new Map(
    Object.entries(base).filter(([key]) => chosen?.isOther !== true || Object.hasOwn(chosen.shape, key)),
  );
  for (const [key, value] of Object.entries(overrides)) {
    const part = chosen !== undefined && Object.hasOwn(chosen.shape, key) ? chosen.shape[key] : undefined;
    merged.set(key, mergeOverrides(merged.get(key), value, part));
  }
  // Not by assignment, which would take `__proto__` for more than a key.
  return Object.fromEntries(merged);
}

let places: KeyPlaces | undefined;

/** Where each key of a recipe belongs. */
export function recipeKeyPlaces(): KeyPlaces {
  places ??= keyPlaces(recipeSchema);
  return places;
}

/**
 * Validates a recipe document: its fields, what must hold between them, its tasks and metrics; none of it is thrown.
 *
 * @param base the model that is trained where it is not the recipe's own.
 */
export function parseRecipe(document: unknown, base?: Base): RecipeResult {
  const parsed = recipeSchema.safeParse(document);
  const reading = parsed.success ? (parsed.data as Readable<Recipe>) : readable(recipeSchema, document);
  const errors = [
    ...(parsed.success ? [] : explainIssues(parsed.error.issues, document, recipeKeyPlaces())),
    ...(reading === undefined ? [] : [...recipeRelations(reading, base), ...evaluationErrors(reading, base)]),
  ];
  return parsed.success && errors.length === 0 ? { recipe: parsed.data } : { errors, reading };
}

/**
 * What is wrong with the name of a recipe that is none: only what lies in the folder is one. A path, another ending or another case
 * leads elsewhere on some systems.
 */
function unknownRecipe(name: string, names: readonly string[]): FieldError {
  const bare = path.basename(name).replace(/\.ya?ml$/i, "");
  const hint = bare !== name && names.includes(bare) ? ` (did you mean ${bare}?)` : "";
  return { path: "", reason: `${notAllowed(name, names)}${hint}` };
}

/**
 * Reads a recipe by name from the recipes folder, with overrides from the stack's configuration laid over it.
 *
 * @param name file name without `.yaml`.
 * @param base the model that is trained where it is not the recipe's own.
 */
export function loadRecipe(
  name: string,
  overrides: RecipeOverrides = {},
  base?: Base,
  directory: string = recipesDirectory,
): RecipeResult {
  const names = recipeNames(directory);
  if (!names.includes(name)) return { errors: [unknownRecipe(name, names)], reading: undefined };
  const file = readRecipeFile(path.join(directory, `${name}.yaml`));
  return "errors" in file
    ? { errors: file.errors, reading: undefined }
    : parseRecipe(overridden(file.document, overrides), base);
}

/**
 * A recipe of the project as its file has it, for example `sft-70b`, held to the same as those of stacks.
 *
 * @throws RecipeError naming every wrong field, or the names that exist.
 */
export function readRecipe(name: string, directory: string = recipesDirectory): Recipe {
  const result = loadRecipe(name, {}, undefined, directory);
  if ("errors" in result) throw new RecipeError(name, result.errors);
  return result.recipe;
}

/** Overrides with one more value, laid in by the path of its field. */
export function withOverride(
  tree: RecipeOverrides,
  [key = "", ...rest]: readonly string[],
  value: unknown,
): RecipeOverrides {
  const below = Object.hasOwn(tree, key) ? tree[key] : undefined;
  const branch = typeof below === "object" && below !== null && !Array.isArray(below) ? (below as RecipeOverrides) : {};
  return { ...tree, [key]: rest.length === 0 ? value : withOverride(branch, rest, value) };
}

/** The method is the file's: overrides that name another one are a slip, which the recipe's other fields then show. */
export function overridden(document: unknown, overrides: RecipeOverrides): unknown {
  const method = isPlainObject(document) ? document.method : undefined;
  return mergeOverrides(document, overrides, schemaOf(recipeSchema, { method }));
}

type RecipeFile = { readonly document: unknown } | { readonly errors: readonly FieldError[] };

const files = new Map<string, RecipeFile>();

/** Each file is read once: stages may share a recipe. */
function readRecipeFile(file: string): RecipeFile {
  const known = files.get(file);
  if (known !== undefined) return known;
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  const read =
    document.errors.length > 0
      ? { errors: document.errors.map((error) => ({ path: "", reason: `is not valid YAML: ${error.message}` })) }
      : { document: document.toJS() as unknown };
  files.set(file, read);
  return read;
}
