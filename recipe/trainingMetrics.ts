import type { Recipe } from "../contracts/recipe";
import { methodOf } from "../methods";
import type { Readable } from "../validation/readable";
import { type Base, isTinyModel, ownBase } from "./relations";

/** Names that `train/<name>` may have in a recipe: what TRL logs of such a run, and what it logs of some models only. */
export function trainingMetricNames(
  recipe: Readable<Recipe>,
  { reference }: Base = ownBase(recipe),
): readonly string[] {
  const method = methodOf(recipe);
  // The project's own model is no mixture of experts.
  return [...method.metricNames(recipe), ...(isTinyModel(reference) ? [] : method.facts.metrics.experts)];
}
