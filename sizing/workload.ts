import type { AdapterTargets, ModelShape } from "./shape";
import type { Tool } from "./tools";

/** What the run teaches the model; other preference and reward methods count as the one whose memory they share. */
export type TrainingMethod = "pretrain" | "sft" | "dpo" | "grpo";

export type Trainable =
  | { readonly kind: "full" }
  | {
      readonly kind: "lora" | "qlora";
      readonly rank: number;
      readonly targets: AdapterTargets;
      /** Dropout before the adapter keeps one more copy of every adapted input. */
      readonly dropout: boolean;
      /** Embedding and head are trained in full beside the adapters (`modules_to_save`). */
      readonly trainsEmbeddings: boolean;
    };

export type Optimizer =
  | "adamw"
  | "adamw-fused"
  | "adamw-8bit"
  | "adamw-8bit-stochastic"
  | "paged-adamw-8bit"
  | "paged-adamw-32bit"
  | "muon"
  | "lion"
  | "sgd"
  | "adafactor";

/** How states are spread. Degrees multiply to the number of GPUs of one replica group. */
export interface Sharding {
  readonly kind: "none" | "ddp" | "zero1" | "zero2" | "zero3" | "fsdp" | "fsdp-grad-op";
  /** GPUs over which data-parallel states are sharded; HYBRID_SHARD: the GPUs of one node. */
  readonly degree: number;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly contextParallel: number;
}

export interface Offload {
  readonly parameters: boolean;
  readonly optimizer: boolean;
  readonly activations: boolean;
}

export type Checkpointing = "none" | "selective" | "full";
export type Mask = "dense-row";
export type Attention = "eager" | "sdpa" | "flash";

/**
 * How logits become a loss:
 * `full` computes all logits and upcasts them; `chunked` computes them piece by piece but keeps the pieces for backward;
 * `in-place` writes their gradients over them; `fused` never keeps them (Liger, cut cross-entropy); `vocab-parallel`
 * splits them over tensor-parallel ranks; `pooled` has none: one vector or score a sequence (embeddings, reward models).
 */
export type LossImplementation = "full" | "in-place" | "chunked" | "fused" | "vocab-parallel" | "pooled";

/** Where the reference model's log-probabilities come from (DPO, GRPO with a KL term). */
export type Reference = "none" | "separate" | "adapter-off" | "precomputed";

export type Generation =
  | { readonly kind: "none" | "transformers" | "server" }
  | {
      readonly kind: "colocated";
      /** Share of the GPU's total memory that the engine may take. */
      readonly utilization: number;
      readonly sleep: boolean;
      readonly tensorParallel: number;
    };

/** One training job as the memory and time models see it. Sizes are per GPU unless a field says otherwise. */
export interface Workload {
  readonly method: TrainingMethod;
  readonly shape: ModelShape;
  readonly tool: Tool;
  readonly trainable: Trainable;
  /** A value model of the policy's size is trained beside it (PPO). */
  readonly critic: boolean;
  /** Format of a quantised base; `nf4-double` quantises the scales too. Only read for QLoRA. */
  readonly quantisation: "nf4" | "nf4-double" | "int8";
  /** Bytes of one unquantised weight: 2 for bf16, 4 for float32. */
  readonly weightBytes: 2 | 4;
  /** Compute in 16 bits from float32 weights (autocast, FSDP mixed precision). */
  readonly mixedPrecision: boolean;
  readonly optimizer: Optimizer;
  /** Gradients are freed layer by layer because the optimizer steps inside backward. */
  readonly optimizerInBackward: boolean;
  /** Longest sequence after padding or packing, tokens. */
  readonly sequenceTokens: number;
  /** GRPO and DPO: the part of `sequenceTokens` whose log-probabilities are computed. */
  readonly completionTokens: number;
  /** Sequences (DPO: pairs) per forward pass on one GPU. */
  readonly microBatch: number;
  readonly gradientAccumulation: number;
  readonly sharding: Sharding;
  readonly gpus: number;
  readonly gpusPerNode: number;
  readonly offload: Offload;
  readonly checkpointing: Checkpointing;
  readonly attention: Attention;
  /**
   * `dense-row`: all packed sequences of a pass are one row with a mask of tokens x tokens, of which no kernel skips anything; left out: the
   * kernel skips what causality or packing leaves out.
   */
  readonly mask?: Mask;
  readonly loss: LossImplementation;
  readonly compile: boolean;
  readonly reference: Reference;
  /** Passes over as many sequences as are trained on that only score them, beside that of the reference; none where not said. */
  readonly scoringPasses?: number;
  readonly generation: Generation;
}

/** Sequences that go through the model in one forward pass; a DPO pair is two. */
export function sequencesPerPass(workload: Workload): number {
  return workload.microBatch * (workload.method === "dpo" ? 2 : 1);
}
