import fc from "fast-check";
import { catalog } from "../../catalog/instances";
import { canonical } from "../../contracts/canonical";
import { placementSchema } from "../../contracts/placement";
import type { Recipe } from "../../contracts/recipe";
import { type RunDocument, runDocumentSchema } from "../../contracts/runDocument";
import { readRecipe, recipeNames } from "../../recipe/read";
import { isTiny, jobFromRecipe } from "../../sizing/job";
import { planFromCandidate, planRecipe, type SizedPlan } from "../../sizing/planRecipe";
import { candidates, type Constraints, search } from "../../sizing/search";
import { withTrainable } from "../../sizing/table";

/**
 * Writes a run document for every plan that the planner gives for the project's recipes and for variants of them, under constraints made
 * at random, alternatives and all; one JSON object a line, each once. tests/flows/library/test_every_plan.py has the flows' side read them.
 */

/** Constraints of each variant of a recipe. */
const samples = 6;

const families = [...new Set(catalog.instances.map(({ family }) => family))];

const constraints: fc.Arbitrary<Constraints> = fc.record(
  {
    families: fc.subarray(families, { minLength: 1 }),
    capacity: fc.subarray(["on-demand" as const, "capacity-block" as const], { minLength: 1 }),
    maximumUsdPerRun: fc.integer({ min: 5, max: 5000 }),
    maximumUsdPerHour: fc.integer({ min: 2, max: 1000 }),
    maximumHours: fc.integer({ min: 1, max: 100 }),
    maximumNodes: fc.integer({ min: 1, max: 16 }),
    headroom: fc.constantFrom(0, 0.1, 0.3),
    objective: fc.constantFrom("cheapest" as const, "fastest" as const),
  },
  { requiredKeys: [] },
);

/** A recipe, and the same with what decides how it may be laid out changed. */
function variantsOf(recipe: Recipe): Recipe[] {
  if (isTiny(recipe)) return [recipe];
  const adapter = withTrainable(recipe, "LoRA");
  const quantised: Recipe =
    adapter.trainable.kind === "lora"
      ? { ...adapter, trainable: { ...adapter.trainable, kind: "qlora", bits: 4 } }
      : adapter;
  const variants = [adapter, withTrainable(recipe, "full"), quantised];
  return variants.flatMap((variant): Recipe[] => {
    switch (variant.method) {
      case "dpo":
        return [false, true].map((precomputeReferenceLogProbabilities) => ({
          ...variant,
          dpo: { ...variant.dpo, precomputeReferenceLogProbabilities },
        }));
      case "grpo":
        return (
          [
            { kind: "transformers" },
            { kind: "vllm-colocated", memoryUtilization: "auto", sleep: true },
            { kind: "vllm-server" },
          ] as const
        ).map((generation) => ({ ...variant, grpo: { ...variant.grpo, generation } }));
      default:
        return [variant];
    }
  });
}

function plansFor(recipe: Recipe, seed: number): SizedPlan[] {
  if (isTiny(recipe)) return [planRecipe(recipe)];
  const job = jobFromRecipe(recipe);
  const plans = candidates(job).map((candidate) => planFromCandidate(recipe.name, candidate, ""));
  for (const limits of fc.sample(constraints, { seed, numRuns: samples })) {
    const result = search(job, limits);
    if (!result.fits) continue;
    for (const { plan, reason } of [result.best, ...result.alternatives]) {
      plans.push(planFromCandidate(recipe.name, plan, reason));
    }
  }
  return plans;
}

/** Where the pods of all of them go: tasks there have an image of their own, whose packages this machine need not have. */
const placement = placementSchema.parse({
  image: "example/training:1",
  namespace: "jobs",
  serviceAccount: "flows",
  cpu: 8,
  memory: 64_000,
  disk: 200_000,
});

const written = new Set<string>();
for (const [index, recipe] of recipeNames()
  .flatMap((name) => variantsOf(readRecipe(name)))
  .entries()) {
  for (const { plan } of plansFor(recipe, index)) {
    const document: RunDocument = {
      ...{ recipe, plan, placement, name: recipe.name },
      ...{ baseModelUri: null, modelsRoot: "s3://bucket/models", modelUri: null },
    };
    const line = canonical(runDocumentSchema.parse(document));
    if (written.has(line)) continue;
    written.add(line);
    process.stdout.write(`${line}\n`);
  }
}
