import facts from "../flows/posttraining/training_metrics.json";
import type { Readable } from "./readable";
import type { Recipe } from "./recipe";

/** Version of TRL that the facts are of. */
export const trlVersion = facts.version;

/** Names that `train/<name>` may have in a recipe: what TRL logs of such a run, and what it logs of some models only. */
export function trainingMetricNames(recipe: Readable<Recipe>): readonly string[] {
  if (recipe.method !== "grpo") return [...facts[recipe.method].always, ...facts[recipe.method].experts];
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
    ...known.experts,
  ];
}
