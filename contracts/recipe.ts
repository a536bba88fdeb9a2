import { z } from "zod";
import { methods } from "../methods";
import type { Method } from "../methods/method";
import { plainText, textLike, wholeNumber } from "../validation/primitives";

/**
 * The recipe of one post-training run: the data that the GPU planner (TypeScript) and the flow (Python) both read.
 *
 * A recipe says what to train and how good it must become; it says nothing about machines. The planner derives those.
 * Keys are strict on purpose: a misspelt hyperparameter must not silently train with a default. Bounds lie far outside of what
 * anybody has trained with, so that what is beyond them is a slip. What must hold between fields is in recipe/recipeRelations.ts;
 * what only recipes of one method have, in methods/.
 */

/** The hub's rule for names of repositories (huggingface_hub, validate_repo_id), with an owner. */
const hubId = String.raw`(?!.*(?:--|\.\.|\.git$))\w(?:[\w.-]{0,94}\w)?\/\w(?:[\w.-]{0,94}\w)?`;

/** A prefix or an object in a store, and a path on this machine. */
const places = String.raw`s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/(?!\/)${plainText}|file:\/\/\/${plainText}`;

/** Tokens of the longest context that any model has had. */
const longestSequence = 10_485_760;
const mostSteps = 10_000_000;
const mostExamples = 10_000_000_000;
const largestBatch = 1_048_576;

/** Where weights come from: a hub id, a prefix in an object store, a folder, or the model that the project makes itself. */
export const modelReferenceSchema = textLike(
  `tiny:llama|${places}|${hubId}`,
  "must be a hub id (owner/name), an s3://bucket/prefix, a file:///folder, or tiny:llama",
);

/** Where examples come from: a hub id, JSON lines in an object store or a folder, or the task that the project makes itself. */
const datasetSourceSchema = textLike(
  `tiny:sums|${places}|${hubId}`,
  "must be a hub id (owner/name), JSON lines at s3://bucket/path or file:///path, or tiny:sums",
);

const modelSchema = z.strictObject({
  /** Base model; another experiment's output may replace it when the run is deployed. */
  base: modelReferenceSchema,
  /** Hub revision (branch, tag or commit); pin it for runs that must be repeatable. */
  revision: textLike(String.raw`\w(?:[\w./-]{0,253}\w)?`, "must be a branch, a tag or a commit").optional(),
  /** Key of the model's shape in the planner's table, for example `Qwen/Qwen2.5-3B`; defaults to `base`. */
  shape: textLike(plainText, "must be a model of the planner's table, such as Qwen/Qwen2.5-3B").optional(),
  /** Attention implementation that `transformers` is asked for. */
  attention: z.enum(["eager", "sdpa", "flash_attention_2", "flash_attention_3"]).default("sdpa"),
});

const datasetSchema = z.strictObject({
  source: datasetSourceSchema,
  /** Hub configuration (subset) name. */
  subset: textLike(plainText, "must be the name of a subset, without blanks at its ends").optional(),
  split: textLike(
    String.raw`[\w.+:%[\]-]+`,
    "must be a split such as train, or a part of one such as train[:10%]",
  ).default("train"),
  /** Use only the first `limit` examples. */
  limit: wholeNumber(1, mostExamples).optional(),
  /** Number of training examples; the planner needs it for hours and dollars where the run is measured in epochs. */
  examples: wholeNumber(1, mostExamples).optional(),
  /** Mean tokens per example (prompt and answer), for hours and dollars. */
  meanTokens: wholeNumber(1, longestSequence).optional(),
});

const sequenceSchema = z.strictObject({
  /** Longest sequence in tokens, prompt and answer together. Below 8 nothing of an answer is left to learn from. */
  maxLength: wholeNumber(8, longestSequence),
  /** Longest answer in tokens that a policy may generate (GRPO). */
  maxCompletionLength: wholeNumber(1, longestSequence).optional(),
  /** Pack several examples into one sequence (SFT). */
  packing: z.boolean().default(false),
});

const adapter = {
  rank: wholeNumber(1, 4096),
  alpha: z.number().positive().max(65_536),
  dropout: z.number().min(0).lt(1).default(0),
  /** Module names, or `all-linear`. */
  targets: z
    .union([
      z.literal("all-linear"),
      z.array(textLike(String.raw`[A-Za-z_][\w.]*`, "must be the name of a module, such as q_proj")).min(1),
    ])
    .default("all-linear"),
};

const trainableSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("full") }),
  z.strictObject({ kind: z.literal("lora"), ...adapter }),
  z.strictObject({
    kind: z.literal("qlora"),
    ...adapter,
    /** Bits of the quantised base: 4 is bitsandbytes NF4. */
    bits: z.literal(4).default(4),
  }),
]);

/** Decay of a moment of AdamW; torch refuses 1, with which nothing would ever be forgotten. */
const decay = z.number().min(0).lt(1);

const optimizerSchema = z.strictObject({
  name: z
    .enum(["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit"])
    .default("adamw_torch"),
  learningRate: z.number().positive().max(1),
  schedule: z.enum(["constant", "constant_with_warmup", "linear", "cosine"]).default("cosine"),
  warmupSteps: wholeNumber(0, mostSteps).default(0),
  beta1: decay.default(0.9),
  beta2: decay.default(0.999),
  weightDecay: z.number().min(0).max(1).default(0),
  maxGradientNorm: z.number().positive().max(1_000_000).default(1),
});

const batchSchema = z.strictObject({
  /** Sequences per optimizer step over all GPUs (DPO: pairs; GRPO: completions). */
  global: wholeNumber(1, largestBatch),
  /** Sequences per forward pass on one GPU. Left out: the planner chooses. */
  micro: wholeNumber(1, largestBatch).optional(),
});

const durationSchema = z.union([
  z.strictObject({ steps: wholeNumber(1, mostSteps) }),
  z.strictObject({ epochs: z.number().positive().max(1000) }),
]);

/** Letters beyond ASCII: lm-eval has metrics with them. */
const metricSchema = textLike(
  String.raw`[\w.()-]+\/[\w.@()\u00c0-\u024f-]+`,
  "must be <task>/<metric> or train/<metric>",
);

const evaluationSchema = z.strictObject({
  /** lm-eval task names: the library's own, or files in `flows/posttraining/tasks/`. */
  tasks: z.array(textLike(String.raw`[\w.()-]+`, "must be the name of a task")).min(1),
  /** Evaluate only the first `limit` examples of each task. */
  limit: wholeNumber(1, 10_000_000).optional(),
  batchSize: wholeNumber(1, 65_536).default(32),
  /** The metric that stands for the whole run in tables: `<task>/<metric>` or `train/<metric>`. */
  headline: metricSchema,
});

/** One condition of the gate; a model is promoted, and may be served, only if all hold. */
const gateConditionSchema = z.strictObject({
  metric: metricSchema,
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  /** Smallest gain over the base model's value of the same metric. */
  minimumGain: z.number().optional(),
});

const common = {
  /** Name of the recipe: `<method>-<size>`; the file has the same name. */
  name: textLike(
    `(?:${methods.map(({ name }) => name).join("|")})-[a-z0-9]+(?:-[a-z0-9]+)*`,
    "must be <method>-<size>, lower case",
  ).max(63),
  /** One sentence for people. */
  description: textLike(
    String.raw`[^\u0000-\u0008\u000b-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u0008\u000b-\u001f\u007f]*`,
    "must be a sentence, without control characters",
  ).max(2000),
  model: modelSchema,
  dataset: datasetSchema,
  sequence: sequenceSchema,
  trainable: trainableSchema,
  /** Number format of weights and activations while training. */
  precision: z.enum(["float32", "bfloat16"]).default("bfloat16"),
  optimizer: optimizerSchema,
  batch: batchSchema,
  duration: durationSchema,
  /** How states are spread over GPUs. `auto` lets the planner choose. */
  sharding: z.enum(["auto", "none", "ddp", "fsdp2", "zero2", "zero3"]).default("auto"),
  /** Recompute activations in the backward pass. `auto` lets the planner choose. */
  activationCheckpointing: z.enum(["auto", "none", "full"]).default("auto"),
  /** Steps between checkpoints from which a retried step goes on. */
  checkpointEverySteps: wholeNumber(1, mostSteps).default(100),
  loggingSteps: wholeNumber(1, mostSteps).default(10),
  /** Of every library; numpy takes no larger one. */
  seed: wholeNumber(0, 2 ** 32 - 1).default(0),
  evaluation: evaluationSchema,
  gate: z.array(gateConditionSchema).min(1),
};

/** The recipes of one method: its name, what every recipe has, and its own fields. */
type RecipeOf<Entry> =
  Entry extends Method<infer Name, infer Fields>
    ? z.ZodObject<{ method: z.ZodLiteral<Name> } & typeof common & Fields, z.core.$strict>
    : never;

type Alternatives<Registry extends readonly unknown[]> = { [Place in keyof Registry]: RecipeOf<Registry[Place]> };

// `map` forgets that the registry is a tuple of different records, one for each alternative.
const alternatives = methods.map((method: Method) =>
  z.strictObject({ method: z.literal(method.name), ...common, ...method.fields }),
) as unknown as Alternatives<typeof methods>;

/** What each field may hold by itself. */
export const recipeSchema = z.discriminatedUnion("method", alternatives);

/** A recipe with every default filled in. */
export type Recipe = z.infer<typeof recipeSchema>;
