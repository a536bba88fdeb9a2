import { describe, expect, it } from "vitest";
import type { Recipe } from "../../../contracts/recipe";
import { planErrors } from "../../../recipe/plan";
import { parseRecipe } from "../../../recipe/read";
import { jobFromRecipe } from "../../../sizing/job";
import { planRecipe } from "../../../sizing/planRecipe";
import { documentOf } from "../../recipes/tables";

function recipeWith(values: Readonly<Record<string, unknown>>): Recipe {
  const result = parseRecipe(documentOf("kto", values));
  if (!("recipe" in result)) throw new Error(result.errors.map(({ path, reason }) => `${path}: ${reason}`).join("\n"));
  return result.recipe;
}

/** As much of a recipe as the planner needs for a model that takes GPUs. */
const large = { "model.base": "Qwen/Qwen2.5-3B", precision: "bfloat16-mixed", "sequence.maxLength": 4096 };

describe("KTO", () => {
  it("takes two examples or more in a forward pass on each GPU, where its loss compares them", () => {
    const four = recipeWith({ batch: { global: 4 } });
    expect(planErrors(four, { gpus: 2 })).toEqual([]);
    expect(planErrors(four, { gpus: 4 })).toEqual([
      {
        path: "batch.global",
        reason: "got 4; KTO takes 2 or more examples in one forward pass on each of 4 GPUs: write 8 or more",
      },
    ]);
    const alone = recipeWith({ batch: { global: 4 }, "kto.lossType": "apo_zero_unpaired" });
    expect(planErrors(alone, { gpus: 4 })).toEqual([]);
  });

  it("is sized with its reference model and the passes that only score", () => {
    expect(jobFromRecipe(recipeWith(large))).toMatchObject({
      method: "sft",
      reference: "separate",
      scoringPasses: 2,
      leastMicroBatch: 2,
    });
    const lora = { trainable: { kind: "lora", rank: 8, alpha: 16 } };
    expect(jobFromRecipe(recipeWith({ ...large, ...lora })).reference).toBe("adapter-off");
    const precomputed = recipeWith({ ...large, "kto.precomputeReferenceLogProbabilities": true });
    expect(jobFromRecipe(precomputed)).toMatchObject({ reference: "precomputed", scoringPasses: 1 });
    const apo = recipeWith({ ...large, "kto.lossType": "apo_zero_unpaired" });
    expect(jobFromRecipe(apo)).toMatchObject({ scoringPasses: 0, leastMicroBatch: 1 });
  });

  it("is planned with no fewer than two examples in a forward pass, and takes longer for what it scores", () => {
    const [kto, apo] = (["kto", "apo_zero_unpaired"] as const).map((lossType) =>
      planRecipe(recipeWith({ ...large, "kto.lossType": lossType, duration: { steps: 1000 } }), { families: ["p5"] }),
    );
    expect(kto?.plan.microBatch).toBeGreaterThanOrEqual(2);
    expect(kto?.hours).toBeGreaterThan(apo?.hours ?? Number.POSITIVE_INFINITY);
  });
});
