import { describe, expect, it } from "vitest";
import { knownExamples, knownSteps, recipeRelations } from "../../../recipe/relations";
import { parseRecipe } from "../../../recipe/read";
import { sftDocument } from "./recipes";

/** What a recipe says as far as it can be read; which relations there are is in tests/recipes/. */
function readingOf(set: object) {
  const result = parseRecipe({ ...sftDocument, ...set });
  const reading = "recipe" in result ? result.recipe : result.reading;
  if (reading === undefined) throw new Error("nothing of it can be read");
  return reading;
}

describe("relations between the fields of a recipe", () => {
  it.each([
    ["a sequence", { sequence: "long" }],
    ["a batch", { batch: { global: "32", micro: 64 } }],
    ["targets", { trainable: { kind: "lora", rank: 8, alpha: 16, targets: [5, "q_proj"] } }],
    ["a condition", { gate: ["strict", { metric: 5, minimum: 0.5 }] }],
    ["a condition's numbers", { gate: [{ metric: "tiny_sums/number", minimum: "high", maximum: 0.1 }] }],
    ["an evaluation", { evaluation: "all" }],
    ["a base model and a source", { model: { base: 5, revision: "main" }, dataset: { source: 5, split: "test" } }],
  ])("say nothing of %s that is wrong by itself", (_what, set) => {
    expect(recipeRelations(readingOf(set))).toEqual([]);
  });

  it("are those of the model that a chain starts from, where that is another than the recipe's own", () => {
    const reading = readingOf({ sequence: { maxLength: 600 } });
    expect(recipeRelations(reading).map(({ path }) => path)).toEqual(["sequence.maxLength"]);
    expect(recipeRelations(reading, { reference: undefined })).toEqual([]);
  });
});

describe("the steps of a run", () => {
  const steps = (set: object): number | undefined => knownSteps(readingOf(set));
  const onHub = { dataset: { source: "owner/data", examples: 1000 } };

  it("are as many as the recipe says, or as its epochs have", () => {
    expect(steps({ duration: { steps: 7 } })).toBe(7);
    // The last batch may be a part of one.
    expect(steps({ ...onHub, duration: { epochs: 1 } })).toBe(32);
    expect(steps({ ...onHub, duration: { epochs: 0.5 } })).toBe(16);
  });

  it("are not known where examples are packed, or nobody knows how many there are", () => {
    expect(steps({ ...onHub, duration: { epochs: 1 }, sequence: { maxLength: 64, packing: true } })).toBeUndefined();
    expect(steps({ dataset: { source: "owner/data" }, duration: { epochs: 1 } })).toBeUndefined();
    expect(steps({ duration: "long" })).toBeUndefined();
  });

  it("are of as many examples as the recipe takes of those that there are", () => {
    const examples = (dataset: object): number | undefined => knownExamples(readingOf({ dataset }));
    expect(examples({ ...onHub.dataset, limit: 10 })).toBe(10);
    expect(examples({ ...onHub.dataset, limit: 5000 })).toBe(1000);
    expect(examples({ source: "owner/data" })).toBeUndefined();
  });
});
