import type { GpuArchitecture } from "../catalog/gpus";

/**
 * Every number of the model that is neither arithmetic nor a documented fact: few, global, none of them per source or row.
 * `docs/sizing.md` says on what each was fitted and what the error is on sources that were left out of the fit.
 */
export interface MemoryCoefficients {
  /** Activations that eager kernels keep beyond the counted ones (masks, casts, index tensors): factor. */
  readonly activationOverhead: number;
  /** Memory that the caching allocator holds beyond the allocated peak, as a share of what comes and goes. */
  readonly slackShare: number;
  /** Same, fixed part: partly used 20 MiB blocks, cuBLAS workspaces. GiB. */
  readonly slackGib: number;
  /**
   * Gathered layers that the caching allocator keeps for the communication streams of a sharded model: blocks that one
   * stream freed serve no other, so reserved memory exceeds the live tensors by some layers' parameters.
   */
  readonly cachedGatheredLayers: number;
  /** CUDA context and kernels of one process, GiB. */
  readonly contextGib: number;
  /** NCCL communicators and buffers when there is more than one GPU, GiB. */
  readonly ncclGib: number;
}

export const memoryCoefficients: MemoryCoefficients = {
  activationOverhead: 1.08,
  slackShare: 0.06,
  slackGib: 0.3,
  cachedGatheredLayers: 8,
  contextGib: 1.0,
  ncclGib: 1.0,
};

export interface TimeCoefficients {
  /** Share of the peak that large matrix products reach, by architecture. */
  readonly matrixEfficiency: Readonly<Record<GpuArchitecture, number>>;
  /** Attention's share of the peak relative to matrix products'. */
  readonly attentionEfficiency: number;
  /** Passes over a layer's kept activations that elementwise kernels make through memory. */
  readonly elementwisePasses: number;
  /** Time that launching the kernels of one layer takes, forward and backward, ms. */
  readonly launchMs: number;
  /** Tokens per pass at which matrix products reach half of their efficiency, per (TFLOP/s)/1000 of the GPU. */
  readonly halfEfficiencyTokens: number;
  /** Part of communication that computation does not hide. */
  readonly exposedCommunication: number;
  /** Speed of float8 matrix products relative to bf16. */
  readonly float8Speedup: number;
  /** Share of the nominal link bandwidth that collectives reach. */
  readonly linkEfficiency: number;
}

export const timeCoefficients: TimeCoefficients = {
  matrixEfficiency: { turing: 0.35, ampere: 0.68, ada: 0.62, hopper: 0.49, blackwell: 0.42, other: 0.4 },
  attentionEfficiency: 0.5,
  elementwisePasses: 2,
  launchMs: 2.4,
  halfEfficiencyTokens: 400,
  exposedCommunication: 0.12,
  float8Speedup: 1.4,
  linkEfficiency: 0.85,
};
