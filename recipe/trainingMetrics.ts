import facts from "../flows/posttraining/training_metrics.json";
import type { Readable } from "../validation/readable";
import type { Recipe } from "../contracts/recipe";
import { type Base, isTinyModel, ownBase } from "./recipeRelations";

/** Version of TRL that the facts are of. */
export const trlVersion = facts.version;

/** Names that `train/<name>` may have in a recipe: what TRL logs of such a run, and what it logs of some models only. */
export function trainingMetricNames(
  recipe: Readable<Recipe>,
  { reference }: Base = ownBase(recipe),
): readonly string[] {
  // The project's own model is no mixture of experts.
  const experts = isTinyModel(reference) ? [] : facts[recipe.method].experts;
  if (recipe.method !== "grpo") return [...facts[recipe.method].always, ...experts];
  const known = facts.grpo;
  const { rewards = [], beta, generation } = recipe.grpo ?? {};
  return [
    ...known.always,
    ...rewards.flatMap((reward) => {
      const name = reward?.name;
      return name === undefined ? [] : known["each reward"].map((metric) => metric.replace("{name}", name));
    }),
    ...(beta === 0 ? [] : known.beta),
    ...(generation?.kind === "transformers" ? [] : known.vllm),
    ...experts,
  ];
}
