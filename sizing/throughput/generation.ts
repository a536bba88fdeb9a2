import type { Gpu } from "../../catalog/gpus";
import type { TimeCoefficients } from "../coefficients";
import type { Workload } from "../workload";

/**
 * Seconds of producing the completions of one optimizer step: every decoding step reads the weights and the cache of all sequences
 * in flight, so that time is completion length times bytes over bandwidth, or arithmetic when very many run at once.
 */
export function generationSeconds(
  workload: Workload,
  gpu: Gpu,
  parameters: number,
  coefficients: TimeCoefficients,
): number {
  if (workload.method !== "grpo" || workload.generation.kind === "none") return 0;
  const sequences = workload.microBatch * workload.gradientAccumulation;
  const tensorParallel = workload.generation.kind === "colocated" ? workload.generation.tensorParallel : 1;
  const bandwidth = gpu.memoryGbps * 1e9 * 0.6;
  const together = sequences * tensorParallel;
  const cachePerToken =
    (4 * workload.shape.layers * workload.shape.keyValueHeads * workload.shape.headDimension) / tensorParallel;
  const context = workload.sequenceTokens - workload.completionTokens / 2;
  const read = (parameters * 2) / tensorParallel + together * cachePerToken * context;
  const arithmetic =
    (2 * parameters * together) /
    tensorParallel /
    (gpu.peakTflops * 1e12 * coefficients.matrixEfficiency[gpu.architecture]);
  // transformers' own loop is launch-bound: about 20 ms for each token of a deep model.
  const launch =
    workload.generation.kind === "transformers"
      ? (workload.shape.layers * 0.7) / 1000
      : 0.002 * Math.sqrt(tensorParallel);
  const decode = workload.completionTokens * Math.max(read / bandwidth, arithmetic, launch);
  const promptTokens = (workload.sequenceTokens - workload.completionTokens) * together;
  const prefill =
    (2 * parameters * promptTokens) /
    tensorParallel /
    (gpu.peakTflops * 1e12 * coefficients.matrixEfficiency[gpu.architecture]);
  return decode + prefill;
}
