import { describe, expect, it } from "vitest";
import { type Plan, planSchema } from "../../../contracts/plan";
import type { Recipe } from "../../../contracts/recipe";
import { planErrors, PlanError, planForThisMachine } from "../../../recipe/plan";
import { parseRecipe } from "../../../recipe/read";
import table from "../../contracts/plans.json";
import { documentOf } from "../../recipes/tables";
import { grpoDocument, sftDocument } from "./recipes";

function recipeOf(document: unknown): Recipe {
  const result = parseRecipe(document);
  if (!("recipe" in result)) throw new Error(result.errors.map(({ path, reason }) => `${path}: ${reason}`).join("\n"));
  return result.recipe;
}

/** The table that tests/flows/library/test_plans.py holds Python's plans to as well. */
describe("plans for one machine that both sides make", () => {
  it.each(table.planned)("$method with $set on $gpus GPUs", ({ method, set, gpus, plan }) => {
    const recipe = recipeOf(documentOf(method, set));
    const expected = { nodes: 1, generationNodes: 0, gpusPerNode: gpus, ...plan } as Plan;
    expect(planErrors(recipe, { gpus })).toEqual([]);
    expect(planForThisMachine(recipe, { gpus })).toEqual(expected);
    expect(planSchema.parse(expected)).toEqual(expected);
    expect(plan.microBatch * plan.gradientAccumulation * Math.max(gpus, 1)).toBe(recipe.batch.global);
  });

  it.each(table.refused)("refused: $method with $set on $gpus GPUs", ({ method, set, gpus, path, text }) => {
    const recipe = recipeOf(documentOf(method, set));
    const errors = planErrors(recipe, { gpus });
    expect(errors.map((error) => error.path)).toEqual([path]);
    expect(errors[0]?.reason).toContain(text);
    const planned = (): unknown => planForThisMachine(recipe, { gpus });
    expect(planned).toThrow(PlanError);
    expect(planned).toThrow(`${path}: ${errors[0]?.reason ?? ""}`);
  });
});

describe("the plan for this machine", () => {
  it("says what needs several processes or a GPU, all of it", () => {
    const recipe = recipeOf({
      ...grpoDocument,
      sharding: "fsdp2",
      model: { ...grpoDocument.model, attention: "flash_attention_2" },
      trainable: { kind: "qlora", rank: 8, alpha: 16 },
      optimizer: { learningRate: 1e-3, name: "paged_adamw_8bit" },
      grpo: { ...grpoDocument.grpo, generation: { kind: "vllm-colocated" } },
    });
    expect(planErrors(recipe, { gpus: 0 }).map(({ path }) => path)).toEqual([
      "sharding",
      "trainable.kind",
      "optimizer.name",
      "model.attention",
      "grpo.generation.kind",
    ]);
  });

  it("passes over a batch that is wrong by itself", () => {
    const recipe = recipeOf(sftDocument);
    expect(planErrors({ ...recipe, batch: { global: 32, micro: 5 } }, { gpus: 4 })).toEqual([]);
    expect(planErrors({ ...recipe, batch: { micro: 5 } }, { gpus: 4 })).toEqual([]);
  });
});
