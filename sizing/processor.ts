import { processorCoefficients } from "../catalog/processors";
import type { Recipe } from "../contracts/recipe";
import tinyFacts from "../flows/posttraining/tiny_facts.json";
import { methodOf } from "../methods";
import { knownSteps } from "../recipe/relations";

/** Examples that are assumed where a recipe runs for epochs and does not say how many there are. */
const assumedExamples = 10_000;

/** Optimizer steps. */
function stepsOf(recipe: Recipe): number {
  const known = knownSteps(recipe);
  if (known !== undefined || !("epochs" in recipe.duration)) return known ?? 0;
  const { examples = assumedExamples, limit = examples } = recipe.dataset;
  const each = methodOf(recipe).stepsPerEpoch(recipe, Math.min(examples, limit)) ?? 0;
  return Math.ceil(recipe.duration.epochs * each);
}

/**
 * Operations for one token and one of the model's weights: 2 forward, 2 back to the activations and 2 to the weights, as far as they are
 * trained; 2 more where a reference model reads it, where the policy writes it (and says how likely it was), for each pass that
 * only scores, and where it is recomputed.
 */
function operationsPerTokenAndWeight(recipe: Recipe): number {
  const method = methodOf(recipe);
  const passes = [
    true,
    true,
    recipe.trainable.kind === "full",
    ["beside", "precomputed"].includes(method.reference(recipe) ?? "none"),
    method.generates,
    recipe.activationCheckpointing === "full",
  ];
  return 2 * (passes.filter(Boolean).length + method.scoringPasses(recipe));
}

/**
 * Hours that a run takes on one machine's processors, where torch has one thread: its steps' processes, and its training by the measured
 * speed of training the tiny model (catalog/processors.ts). What evaluation takes beyond that of the tiny model is not in it.
 *
 * @param parameters of the model
 */
export function processorHours(recipe: Recipe, parameters: number): number {
  const { meanTokens = recipe.sequence.maxLength / 2 } = recipe.dataset;
  const sequences = recipe.batch.global * (methodOf(recipe).batchOf === "pairs" ? 2 : 1);
  const tokens = stepsOf(recipe) * sequences * (recipe.sequence.packing ? recipe.sequence.maxLength : meanTokens);
  const operations = tokens * parameters * operationsPerTokenAndWeight(recipe);
  const { flopsPerSecond, runSecondsBesideTraining } = processorCoefficients;
  return (runSecondsBesideTraining + operations / flopsPerSecond) / 3600;
}

/** The same for a recipe that trains the tiny model, whose size is known. */
export const tinyHours = (recipe: Recipe): number => processorHours(recipe, tinyFacts.model.parameters);
