import { countAdapterParameters, countParameters, type ParameterCounts } from "../shape";
import { sequencesPerPass, type Checkpointing, type Workload } from "../workload";

/** What one forward and backward pass of a micro batch consists of: what the parts of a step's time share. */
export interface Pass {
  readonly counts: ParameterCounts;
  readonly full: boolean;
  /** GPUs that one replica of the model is split over by tensor and pipeline parallelism. */
  readonly split: number;
  /** Positions of one pass that are computed, padding included. */
  readonly positions: number;
  /** Positions that hold a token. */
  readonly tokens: number;
  /** Part of a sequence that is computed. */
  readonly computedShare: number;
  /** Part of the positions whose logits are computed: of GRPO the completions'. */
  readonly headShare: number;
  /** Linear weights of all layers, those of them that one token passes through, the head's, and the adapters'. */
  readonly linear: number;
  readonly activeLinear: number;
  readonly head: number;
  readonly adapters: number;
  /** Forward passes that checkpointing makes again. */
  readonly recompute: number;
  /** Passes through the weights: forward, for gradients of inputs and, of trained weights, for their own. */
  readonly passes: number;
  /** Forward passes of a reference model, of the policy for its old log-probabilities, and those that only score. */
  readonly referencePasses: number;
}

/** Share of padded positions that are computed although they hold no token: batches are padded to their longest sequence. */
function computedShareOf(fill: number, sequences: number, packed: boolean): number {
  if (packed || fill >= 1) return fill;
  // Expected longest of n lengths spread around the mean.
  return Math.min(1, fill * (1 + 0.35 * Math.log2(Math.max(1, sequences))));
}

const recomputed: Readonly<Record<Checkpointing, number>> = { none: 0, selective: 0.25, full: 1 };

function referencePassesOf({ method, reference, scoringPasses, gradientAccumulation }: Workload): number {
  const ofReference = reference === "separate" || reference === "adapter-off" ? 1 : 0;
  return ofReference + (scoringPasses ?? 0) + (method === "grpo" && gradientAccumulation > 1 ? 1 : 0);
}

/** @param fill mean tokens of a sequence over its longest */
export function passOf(workload: Workload, fill: number, packed: boolean): Pass {
  const { shape, trainable, sharding } = workload;
  const counts = countParameters(shape);
  const sequences = sequencesPerPass(workload);
  const computedShare = computedShareOf(fill, sequences, packed);
  const full = trainable.kind === "full";
  const recompute = recomputed[workload.checkpointing];
  return {
    counts,
    full,
    split: sharding.tensorParallel * sharding.pipelineParallel,
    positions: (sequences * workload.sequenceTokens * computedShare) / sharding.contextParallel,
    tokens: sequences * workload.sequenceTokens * fill,
    computedShare,
    headShare: workload.method === "grpo" ? workload.completionTokens / workload.sequenceTokens : 1,
    linear: counts.linearPerLayer * shape.layers,
    activeLinear: counts.activeLinearPerLayer * shape.layers,
    head: shape.vocabulary * shape.hidden,
    adapters: full ? 0 : countAdapterParameters(shape, trainable.rank, trainable.targets),
    recompute,
    passes: 1 + (full ? 2 : 1) + recompute,
    referencePasses: referencePassesOf(workload),
  };
}
