import { describe, expect, it } from "vitest";
import { nearest } from "../../../validation/explain";
import { mergeOverrides, parseRecipe, recipeNames, loadRecipe } from "../../../recipe/read";
import { ConfigurationError } from "../../../validation/configurationError";
import { parseLocal } from "../../../configuration/local";
import { parseStackConfiguration } from "../../../configuration/stackConfiguration";
import { grpoDocument, sftDocument } from "../recipe/recipes";

const local = {
  kind: "local",
  stages: [
    { name: "sft", recipe: "sft-tiny" },
    { name: "dpo", recipe: "dpo-tiny", from: "sft" },
  ],
  endpoint: { serves: "dpo" },
};

/** The refusal's text; fails when nothing was refused. */
function refusalOf(document: unknown): string {
  try {
    parseStackConfiguration(document);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

function recipeRefusal(document: unknown): string {
  const result = parseRecipe(document);
  if (!("errors" in result)) throw new Error("the recipe was accepted");
  return result.errors.map((error) => `${error.path}: ${error.reason}`).join("\n");
}

describe("stack configuration", () => {
  it("reads a local stack with its recipes", () => {
    const configuration = parseLocal(local);
    expect(configuration.stages.map((stage) => [stage.name, stage.recipe.method, stage.from])).toEqual([
      ["sft", "sft", undefined],
      ["dpo", "dpo", "sft"],
    ]);
    expect(configuration.store.removal).toBe("retain");
    expect(configuration.endpoint?.engine).toBe("auto");
  });

  it("refuses an unknown kind with the kinds that there are", () => {
    const text = refusalOf({ kind: "locl" });
    expect(text).toContain('kind: got "locl"; allowed: local, platform, experiment (did you mean local?)');
  });

  it("refuses an empty configuration", () => {
    expect(refusalOf({})).toContain("kind: got nothing; allowed: local, platform, experiment");
  });

  it("says that experiments are not available yet", () => {
    expect(refusalOf({ kind: "experiment" })).toContain('kind: "experiment" is not available yet');
  });

  it("names a misspelt key and the right one", () => {
    expect(refusalOf({ ...local, stagess: [] })).toContain("stagess: is not a known key; did you mean stages?");
    expect(refusalOf({ ...local, endpoint: { serves: "dpo", prot: 1 } })).toContain(
      "endpoint.prot: is not a known key; did you mean port?",
    );
  });

  it("names every wrong field in one message", () => {
    const text = refusalOf({
      kind: "local",
      store: { port: 9000 },
      stages: [
        { name: "sft", recipe: "sft-tny" },
        { name: "sft", recipe: "sft-tiny", from: "nothing" },
        { name: "dpo", recipe: "dpo-tiny", set: { optimizer: { learningRate: -1, learnigRate: 2 } } },
      ],
      endpoint: { serves: "grpo", port: 9000 },
    });
    expect(text).toContain('stages[0].recipe: got "sft-tny"; allowed:');
    expect(text).toContain("did you mean sft-tiny?");
    expect(text).toContain('stages[1].name: "sft" is used twice');
    expect(text).toContain('stages[1].from: got "nothing"; must be an earlier stage: sft');
    expect(text).toContain("stages[2].recipe (dpo-tiny) optimizer.learningRate: got -1; must be greater than 0");
    expect(text).toContain(
      "stages[2].recipe (dpo-tiny) optimizer.learnigRate: is not a known key; did you mean learningRate?",
    );
    expect(text).toContain('endpoint.serves: got "grpo"; must be one of the stages: sft, sft, dpo');
    expect(text).toContain("endpoint.port: 9000 is store.port too");
  });

  it("refuses ports that need privileges or do not exist", () => {
    expect(refusalOf({ ...local, store: { port: 80 } })).toContain("store.port: got 80");
    expect(refusalOf({ ...local, store: { port: 70000 } })).toContain("store.port: got 70000");
  });

  it("lays a stage's values over its recipe", () => {
    const configuration = parseLocal({
      kind: "local",
      stages: [{ name: "sft", recipe: "sft-tiny", set: { optimizer: { learningRate: 0.001 } } }],
    });
    const [stage] = configuration.stages;
    const untouched = loadRecipe("sft-tiny");
    if ("errors" in untouched) throw new Error("sft-tiny is not valid");
    expect(stage?.recipe.optimizer).toEqual({ ...untouched.recipe.optimizer, learningRate: 0.001 });
  });
});

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

describe("did you mean", () => {
  it("offers a near word and nothing for a far one", () => {
    expect(nearest("learningrate", ["learningRate", "schedule"])).toBe("learningRate");
    expect(nearest("zebra", ["learningRate", "schedule"])).toBeUndefined();
  });
});
