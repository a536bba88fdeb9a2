import type { Recipe } from "../contracts/recipe";
import { methodOf } from "../methods";
import type { AnswerGeneration, ReferenceModel } from "../methods/method";
import { findShape, modelNames, type AdapterTargets, type ModelShape } from "./shape";
import { tools } from "./tools";
import type {
  Attention,
  Checkpointing,
  LossImplementation,
  Mask,
  Offload,
  Optimizer,
  Reference,
  Sharding,
  Trainable,
  TrainingMethod,
  Workload,
} from "./workload";

/** A training job before a machine is chosen for it: what the search varies is optional or missing. */
export interface Job {
  readonly name: string;
  /** The method whose memory it shares. */
  readonly method: TrainingMethod;
  readonly shape: ModelShape;
  readonly trainable: Trainable;
  readonly weightBytes: 2 | 4;
  /** Arithmetic is in 16 bits where weights are in 32. */
  readonly mixedPrecision: boolean;
  readonly optimizer: Optimizer;
  readonly sequenceTokens: number;
  readonly completionTokens: number;
  /** Mean tokens of a sequence over its longest. */
  readonly fillShare: number;
  readonly packed: boolean;
  /** Sequences per optimizer step over all GPUs (DPO: pairs). */
  readonly globalBatch: number;
  /** Fixed by the recipe, or left to the search. */
  readonly microBatch?: number;
  /** Sequences that a forward pass takes at least. */
  readonly leastMicroBatch?: number;
  readonly sharding?: "none" | "ddp" | "fsdp2" | "zero2" | "zero3";
  readonly checkpointing?: Checkpointing;
  readonly attention: Attention;
  readonly loss: LossImplementation;
  readonly reference: Reference;
  readonly generation: AnswerGeneration;
  /** Passes that only score, beside that of the reference model; none where not said. */
  readonly scoringPasses?: number;
  readonly steps: number;
  readonly checkpointEverySteps: number;
  /** What the recipe did not say and the plan filled in. */
  readonly assumed: readonly string[];
}

/** A recipe that cannot be sized, with what to change. */
export class JobError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "JobError";
  }
}

const optimizers: Readonly<Record<Recipe["optimizer"]["name"], Optimizer>> = {
  adamw_torch: "adamw",
  adamw_torch_fused: "adamw-fused",
  adamw_torch_8bit: "adamw-8bit-stochastic",
  adamw_bnb_8bit: "adamw-8bit",
  paged_adamw_8bit: "paged-adamw-8bit",
  paged_adamw_32bit: "paged-adamw-32bit",
};

const attentions: Readonly<Record<Recipe["model"]["attention"], Attention>> = {
  eager: "eager",
  sdpa: "sdpa",
  flash_attention_2: "flash",
  flash_attention_3: "flash",
};

/** Examples that are assumed where a recipe runs for epochs and does not say how many examples there are. */
const assumedExamples = 10_000;

/** Whether the recipe is for this machine's own tiny model, which needs no GPU. */
export function isTiny(recipe: Recipe): boolean {
  return recipe.model.base.startsWith("tiny:");
}

/**
 * What a recipe asks of machines.
 * @throws JobError when the model's shape is not known.
 */
export function jobFromRecipe(recipe: Recipe): Job {
  const method = methodOf(recipe);
  const packed = method.packs && recipe.sequence.packing;
  const trainable = trainableOf(recipe);
  const longest = recipe.sequence.maxLength;
  const assumed: string[] = [];
  const fillShare = packed ? 1 : fillShareOf(recipe, assumed);
  const steps = stepsOf(recipe, packed, assumed);
  return {
    name: recipe.name,
    method: method.memoryLike,
    shape: shapeOf(recipe),
    trainable,
    weightBytes: weightBytesOf(recipe),
    mixedPrecision: recipe.precision !== "float32",
    optimizer: optimizers[recipe.optimizer.name],
    sequenceTokens: longest,
    completionTokens: method.generates ? (recipe.sequence.maxCompletionLength ?? longest) : longest,
    fillShare,
    packed,
    globalBatch: recipe.batch.global,
    ...fixedOf(recipe),
    leastMicroBatch: method.leastMicroBatch(recipe),
    attention: attentions[recipe.model.attention],
    // TRL 1.x scores tokens tile by tile in its head (trl/kernels/chunked_logprob.py), whatever the method.
    loss: "fused",
    reference: referenceOf(method.reference(recipe), trainable),
    generation: method.generation(recipe),
    scoringPasses: method.scoringPasses(recipe),
    steps,
    checkpointEverySteps: recipe.checkpointEverySteps,
    assumed,
  };
}

/**
 * Bytes of one of the model's weights while it trains (flows/posttraining/trainers/precision.py): mixed precision keeps those in float32 that
 * are trained.
 */
export const weightBytesOf = ({
  precision,
  trainable,
}: Pick<Recipe, "precision"> & { readonly trainable: { readonly kind: Recipe["trainable"]["kind"] } }): 2 | 4 =>
  precision === "float32" || (precision === "bfloat16-mixed" && trainable.kind === "full") ? 4 : 2;

function shapeOf(recipe: Recipe): ModelShape {
  const name = recipe.model.shape ?? recipe.model.base;
  const shape = findShape(name);
  if (shape !== undefined) return shape;
  throw new JobError(
    `model.shape: no shape is known for ${JSON.stringify(name)}; set model.shape to one of ${modelNames.join(", ")}`,
  );
}

function trainableOf({ trainable }: Recipe): Trainable {
  if (trainable.kind === "full") return { kind: "full" };
  return {
    kind: trainable.kind,
    rank: trainable.rank,
    targets: adapterTargetsOf(trainable.targets),
    dropout: trainable.dropout > 0,
    trainsEmbeddings: false,
  };
}

/** The layers that carry adapters, by how many projections of a layer the recipe names. */
function adapterTargetsOf(targets: "all-linear" | readonly string[]): AdapterTargets {
  if (targets === "all-linear" || targets.length > 4) return "all-linear";
  return targets.length > 2 ? "attention" : "query-value";
}

/** What the recipe decides itself; the search varies the rest. */
const fixedOf = (recipe: Recipe): Pick<Job, "microBatch" | "sharding" | "checkpointing"> => ({
  ...(recipe.batch.micro === undefined ? {} : { microBatch: recipe.batch.micro }),
  ...(recipe.sharding === "auto" ? {} : { sharding: recipe.sharding }),
  ...(recipe.activationCheckpointing === "auto" ? {} : { checkpointing: recipe.activationCheckpointing }),
});

/** Mean tokens of a sequence over its longest, where every sequence is one example. */
function fillShareOf(recipe: Recipe, assumed: string[]): number {
  const { meanTokens } = recipe.dataset;
  if (meanTokens !== undefined) return Math.min(1, meanTokens / recipe.sequence.maxLength);
  assumed.push(`dataset.meanTokens: half of sequence.maxLength`);
  return 0.5;
}

/** Optimizer steps of the whole run. */
function stepsOf(recipe: Recipe, packed: boolean, assumed: string[]): number {
  if ("steps" in recipe.duration) return recipe.duration.steps;
  const stated = recipe.dataset.examples ?? recipe.dataset.limit;
  if (stated === undefined) assumed.push(`dataset.examples: ${String(assumedExamples)}`);
  const examples = stated ?? assumedExamples;
  const longest = recipe.sequence.maxLength;
  const mean = recipe.dataset.meanTokens ?? longest / 2;
  const sequences = packed
    ? (examples * Math.min(mean, longest)) / longest
    : examples * methodOf(recipe).batchPerExample(recipe);
  return Math.max(1, Math.ceil((sequences * recipe.duration.epochs) / recipe.batch.global));
}

function referenceOf(model: ReferenceModel | undefined, trainable: Trainable): Reference {
  switch (model) {
    case "beside":
      return trainable.kind === "full" ? "separate" : "adapter-off";
    case "precomputed":
      return "precomputed";
    case "none":
    case undefined:
      return "none";
  }
}

/** What the search decides for a job. */
export interface Layout {
  readonly gpus: number;
  readonly gpusPerNode: number;
  readonly microBatch: number;
  readonly gradientAccumulation: number;
  readonly sharding: "none" | "ddp" | "fsdp2" | "zero2" | "zero3";
  readonly checkpointing: Checkpointing;
  readonly offload: "none" | "parameters";
  /** Share of a GPU for a colocated engine, and GPUs over which it splits the model. */
  readonly utilization: number;
  readonly engineTensorParallel: number;
}

function shardingOf(layout: Layout): Sharding {
  const base = { tensorParallel: 1, pipelineParallel: 1, contextParallel: 1 };
  switch (layout.sharding) {
    case "none":
      return { kind: "none", degree: 1, ...base };
    case "ddp":
      return { kind: "ddp", degree: layout.gpus, ...base };
    case "fsdp2":
      return { kind: "fsdp", degree: layout.gpus, ...base };
    case "zero2":
      return { kind: "zero2", degree: layout.gpus, ...base };
    case "zero3":
      return { kind: "zero3", degree: layout.gpus, ...base };
  }
}

/**
 * TRL's collator puts packed sequences into one row, and `transformers` gives kernels other than flash kernels a mask for it: tokens x
 * tokens, which no kernel skips anything of (transformers/masking_utils.py, `find_packed_sequence_indices`).
 */
const maskOf = ({ attention, packed }: Job): { readonly mask?: Mask } =>
  packed && attention !== "flash" ? { mask: "dense-row" } : {};

/** The workload of one GPU when a job runs with this layout. */
export function workloadOf(job: Job, layout: Layout): Workload {
  const sharded = layout.sharding === "fsdp2" || layout.sharding === "zero3";
  const zero = layout.sharding === "zero2" || layout.sharding === "zero3";
  // Sharded 4-bit training needs one number format for all tensors, so adapters and the residual stream stay in 16 bits.
  const uniform = sharded && job.trainable.kind === "qlora";
  const tool = zero
    ? tools.deepspeed
    : {
        ...tools.trl,
        float32Residual: tools.trl.float32Residual && !uniform,
        // Full training under FSDP2 runs without mixed precision.
        autocast: !(layout.sharding === "fsdp2" && job.trainable.kind === "full"),
        adapterBytes: uniform ? (2 as const) : tools.trl.adapterBytes,
        foreachOptimizer: job.optimizer === "adamw",
      };
  const offload: Offload = {
    parameters: layout.offload === "parameters",
    optimizer: layout.offload === "parameters",
    activations: false,
  };
  return {
    method: job.method,
    shape: job.shape,
    tool,
    trainable: job.trainable,
    critic: false,
    quantisation: "nf4-double",
    weightBytes: job.weightBytes,
    mixedPrecision: job.mixedPrecision,
    optimizer: job.optimizer,
    optimizerInBackward: false,
    sequenceTokens: job.sequenceTokens,
    completionTokens: job.completionTokens,
    microBatch: layout.microBatch,
    gradientAccumulation: layout.gradientAccumulation,
    sharding: shardingOf(layout),
    gpus: layout.gpus,
    gpusPerNode: layout.gpusPerNode,
    offload,
    checkpointing: layout.checkpointing,
    attention: job.attention,
    ...maskOf(job),
    loss: job.loss,
    compile: false,
    reference: job.reference,
    ...(job.scoringPasses === undefined ? {} : { scoringPasses: job.scoringPasses }),
    generation:
      job.generation.kind === "colocated"
        ? {
            kind: "colocated",
            utilization: layout.utilization,
            sleep: job.generation.sleep,
            tensorParallel: layout.engineTensorParallel,
          }
        : { kind: job.generation.kind },
  };
}
