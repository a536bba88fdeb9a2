import { z } from "zod";

/**
 * The recipe of one post-training run: the data that the GPU planner (TypeScript) and the flow (Python) both read.
 *
 * A recipe says what to train and how good it must become; it says nothing about machines. The planner derives those.
 * Keys are strict on purpose: a misspelt hyperparameter must not silently train with a default.
 */

const positiveInteger = z.number().int().positive();
const fraction = z.number().min(0).max(1);

/** Where weights come from: a hub id, a prefix in an object store, a folder, or the model that the project makes itself. */
export const modelReferenceSchema = z
  .string()
  .regex(
    /^(?:tiny:[a-z0-9-]+|s3:\/\/.+|file:\/\/\/.+|[A-Za-z0-9][\w.-]*\/[\w.-]+)$/,
    "must be a hub id (owner/name), an s3:// or file:/// prefix, or tiny:<name>",
  );

/** Where examples come from: a hub id, JSON lines in an object store or a folder, or the task that the project makes itself. */
const datasetSourceSchema = z
  .string()
  .regex(
    /^(?:tiny:[a-z0-9-]+|s3:\/\/.+|file:\/\/\/.+|[A-Za-z0-9][\w.-]*\/[\w.-]+)$/,
    "must be a hub id (owner/name), an s3:// or file:/// path of JSON lines, or tiny:<name>",
  );

const modelSchema = z.strictObject({
  /** Base model; another experiment's output may replace it when the run is deployed. */
  base: modelReferenceSchema,
  /** Hub revision (branch, tag or commit); pin it for runs that must be repeatable. */
  revision: z.string().min(1).optional(),
  /** Key of the model's shape in the planner's table, for example `Qwen/Qwen2.5-3B`; defaults to `base`. */
  shape: z.string().min(1).optional(),
  /** Attention implementation that `transformers` is asked for. */
  attention: z.enum(["eager", "sdpa", "flash_attention_2", "flash_attention_3"]).default("sdpa"),
});

const datasetSchema = z.strictObject({
  source: datasetSourceSchema,
  /** Hub configuration (subset) name. */
  subset: z.string().min(1).optional(),
  split: z.string().min(1).default("train"),
  /** Use only the first `limit` examples. */
  limit: positiveInteger.optional(),
  /** Number of training examples; the planner needs it for hours and dollars where the run is measured in epochs. */
  examples: positiveInteger.optional(),
  /** Mean tokens per example (prompt and answer), for hours and dollars. */
  meanTokens: positiveInteger.optional(),
});

const sequenceSchema = z.strictObject({
  /** Longest sequence in tokens, prompt and answer together. */
  maxLength: positiveInteger,
  /** Longest answer in tokens that a policy may generate (GRPO). */
  maxCompletionLength: positiveInteger.optional(),
  /** Pack several examples into one sequence (SFT). */
  packing: z.boolean().default(false),
});

const trainableSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("full") }),
  z.strictObject({
    kind: z.literal("lora"),
    rank: positiveInteger,
    alpha: z.number().positive(),
    dropout: fraction.default(0),
    /** Module names, or `all-linear`. */
    targets: z.union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)]).default("all-linear"),
  }),
  z.strictObject({
    kind: z.literal("qlora"),
    rank: positiveInteger,
    alpha: z.number().positive(),
    dropout: fraction.default(0),
    targets: z.union([z.literal("all-linear"), z.array(z.string().min(1)).min(1)]).default("all-linear"),
    /** Bits of the quantised base: 4 is bitsandbytes NF4. */
    bits: z.literal(4).default(4),
  }),
]);

const optimizerSchema = z.strictObject({
  name: z
    .enum(["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit"])
    .default("adamw_torch"),
  learningRate: z.number().positive().max(1),
  schedule: z.enum(["constant", "constant_with_warmup", "linear", "cosine"]).default("cosine"),
  warmupSteps: z.number().int().min(0).default(0),
  beta1: fraction.default(0.9),
  beta2: fraction.default(0.999),
  weightDecay: z.number().min(0).default(0),
  maxGradientNorm: z.number().positive().default(1),
});

const batchSchema = z.strictObject({
  /** Sequences per optimizer step over all GPUs (DPO: pairs; GRPO: completions). */
  global: positiveInteger,
  /** Sequences per forward pass on one GPU. Left out: the planner chooses. */
  micro: positiveInteger.optional(),
});

const durationSchema = z.union([
  z.strictObject({ steps: positiveInteger }),
  z.strictObject({ epochs: z.number().positive() }),
]);

const evaluationSchema = z.strictObject({
  /** lm-eval task names: the library's own, or files in `flows/posttraining/tasks/`. */
  tasks: z.array(z.string().min(1)).min(1),
  /** Evaluate only the first `limit` examples of each task. */
  limit: positiveInteger.optional(),
  batchSize: positiveInteger.default(32),
  /** The metric that stands for the whole run in tables: `<task>/<metric>` or `train/<metric>`. */
  headline: z.string().regex(/^[\w.-]+\/[\w.@-]+$/, "must be <task>/<metric> or train/<metric>"),
});

/** One condition of the gate; a model is promoted, and may be served, only if all hold. */
const gateConditionSchema = z
  .strictObject({
    metric: z.string().regex(/^[\w.-]+\/[\w.@-]+$/, "must be <task>/<metric> or train/<metric>"),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    /** Smallest gain over the base model's value of the same metric. */
    minimumGain: z.number().optional(),
  })
  .refine((c) => c.minimum !== undefined || c.maximum !== undefined || c.minimumGain !== undefined, {
    message: "needs at least one of minimum, maximum, minimumGain",
  });

const common = {
  /** Name of the recipe: `<method>-<size>`; the file has the same name. */
  name: z.string().regex(/^(?:sft|dpo|grpo)-[a-z0-9]+(?:-[a-z0-9]+)*$/, "must be <method>-<size>, lower case"),
  /** One sentence for people. */
  description: z.string().min(1),
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
  checkpointEverySteps: positiveInteger.default(100),
  loggingSteps: positiveInteger.default(10),
  seed: z.number().int().min(0).default(0),
  evaluation: evaluationSchema,
  gate: z.array(gateConditionSchema).min(1),
};

const sftSchema = z.strictObject({
  method: z.literal("sft"),
  ...common,
  /** Compute the loss on the answer's tokens only. */
  completionOnlyLoss: z.boolean().default(true),
});

const dpoSchema = z
  .strictObject({
    method: z.literal("dpo"),
    ...common,
    dpo: z.strictObject({
      beta: z.number().positive().default(0.1),
      /** TRL's loss names, added up with `lossWeights`; `sft` beside `sigmoid` keeps chosen answers likely. */
      lossTypes: z
        .array(z.enum(["sigmoid", "ipo", "hinge", "robust", "sft"]))
        .min(1)
        .default(["sigmoid"]),
      lossWeights: z.array(z.number().positive()).min(1).default([1]),
      /** Compute the reference model's log-probabilities once before training instead of holding it in memory. */
      precomputeReferenceLogProbabilities: z.boolean().default(false),
    }),
  })
  .refine((r) => r.dpo.lossTypes.length === r.dpo.lossWeights.length, {
    path: ["dpo", "lossWeights"],
    message: "must have one weight for each of dpo.lossTypes",
  });

const grpoSchema = z
  .strictObject({
    method: z.literal("grpo"),
    ...common,
    grpo: z.strictObject({
      /** Completions per prompt. */
      generations: z.number().int().min(2).default(8),
      temperature: z.number().positive().default(1),
      /** Weight of the KL term; 0 needs no reference model. */
      beta: z.number().min(0).default(0),
      /** Optimizer passes over one batch of completions. */
      iterations: positiveInteger.default(1),
      /** Names of reward functions in `flows/posttraining/rewards.py`, with weights. */
      rewards: z.array(z.strictObject({ name: z.string().min(1), weight: z.number().positive().default(1) })).min(1),
      /** Where completions are generated. */
      generation: z
        .discriminatedUnion("kind", [
          z.strictObject({ kind: z.literal("transformers") }),
          z.strictObject({
            kind: z.literal("vllm-colocated"),
            /** Share of a GPU's memory that vLLM may take. `auto` lets the planner choose. */
            memoryUtilization: z.union([z.literal("auto"), fraction]).default("auto"),
            sleep: z.boolean().default(true),
          }),
          z.strictObject({ kind: z.literal("vllm-server") }),
        ])
        .default({ kind: "transformers" }),
    }),
  })
  .refine((r) => r.sequence.maxCompletionLength !== undefined, {
    path: ["sequence", "maxCompletionLength"],
    message: "is needed for GRPO: the longest answer in tokens",
  })
  .refine((r) => r.batch.global % r.grpo.generations === 0, {
    path: ["batch", "global"],
    message: "must be a multiple of grpo.generations",
  });

export const recipeSchema = z.discriminatedUnion("method", [sftSchema, dpoSchema, grpoSchema]);

/** A recipe with every default filled in. */
export type Recipe = z.infer<typeof recipeSchema>;
export type Method = Recipe["method"];
