import { describe, expect, it, vi } from "vitest";
import { planForThisMachine } from "../../../recipe/plan";
import { readRecipe, recipeNames } from "../../../recipe/read";
import { type Job, JobError, jobFromRecipe } from "../../../sizing/job";
import { candidates } from "../../../sizing/search";
import { NothingFitsError, planFromCandidate, planRecipe } from "../../../sizing/planRecipe";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

describe("a plan for a recipe", () => {
  it("holds what the flow reads", () => {
    for (const name of recipeNames().filter((entry) => !entry.endsWith("-tiny"))) {
      const recipe = readRecipe(name);
      const plan = planRecipe(recipe);
      const { nodes, generationNodes, gpusPerNode, microBatch, gradientAccumulation } = plan.plan;
      expect(microBatch * gradientAccumulation * (nodes - generationNodes) * gpusPerNode).toBe(recipe.batch.global);
      expect(["none", "ddp", "fsdp2", "zero2", "zero3"]).toContain(plan.plan.sharding);
      expect(["none", "full"]).toContain(plan.plan.activationCheckpointing);
      expect(plan.machines?.instanceType).toMatch(/xlarge$/);
      expect(plan.alternatives).toHaveLength(2);
      expect(plan.plan.generation !== undefined).toBe(recipe.method === "grpo");
    }
  });

  it("says where states are offloaded, which the flows do not do", () => {
    const job: Job = { ...jobFromRecipe(readRecipe("sft-70b")), trainable: { kind: "full" } };
    const offloaded = candidates(job, { allowOffload: true }).find(({ layout }) => layout.offload !== "none");
    if (offloaded === undefined) throw new Error("nothing is offloaded");
    expect(planFromCandidate("sft-70b", offloaded, "").offload).toBe("parameters");
    expect(planRecipe(readRecipe("sft-70b")).offload).toBe("none");
  });

  it("follows what the recipe fixes", () => {
    const recipe = readRecipe("sft-70b");
    const plan = planRecipe({
      ...recipe,
      sharding: "zero3",
      activationCheckpointing: "full",
      batch: { global: 64, micro: 1 },
    });
    expect(plan.plan).toMatchObject({ sharding: "zero3", activationCheckpointing: "full", microBatch: 1 });
  });

  it("needs no GPU for a tiny model", () => {
    const recipe = readRecipe("sft-3b");
    const plan = planRecipe({ ...recipe, model: { ...recipe.model, base: "tiny:llama" } });
    expect(plan.plan).toEqual(planForThisMachine(recipe, { gpus: 0 }));
    expect(plan.machines).toBeNull();
  });

  it("names the field to set when the model's shape is not known", () => {
    const recipe = readRecipe("sft-3b");
    const unknown = { ...recipe, model: { base: "s3://bucket/model", attention: "sdpa" as const } };
    expect(() => planRecipe(unknown)).toThrow(JobError);
    expect(() => planRecipe(unknown)).toThrow(/model\.shape.*s3:\/\/bucket\/model.*meta-llama\/Llama-3\.2-1B/s);
  });

  it("throws what would fit when nothing does", () => {
    expect(() => planRecipe(readRecipe("dpo-70b"), { families: ["g6"], maximumNodes: 1 })).toThrow(NothingFitsError);
  });
});
