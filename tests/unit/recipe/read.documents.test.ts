import { describe, expect, it } from "vitest";
import { mergeOverrides, parseRecipe, recipeNames, loadRecipe } from "../../../recipe/read";
import { grpoDocument, sftDocument } from "./recipes";

function recipeRefusal(document: unknown): string {
  const result = parseRecipe(document);
  if (!("errors" in result)) throw new Error("the recipe was accepted");
  return result.errors.map((error) => `${error.path}: ${error.reason}`).join("\n");
}

describe("recipes", () => {
  it.each(recipeNames())("%s is valid and named like its file", (name) => {
    const result = loadRecipe(name);
    expect(result).not.toHaveProperty("errors");
    expect("recipe" in result && result.recipe.name).toBe(name);
  });

  it("fills in defaults", () => {
    const result = parseRecipe(sftDocument);
    if (!("recipe" in result)) throw new Error("refused");
    expect(result.recipe.optimizer.schedule).toBe("cosine");
    expect(result.recipe.sharding).toBe("auto");
  });

  it("refuses an unknown method with the methods that there are", () => {
    expect(recipeRefusal({ ...sftDocument, method: "ppo" })).toContain('method: got "ppo"; allowed: sft, dpo, grpo');
  });

  it("refuses a negative learning rate with its value", () => {
    expect(recipeRefusal({ ...sftDocument, optimizer: { learningRate: -0.1 } })).toContain(
      "optimizer.learningRate: got -0.1; must be greater than 0",
    );
  });

  it("refuses a base model that is no reference", () => {
    expect(recipeRefusal({ ...sftDocument, model: { base: "llama" } })).toContain(
      'model.base: got "llama"; must be a hub id (owner/name)',
    );
  });

  it("refuses a duration that is neither steps nor epochs", () => {
    const text = recipeRefusal({ ...sftDocument, duration: {} });
    expect(text).toContain("duration: got {}; write one of: steps:");
    expect(text).toContain("epochs:");
  });

  it("refuses a gate without a condition", () => {
    expect(recipeRefusal({ ...sftDocument, gate: [{ metric: "tiny_sums/number" }] })).toContain(
      "gate[0]: needs at least one of minimum, maximum, minimumGain",
    );
  });

  it("refuses GRPO whose batch is not a multiple of its generations, or without a longest answer", () => {
    expect(recipeRefusal({ ...grpoDocument, batch: { global: 30 } })).toContain(
      "batch.global: got 30; must be a multiple of grpo.generations (8)",
    );
    expect(recipeRefusal({ ...grpoDocument, sequence: { maxLength: 64 } })).toContain(
      "sequence.maxCompletionLength: is missing",
    );
  });

  it.each([
    ["sft-tiny", { duration: { epochs: 1 } }, { duration: { epochs: 1 } }],
    ["grpo-3b", { duration: { steps: 100 } }, { duration: { steps: 100 } }],
    ["sft-70b", { trainable: { kind: "full" } }, { trainable: { kind: "full" } }],
    [
      "grpo-70b",
      { grpo: { generation: { kind: "transformers" } } },
      { grpo: { generation: { kind: "transformers" } } },
    ],
    // What both kinds know stays.
    ["sft-70b", { trainable: { kind: "qlora" } }, { trainable: { kind: "qlora", rank: 32, bits: 4 } }],
    ["sft-70b", { trainable: { rank: 8 } }, { trainable: { kind: "lora", rank: 8 } }],
    ["grpo-70b", { grpo: { generation: { sleep: false } } }, { grpo: { generation: { kind: "vllm-colocated" } } }],
  ])("%s takes another alternative: %j", (name, set, expected) => {
    const result = loadRecipe(name, set);
    if ("errors" in result) throw new Error(result.errors.map(({ path, reason }) => `${path}: ${reason}`).join("\n"));
    expect(result.recipe).toMatchObject(expected);
  });

  it("keeps to its alternative where the values choose none", () => {
    const text = (name: string, set: Record<string, unknown>): string => {
      const result = loadRecipe(name, set);
      return "errors" in result ? result.errors.map(({ path, reason }) => `${path}: ${reason}`).join("\n") : "";
    };
    expect(text("sft-tiny", { trainable: { rank: 8 } })).toContain('belongs to trainable of kind "lora" or "qlora"');
    expect(text("sft-70b", { trainable: { kind: "ful" } })).toContain("did you mean full?");
    expect(text("sft-70b", { trainable: { kind: "full", rank: 8 } })).toBe(
      'trainable.rank: is not a key here; it belongs to trainable of kind "lora" or "qlora"',
    );
    expect(text("sft-tiny", { duration: { epoch: 1 } })).toContain("did you mean epochs?");
    expect(text("sft-tiny", { method: "dpo" })).toContain("must begin with the method");
  });

  it("replaces lists and scalars, merges trees", () => {
    expect(mergeOverrides({ a: { b: 1, c: [1, 2] }, d: 1 }, { a: { c: [3] }, e: 2 })).toEqual({
      a: { b: 1, c: [3] },
      d: 1,
      e: 2,
    });
  });
});
