import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import { canonical } from "../contracts/canonical";
import { shellWord } from "../machine/shellWord";
import { localStackMachine, planErrors, planForThisMachine } from "../recipe/plan";
import { loadRecipe, type RecipeOverrides, recipeNames, withOverride } from "../recipe/read";
import { isTinyModel } from "../recipe/relations";

/** The command that rehearses a run: what a refusal asks for. */

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** Values of a tree that another one has not, by their paths; undefined where the other one has more than can be taken away. */
function differences(own: Tree, file: Tree, path: readonly string[] = []): [string, unknown][] {
  return Object.entries(own).flatMap(([key, value]): [string, unknown][] => {
    const [here, there] = [[...path, key], file[key]];
    if (canonical(value) === canonical(there)) return [];
    return isTree(value) && isTree(there) ? differences(value, there, here) : [[here.join("."), value]];
  });
}

/** A value as `--set` reads it: YAML, of which JSON is a part; words stand for themselves. */
const written = (value: unknown): string =>
  typeof value === "string" && /^[A-Za-z][\w/-]*$/.test(value) && !/^(?:true|false|null|yes|no)$/i.test(value)
    ? value
    : JSON.stringify(value);

/** The overrides that make a recipe of a file, by their paths; undefined where none do. */
function settingsOf(recipe: Recipe): [string, unknown][] | undefined {
  if (!recipeNames().includes(recipe.name)) return undefined;
  const file = loadRecipe(recipe.name);
  if ("errors" in file) return undefined;
  const settings = differences(recipe, file.recipe);
  const overrides = settings.reduce<RecipeOverrides>(
    (tree, [path, value]) => withOverride(tree, path.split("."), value),
    {},
  );
  const made = loadRecipe(recipe.name, overrides);
  return "recipe" in made && canonical(made.recipe) === canonical(recipe) ? settings : undefined;
}

/** Whether the command plans the same of its own accord, as far as that can be told without the planner, which is long to load. */
function isPlanned(recipe: Recipe, plan: Plan): boolean {
  if (plan.gpusPerNode > 0 || !isTinyModel(recipe.model.base) || planErrors(recipe, localStackMachine).length > 0) {
    return false;
  }
  return canonical(planForThisMachine(recipe, localStackMachine)) === canonical(plan);
}

/**
 * The command that rehearses a recipe with its plan.
 *
 * @returns undefined where the recipe is none that the command can make: one of a program's own.
 */
export function rehearseCommandLine(recipe: Recipe, plan: Plan): string | undefined {
  const settings = settingsOf(recipe);
  if (settings === undefined) return undefined;
  return [
    `npm run rehearse -- ${recipe.name}`,
    ...settings.map(([path, value]) => `--set ${shellWord(`${path}=${written(value)}`)}`),
    ...(isPlanned(recipe, plan) ? [] : [`--plan ${shellWord(JSON.stringify(plan))}`]),
  ].join(" ");
}

/** What to do about a run that must not start yet. */
export function rehearsalRemedy(recipe: Recipe, plan: Plan): string {
  const command = rehearseCommandLine(recipe, plan);
  const byHand = command === undefined ? "" : `run \`${command}\`, or `;
  return `${byHand}write "first" to have \`up\` rehearse it, or "none" to start it without a rehearsal`;
}
