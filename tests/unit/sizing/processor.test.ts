import { describe, expect, it } from "vitest";
import { measuredRuns } from "../../../catalog/processors";
import type { Recipe } from "../../../contracts/recipe";
import { readRecipe } from "../../../recipe/read";
import { planRecipe } from "../../../sizing/planRecipe";
import { modelHours } from "../../../sizing/modelHours";

const seconds = (recipe: Recipe): number => (modelHours(recipe) ?? Number.NaN) * 3600;

describe("what a run takes on a processor", () => {
  it.each(measuredRuns)("is as it was measured, within a fifth: $recipe", ({ recipe, runSeconds }) => {
    expect(seconds(readRecipe(recipe)) / runSeconds).toBeGreaterThan(0.8);
    expect(seconds(readRecipe(recipe)) / runSeconds).toBeLessThan(1.2);
  });

  it("is what the planner says of a recipe for the tiny model, and costs nothing", () => {
    const recipe = readRecipe("grpo-tiny");
    expect(planRecipe(recipe)).toMatchObject({ hours: modelHours(recipe), usdPerRun: 0 });
  });

  it("grows with the steps, the batch, the tokens and the model", () => {
    const recipe = readRecipe("sft-tiny");
    const start = seconds({ ...recipe, duration: { steps: 1 } });
    const training = (other: Recipe): number => seconds(other) - start;
    const one = training({ ...recipe, duration: { steps: 101 } });
    expect(training({ ...recipe, duration: { steps: 201 } })).toBeCloseTo(2 * one);
    // 4000 examples in batches of 32.
    expect(training({ ...recipe, duration: { epochs: 2 } })).toBeCloseTo((249 / 100) * one);
    expect(seconds({ ...recipe, batch: { global: 64 } })).toBeGreaterThan(seconds(recipe));
    expect(seconds({ ...recipe, dataset: { ...recipe.dataset, meanTokens: 48 } })).toBeGreaterThan(seconds(recipe));
    const adapter = { kind: "lora", rank: 8, alpha: 16, dropout: 0, targets: "all-linear", saves: "both" } as const;
    expect(seconds({ ...recipe, trainable: adapter })).toBeLessThan(seconds(recipe));
    const small = { ...recipe, model: { ...recipe.model, base: "Qwen/Qwen2.5-3B" } };
    expect(seconds(small)).toBeGreaterThan(1000 * seconds(recipe));
  });

  it("is not guessed where nobody knows the model", () => {
    const recipe = readRecipe("sft-tiny");
    expect(modelHours({ ...recipe, model: { ...recipe.model, base: "owner/model" } })).toBeUndefined();
  });
});
