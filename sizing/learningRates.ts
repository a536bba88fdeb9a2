import type { Recipe } from "../contracts/recipe";

/**
 * Adapters want about ten times the learning rate of all weights, whatever their rank: "LoRA Without Regret", Thinking Machines,
 * 2025-09-29 (https://thinkingmachines.ai/blog/lora/).
 */
const adapterFactor = 10;

/** Learning rates outside of which published trainings of such a kind are rare. */
const usual = {
  full: { least: 1e-7, most: 5e-5 },
  adapters: { least: 2e-6, most: 2e-3 },
} as const;

const kindOf = ({ trainable }: Pick<Recipe, "trainable">): keyof typeof usual =>
  trainable.kind === "full" ? "full" : "adapters";

/** The learning rate for another trained part: of adapters ten times that of all weights. */
export function rateFor(recipe: Recipe, trainable: Recipe["trainable"]): number {
  const { learningRate } = recipe.optimizer;
  const [from, to] = [kindOf(recipe), kindOf({ trainable })];
  if (from === to) return learningRate;
  return Number((to === "adapters" ? learningRate * adapterFactor : learningRate / adapterFactor).toPrecision(12));
}

/** What a plan says of a learning rate that is far from what its kind of training wants. */
export function rateNotes(recipe: Recipe): string[] {
  const { learningRate } = recipe.optimizer;
  const kind = kindOf(recipe);
  const { least, most } = usual[kind];
  if (learningRate >= least && learningRate <= most) return [];
  const what = kind === "full" ? "all weights" : "adapters";
  return [
    `optimizer.learningRate is ${learningRate}; ${what} are usually trained with ${least} to ${most}, adapters with about ten times the rate of all weights.`,
  ];
}
