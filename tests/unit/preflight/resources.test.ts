import { describe, expect, it } from "vitest";
import type { Recipe } from "../../../contracts/recipe";
import {
  contextErrors,
  contextOf,
  downloadOf,
  inGib,
  leastDisk,
  leastMemory,
  memoryErrors,
  rankErrors,
  shapeErrors,
  shapeOf,
  targetErrors,
} from "../../../preflight/resources";
import { parseRecipe } from "../../../recipe/read";
import { countAdapterParameters, countParameters, shapeFromConfig } from "../../../sizing/shape";
import { sftDocument } from "../recipe/recipes";

/** A thousand million parameters, near enough. */
const shape = shapeFromConfig("own/model", {
  num_hidden_layers: 24,
  hidden_size: 1024,
  num_attention_heads: 16,
  intermediate_size: 4096,
  vocab_size: 32000,
  rms_norm_eps: 1e-6,
});
const { total } = countParameters(shape);
const adapter = countAdapterParameters(shape, 8, "all-linear");

function recipeOf(set: object): Recipe {
  const result = parseRecipe({ ...sftDocument, model: { base: "own/model" }, ...set });
  if (!("recipe" in result)) throw new Error(result.errors.map(({ path, reason }) => `${path}: ${reason}`).join("\n"));
  return result.recipe;
}
const lora = { kind: "lora", rank: 8, alpha: 16 };
const dpo = { method: "dpo", name: "dpo-test", dpo: {} };

describe("the least memory of a training", () => {
  it.each([
    ["all weights, their gradients and two moments", {}, total * 16],
    ["as much with arithmetic in bfloat16", { precision: "bfloat16-mixed" }, total * 16],
    [
      "less where moments have 8 bits",
      { precision: "bfloat16-stochastic", optimizer: { name: "adamw_torch_8bit", learningRate: 1e-5 } },
      total * 6,
    ],
    ["all of them in half the bytes", { precision: "bfloat16" }, total * 8],
    ["the model, and an adapter's in float32", { trainable: lora }, total * 4 + adapter * 16],
    [
      "the model in half the bytes, and an adapter's in float32",
      { trainable: lora, precision: "bfloat16-mixed" },
      total * 2 + adapter * 16,
    ],
    ["a reference beside the trained model", dpo, total * 20],
    ["a reference in half the bytes", { ...dpo, precision: "bfloat16-mixed" }, total * 18],
    ["no reference beside an adapter, which can be left out", { ...dpo, trainable: lora }, total * 4 + adapter * 16],
  ])("is %s", (_what, set, bytes) => {
    expect(leastMemory(recipeOf(set), shape)).toBe(bytes);
  });

  it("is not known where a field that decides it is wrong", () => {
    const { precision, trainable, ...recipe } = recipeOf({});
    expect(leastMemory({ ...recipe, trainable }, shape)).toBeUndefined();
    expect(leastMemory({ ...recipe, precision, trainable: { kind: "lora", rank: undefined } }, shape)).toBeUndefined();
    expect(leastDisk({ ...recipe, precision }, shape)).toBeUndefined();
  });
});

describe("a recipe that memory cannot hold", () => {
  const options = { isFirst: true, recipeName: "sft-test" };
  const errors = (recipe: Recipe, memory: number, isFirst = true) =>
    memoryErrors(recipe, shape, memory, { ...options, isFirst });

  it("is refused from the first byte that is missing", () => {
    expect(errors(recipeOf({}), total * 16)).toEqual([]);
    expect(errors(recipeOf({}), total * 16 - 1)).toHaveLength(1);
  });

  it("may be trained with an adapter where the model alone has room", () => {
    const [error] = errors(recipeOf({}), total * 4 + 1);
    expect(error?.path).toBe("trainable.kind");
    expect(error?.reason).toMatch(
      /^got "full"; training own\/model \(\S+ billion parameters, all weights, float32\) .* at least \S+ GiB of memory, and it has \S+ GiB: write lora, or choose a smaller model$/,
    );
  });

  it("needs a smaller model or GPUs otherwise; a later stage has its model from the first", () => {
    for (const recipe of [recipeOf({}), recipeOf({ trainable: lora })]) {
      const [error] = errors(recipe, total * 4);
      expect(error?.path).toBe("model.base");
      expect(error?.reason).toContain("choose a smaller model, or train on GPUs (`npm run plan -- sft-test`");
      expect(errors(recipe, total * 4, false)[0]?.path).toBe("");
    }
  });
});

describe("the least disk of a run", () => {
  it.each([
    [
      "the model, where no checkpoint comes before it",
      { duration: { steps: 10 }, checkpointEverySteps: 10 },
      total * 4,
    ],
    [
      "and a checkpoint with moments for each that does",
      { duration: { steps: 11 }, checkpointEverySteps: 5 },
      total * 4 + 2 * total * 12,
    ],
    [
      "of an adapter the adapter's",
      { trainable: lora, duration: { steps: 6 }, checkpointEverySteps: 5 },
      total * 4 + adapter * 12,
    ],
    // Of a dataset of unknown size only the model is known.
    [
      "the model alone where nobody knows the steps",
      { dataset: { source: "owner/data" }, duration: { epochs: 1 }, checkpointEverySteps: 1 },
      total * 4,
    ],
  ])("is %s", (_what, set, bytes) => {
    expect(leastDisk(recipeOf(set), shape)).toBe(bytes);
  });

  it("is beside the download, which comes in 16 bits", () => {
    expect(downloadOf(shape)).toBe(total * 2);
    expect(inGib(1.5 * 2 ** 30)).toBe("1.50 GiB");
  });
});

describe("a model that a config.json or the planner's table knows", () => {
  it("is of the shape that its config.json says, and else of the one that the recipe or its name names", () => {
    const [other, named] = [
      recipeOf({ model: { base: "Qwen/Qwen3-8B", shape: "Qwen/Qwen3-4B" } }),
      recipeOf({ model: { base: "Qwen/Qwen3-8B" } }),
    ];
    const config = { num_hidden_layers: 1, hidden_size: 64, num_attention_heads: 1, vocab_size: 100 };
    expect(shapeOf(other, config)?.layers).toBe(1);
    expect(shapeOf(other, { architectures: ["Unknown"] })?.name).toBe("Qwen/Qwen3-4B");
    expect(shapeOf(named, undefined)?.name).toBe("Qwen/Qwen3-8B");
    expect(shapeOf(undefined, undefined)).toBeUndefined();
  });

  it("is refused by a name that the table does not have, with one that it has", () => {
    const shapeOfName = (name: string) => shapeErrors({ ...recipeOf({}), model: { base: "own/model", shape: name } });
    expect(shapeOfName("meta-llama/Llama-3.1-8B")).toEqual([]);
    expect(shapeOfName("zebra")).toEqual([
      { path: "model.shape", reason: `got "zebra"; the planner's table has no such model` },
    ]);
    expect(shapeOfName("bigscience/TO_3B")[0]?.reason).toContain("(did you mean bigscience/T0_3B?)");
  });
});

describe("what a model's config.json says of a recipe", () => {
  it("no adapter is wider than the model", () => {
    const rank = (value: number) => rankErrors(recipeOf({ trainable: { ...lora, rank: value } }), shape);
    expect(rank(1024)).toEqual([]);
    expect(rank(1025)).toEqual([
      {
        path: "trainable.rank",
        reason: "got 1025; own/model is 1024 wide, and no adapter can have a higher rank: write 1024 or less",
      },
    ]);
    expect(rankErrors(recipeOf({}), shape)).toEqual([]);
  });

  it("a context is where architectures state it, also where a model can see", () => {
    expect(contextOf({ max_position_embeddings: 4096, n_positions: 1 })).toBe(4096);
    expect(contextOf({ n_positions: 1024 })).toBe(1024);
    expect(contextOf({ text_config: { max_position_embeddings: 8192 } })).toBe(8192);
    expect(contextOf({ max_position_embeddings: "many" })).toBeUndefined();
    expect(contextOf(null)).toBeUndefined();
  });

  it("a sequence is as long as the context at most, and an answer leaves room for a prompt", () => {
    const paths = (maxLength: number, maxCompletionLength?: number) =>
      contextErrors(
        {
          ...recipeOf({}),
          sequence: { maxLength, ...(maxCompletionLength === undefined ? {} : { maxCompletionLength }) },
        },
        512,
        "own/model",
      ).map(({ path, reason }) => `${path}: ${reason}`);
    expect(paths(512)).toEqual([]);
    const tooLong = "sequence.maxLength: got 1024; own/model has a context of 512 tokens: write that or less";
    expect(paths(1024, 511)).toEqual([tooLong]);
    expect(paths(1024, 512)).toEqual([
      tooLong,
      "sequence.maxCompletionLength: got 512; own/model has a context of 512 tokens, which holds prompt and answer: write 511 or less",
    ]);
    // It is refused already for being as long as the whole sequence.
    expect(paths(1024, 1024)).toEqual([tooLong]);
  });

  it("targets of an adapter are judged where the architecture's modules are known", () => {
    const trainable = { ...lora, targets: ["q_proj", "model.layers.0.self_attn.q_proj", "c_attn"] };
    const paths = (config: unknown) => targetErrors(recipeOf({ trainable }), config).map(({ path }) => path);
    expect(paths({ model_type: "llama" })).toEqual(["trainable.targets[2]"]);
    expect(paths({ model_type: "vision", text_config: { model_type: "llama" } })).toEqual(["trainable.targets[2]"]);
    expect(paths({ model_type: "gpt2" })).toEqual([]);
    expect(paths(undefined)).toEqual([]);
  });
});
