import type { Recipe } from "../contracts/recipe";
import { isTinyModel } from "../recipe/relations";
import { processorHours, tinyHours } from "./processor";
import { countParameters, findShape } from "./shape";

/**
 * Hours that a recipe's run takes on this machine's processors, whatever model it trains. Apart from `tinyHours`, since the table of
 * models takes a tenth of a second to load.
 *
 * @returns undefined where the planner does not know the model's size
 */
export function modelHours(recipe: Recipe): number | undefined {
  if (isTinyModel(recipe.model.base)) return tinyHours(recipe);
  const shape = findShape(recipe.model.shape ?? recipe.model.base);
  return shape === undefined ? undefined : processorHours(recipe, countParameters(shape).total);
}
