import type { MemoryCoefficients } from "../coefficients";
import type { Workload } from "../workload";
import { gatheredLayerBytes } from "./communication";
import { gib, type MemoryParts } from "./parts";
import type { RankModel } from "./rankModel";

/** GiB of gathered layers that the caching allocator keeps for streams that have done with them (`cachedGatheredLayers`). */
export const cachedGib = (workload: Workload, model: RankModel, coefficients: MemoryCoefficients): number =>
  (coefficients.cachedGatheredLayers * gatheredLayerBytes(workload, model)) / gib;

/**
 * GiB that the caching allocator of the training process holds beyond live tensors: a share of what comes and goes, a fixed part,
 * and cached layers. Weights and states are made once and leave no gaps.
 */
export function allocatorSlackGib(parts: MemoryParts, cached: number, coefficients: MemoryCoefficients): number {
  const comesAndGoes = parts.activations + parts.logits + parts.communication + parts.gradients + parts.dequantisation;
  return coefficients.slackShare * comesAndGoes + coefficients.slackGib + cached;
}

/** GPUs of less memory have fewer multiprocessors, down to this share. */
const smallestProcessShare = 0.4;

/**
 * GiB of one process outside its allocator: the CUDA context reserves memory per multiprocessor and NCCL per channel, and both
 * grow with the size of the GPU, up to that of 80 GiB.
 */
export function contextGib(workload: Workload, gpuMemoryGib: number, coefficients: MemoryCoefficients): number {
  const scale = Math.min(1, Math.max(smallestProcessShare, gpuMemoryGib / 80));
  return scale * (coefficients.contextGib + (workload.gpus > 1 ? coefficients.ncclGib : 0));
}
