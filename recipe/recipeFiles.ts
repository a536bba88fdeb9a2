import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { recipeSchema, type Recipe } from "../contracts/recipe";

const folder = join(__dirname, "..", "flows", "recipes");

/**
 * Reads and validates one recipe of the project by name, for example `sft-70b`.
 * @throws with every wrong field named, or with the names that exist.
 */
export function readRecipe(name: string): Recipe {
  const names = recipeNames();
  if (!names.includes(name)) throw new Error(`no recipe ${JSON.stringify(name)}; there are ${names.join(", ")}`);
  const parsed = recipeSchema.safeParse(parse(readFileSync(join(folder, `${name}.yaml`), "utf8")));
  if (!parsed.success)
    throw new Error(`flows/recipes/${name}.yaml is not a valid recipe:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Names of the recipes in `flows/recipes`. */
export function recipeNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.replace(/\.yaml$/, ""))
    .sort();
}
