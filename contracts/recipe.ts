import { z } from "zod";
import { methods } from "../methods";
import type { Method } from "../methods/method";
import { plainText, textLike, wholeNumber } from "../validation/primitives";

/**
 * The recipe of one post-training run: the data that the GPU planner (TypeScript) and the flow (Python) both read.
 *
 * A recipe says what to train and how good it must become; it says nothing about machines. The planner derives those.
 * Keys are strict on purpose: a misspelt hyperparameter must not silently train with a default. Bounds lie far outside of what
 * anybody has trained with, so that what is beyond them is a slip. What must hold between fields is in recipe/relations.ts;
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

/** What trainer, evaluation and server hand to every chat template, or to the function that renders it. */
const setByLibraries = [
  ...["messages", "conversation", "tools", "documents", "chat_template", "add_generation_prompt"],
  ...["continue_final_message", "tokenize", "padding", "truncation", "max_length", "return_tensors", "return_dict"],
  ...["return_assistant_tokens_mask", "tokenizer_kwargs"],
];

const modelSchema = z
  .strictObject({
    base: modelReferenceSchema.describe(
      "Base model; another experiment's output may replace it when the run is deployed.",
    ),
    revision: textLike(String.raw`\w(?:[\w./-]{0,253}\w)?`, "must be a branch, a tag or a commit")
      .optional()
      .describe("Hub revision (branch, tag or commit); pin it for runs that must be repeatable."),
    shape: textLike(plainText, "must be a model of the planner's table, such as Qwen/Qwen2.5-3B")
      .optional()
      .describe("Key of the model's shape in the planner's table, for example `Qwen/Qwen2.5-3B`; left out: `base`."),
    attention: z
      .enum(["eager", "sdpa", "flash_attention_2", "flash_attention_3"])
      .default("sdpa")
      .describe("Attention implementation that `transformers` is asked for."),
    chatTemplate: textLike(String.raw`[a-z0-9_]+`, "must be the name of a chat template, such as plain")
      .optional()
      .describe(
        "Name of a file in `flows/posttraining/chat_templates/` with which the model is trained and which it keeps; left out: the model's own, else `plain`.",
      ),
    chatTemplateArguments: z
      .record(
        textLike(
          String.raw`(?!(?:${setByLibraries.join("|")})$)[A-Za-z_]\w*`,
          `must be the name of a variable of the chat template, and none that the libraries set: ${setByLibraries.join(", ")}`,
        ),
        z.union([z.string(), z.number(), z.boolean()]),
      )
      .optional()
      .describe(
        "Variables of the model's chat template, such as `enable_thinking: false`; training, evaluation and serving see the same.",
      ),
  })
  .meta({ id: "RecipeModel", description: "The model that a recipe trains." });

const datasetSchema = z
  .strictObject({
    source: datasetSourceSchema.describe(
      "A hub id, JSON lines in a store or a folder, or the project's own `tiny:sums`.",
    ),
    subset: textLike(plainText, "must be the name of a subset, without blanks at its ends")
      .optional()
      .describe("Hub configuration (subset) name."),
    revision: textLike(String.raw`\w(?:[\w./-]{0,253}\w)?`, "must be a branch, a tag or a commit")
      .optional()
      .describe("Hub revision (branch, tag or commit); pin it for runs that must be repeatable."),
    split: textLike(String.raw`[\w.+:%[\]-]+`, "must be a split such as train, or a part of one such as train[:10%]")
      .default("train")
      .describe("Hub split, or a part of one."),
    limit: wholeNumber(1, mostExamples).optional().describe("Use only so many examples: the first after shuffling."),
    shuffle: z
      .boolean()
      .default(true)
      .describe("Shuffle the rows by `seed` before `limit` is taken; those of `tiny:sums` never are."),
    brokenRows: z
      .enum(["refuse", "skip"])
      .default("refuse")
      .describe("What is done about rows that cannot be read: the run is refused, or they are left out and counted."),
    examples: wholeNumber(1, mostExamples)
      .optional()
      .describe(
        "Number of training examples; the planner needs it for hours and dollars where the run is measured in epochs.",
      ),
    meanTokens: wholeNumber(1, longestSequence)
      .optional()
      .describe("Mean tokens per example (prompt and answer), for hours and dollars."),
  })
  .meta({ id: "RecipeDataset", description: "The examples that a recipe trains on." });

const sequenceSchema = z
  .strictObject({
    // Below 8 nothing of an answer is left to learn from.
    maxLength: wholeNumber(8, longestSequence).describe("Longest sequence in tokens, prompt and answer together."),
    maxCompletionLength: wholeNumber(1, longestSequence)
      .optional()
      .describe("Longest answer in tokens that a policy may generate (GRPO)."),
    packing: z.boolean().default(false).describe("Pack several examples into one sequence (SFT)."),
  })
  .meta({ id: "RecipeSequence", description: "How long sequences may be." });

const adapter = {
  rank: wholeNumber(1, 4096).describe("Rank of the two matrices that are trained beside each weight."),
  alpha: z.number().positive().max(65_536).describe("Scale of the adapter: its product is multiplied by alpha / rank."),
  dropout: z.number().min(0).lt(1).default(0).describe("Share of the adapter's inputs that is dropped while training."),
  targets: z
    .union([
      z.literal("all-linear"),
      z.array(textLike(String.raw`[A-Za-z_][\w.]*`, "must be the name of a module, such as q_proj")).min(1),
    ])
    .default("all-linear")
    .describe("Module names, or `all-linear`."),
  saves: z
    .enum(["merged", "adapter", "both"])
    .default("both")
    .describe(
      "What is uploaded and registered: the model with the adapter merged into it, the adapter alone, or the model with the adapter beside it.",
    ),
};

const trainableSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("full") }).meta({ id: "FullTraining", description: "All weights are trained." }),
    z
      .strictObject({ kind: z.literal("lora"), ...adapter })
      .meta({ id: "LoraTraining", description: "Low-rank adapters are trained beside the weights." }),
    z
      .strictObject({
        kind: z.literal("qlora"),
        ...adapter,
        bits: z.literal(4).default(4).describe("Bits of the quantised base: 4 is bitsandbytes NF4."),
      })
      .meta({ id: "QloraTraining", description: "Low-rank adapters are trained beside quantised weights." }),
  ])
  .meta({ id: "Trainable", description: "What of the model is trained." });

/** Decay of a moment of AdamW; torch refuses 1, with which nothing would ever be forgotten. */
const decay = z.number().min(0).lt(1);

const optimizerSchema = z
  .strictObject({
    name: z
      .enum([
        "adamw_torch",
        "adamw_torch_fused",
        "adamw_torch_8bit",
        "adamw_bnb_8bit",
        "paged_adamw_8bit",
        "paged_adamw_32bit",
      ])
      .default("adamw_torch")
      .describe("The optimizer's name in `transformers`."),
    learningRate: z.number().positive().max(1).describe("Highest learning rate of the schedule."),
    schedule: z
      .enum(["constant", "constant_with_warmup", "linear", "cosine"])
      .default("cosine")
      .describe("How the learning rate changes after the warm-up."),
    warmupSteps: wholeNumber(0, mostSteps)
      .default(0)
      .describe("Optimizer steps in which the learning rate rises from 0."),
    beta1: decay.default(0.9).describe("Decay of AdamW's first moment."),
    beta2: decay.default(0.999).describe("Decay of AdamW's second moment."),
    weightDecay: z.number().min(0).max(1).default(0).describe("AdamW's weight decay."),
    maxGradientNorm: z
      .number()
      .positive()
      .max(1_000_000)
      .default(1)
      .describe("Gradients with a larger norm are scaled down to it."),
  })
  .meta({ id: "Optimizer", description: "The optimizer and its learning rate." });

const batchSchema = z
  .strictObject({
    global: wholeNumber(1, largestBatch).describe(
      "Sequences per optimizer step over all GPUs (DPO: pairs; GRPO: completions).",
    ),
    micro: wholeNumber(1, largestBatch)
      .optional()
      .describe("Sequences per forward pass on one GPU. Left out: the planner chooses."),
  })
  .meta({ id: "Batch", description: "How many sequences one optimizer step sees." });

const durationSchema = z
  .union([
    z
      .strictObject({ steps: wholeNumber(1, mostSteps).describe("Optimizer steps.") })
      .meta({ id: "DurationInSteps", description: "A training of so many optimizer steps." }),
    z
      .strictObject({ epochs: z.number().positive().max(1000).describe("Passes over all examples.") })
      .meta({ id: "DurationInEpochs", description: "A training of so many passes over the examples." }),
  ])
  .meta({ id: "Duration", description: "How long a recipe trains." });

/** Letters beyond ASCII: lm-eval has metrics with them. */
const metricSchema = textLike(
  String.raw`[\w.()-]+\/[\w.@()\u00c0-\u024f-]+`,
  "must be <task>/<metric> or train/<metric>",
);

const evaluationSchema = z
  .strictObject({
    tasks: z
      .array(textLike(String.raw`[\w.()-]+`, "must be the name of a task"))
      .min(1)
      .describe("lm-eval task names: the library's own, or files in `flows/posttraining/tasks/`."),
    limit: wholeNumber(1, 10_000_000).optional().describe("Evaluate only the first `limit` examples of each task."),
    maxAnswerTokens: wholeNumber(1, longestSequence)
      .optional()
      .describe(
        "Longest answer in tokens that a question may get; left out: each task's own, 256 where a task says nothing.",
      ),
    batchSize: wholeNumber(1, 65_536).default(32).describe("Examples that are evaluated together."),
    headline: metricSchema.describe(
      "The metric that stands for the whole run in tables: `<task>/<metric>` or `train/<metric>`.",
    ),
  })
  .meta({ id: "Evaluation", description: "What a trained model, and its base model, are measured on." });

const gateConditionSchema = z
  .strictObject({
    metric: metricSchema.describe("`<task>/<metric>` or `train/<metric>`."),
    minimum: z.number().optional().describe("The metric must be at least this."),
    maximum: z.number().optional().describe("The metric must be at most this."),
    minimumGain: z.number().optional().describe("Smallest gain over the base model's value of the same metric."),
    confidence: z
      .number()
      .min(0.5)
      .lt(1)
      .optional()
      .describe(
        "How sure the condition must be: bounds at this confidence are judged instead of the measured values, a gain's from both models' answers to the same documents. 0.5 judges the values themselves. Left out: 0.99 for a `minimumGain` of 0 or more whose error is known, else the values themselves.",
      ),
  })
  .meta({
    id: "GateCondition",
    description: "One condition of the gate; a model is promoted, and may be served, only if all hold.",
  });

/** How training states are spread over GPUs once the planner has decided. */
export const shardingSchema = z
  .enum(["none", "ddp", "fsdp2", "zero2", "zero3"])
  .meta({ id: "Sharding", description: "How training states are spread over GPUs." });
export type Sharding = z.infer<typeof shardingSchema>;

/** Which activations are recomputed in the backward pass once the planner has decided. */
export const activationCheckpointingSchema = z.enum(["none", "full"]).meta({
  id: "ActivationCheckpointing",
  description: "Which activations are recomputed in the backward pass instead of being kept.",
});
export type ActivationCheckpointing = z.infer<typeof activationCheckpointingSchema>;

/**
 * How numbers are kept while training; docs/precision.md measures what each learns.
 * `float32`: everything. `bfloat16-mixed`: arithmetic in bfloat16, trained weights, gradients and moments in float32; weights that are not
 * trained in bfloat16. `bfloat16-stochastic`: bfloat16 weights, updated with stochastic rounding. `bfloat16`: everything.
 */
export const precisionSchema = z.enum(["float32", "bfloat16-mixed", "bfloat16-stochastic", "bfloat16"]).meta({
  id: "Precision",
  description: "Number formats while training: of weights, arithmetic, gradients and moments.",
});
export type Precision = z.infer<typeof precisionSchema>;

const common = {
  name: textLike(
    `(?:${methods.map(({ name }) => name).join("|")})-[a-z0-9]+(?:-[a-z0-9]+)*`,
    "must be <method>-<size>, lower case",
  )
    .max(63)
    .describe("Name of the recipe: `<method>-<size>`; the file has the same name."),
  description: textLike(
    String.raw`[^\u0000-\u0008\u000b-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u0008\u000b-\u001f\u007f]*`,
    "must be a sentence, without control characters",
  )
    .max(2000)
    .describe("One sentence for people."),
  model: modelSchema,
  dataset: datasetSchema,
  sequence: sequenceSchema,
  trainable: trainableSchema,
  precision: precisionSchema
    .default("bfloat16-mixed")
    .describe("Number formats while training: of weights, arithmetic, gradients and moments."),
  optimizer: optimizerSchema,
  batch: batchSchema,
  duration: durationSchema,
  sharding: z
    .enum(["auto", ...shardingSchema.options])
    .default("auto")
    .describe("How states are spread over GPUs. `auto` lets the planner choose."),
  activationCheckpointing: z
    .enum(["auto", ...activationCheckpointingSchema.options])
    .default("auto")
    .describe("Recompute activations in the backward pass. `auto` lets the planner choose."),
  checkpointEverySteps: wholeNumber(1, mostSteps)
    .default(100)
    .describe("Steps between checkpoints from which a retried step goes on."),
  loggingSteps: wholeNumber(1, mostSteps).default(10).describe("Steps between two lines of what the trainer logs."),
  // numpy takes no larger one.
  seed: wholeNumber(0, 2 ** 32 - 1)
    .default(0)
    .describe("Seed of every library."),
  evaluation: evaluationSchema,
  gate: z.array(gateConditionSchema).min(1).describe("What a model must reach to be promoted."),
};

/** The recipes of one method: its name, what every recipe has, and its own fields. */
type RecipeOf<Entry> =
  Entry extends Method<infer Name, infer Fields>
    ? z.ZodObject<{ method: z.ZodLiteral<Name> } & typeof common & Fields, z.core.$strict>
    : never;

type Alternatives<Registry extends readonly unknown[]> = { [Place in keyof Registry]: RecipeOf<Registry[Place]> };

const capitalized = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

// `map` forgets that the registry is a tuple of different records, one for each alternative.
const alternatives = methods.map((method: Method) =>
  z
    .strictObject({ method: z.literal(method.name), ...common, ...method.fields })
    .meta({ id: `${capitalized(method.name)}Recipe`, description: `A recipe for ${method.label}.` }),
) as unknown as Alternatives<typeof methods>;

/** What each field may hold by itself. */
export const recipeSchema = z.discriminatedUnion("method", alternatives).meta({
  id: "Recipe",
  description: "What to train and how good it must become. It says nothing about machines: the planner derives those.",
});

/** A recipe with every default filled in. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Names of the training methods. */
export const methodNameSchema = z
  .enum(methods.map(({ name }) => name))
  .meta({ id: "MethodName", description: "How a model is trained." });
