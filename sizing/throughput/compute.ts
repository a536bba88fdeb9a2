import type { Gpu } from "../../catalog/gpus";
import type { TimeCoefficients } from "../coefficients";
import { activeIntermediate } from "../shape";
import type { Workload } from "../workload";
import type { Pass } from "./passes";

/** Share of the nominal bandwidth of a GPU's memory that kernels reach. */
const memoryEfficiency = 0.8;

/** Bytes per second of a GPU's memory. */
export const memoryBytesPerSecond = (gpu: Gpu): number => gpu.memoryGbps * 1e9 * memoryEfficiency;

/** Seconds of matrix products of one pass: 2 operations per weight and position, over the peak and the efficiency that is reached. */
function matrixSeconds(pass: Pass, gpu: Gpu, float8: boolean, coefficients: TimeCoefficients): number {
  const { positions, activeLinear, head, headShare, adapters, passes, referencePasses } = pass;
  const operations =
    positions * 2 * (activeLinear * (passes + referencePasses) + head * headShare * (pass.full ? 3 : 2) + 3 * adapters);
  const half = coefficients.halfEfficiencyTokens * (gpu.peakTflops / 1000);
  const saturation = positions / (positions + half);
  const efficiency =
    coefficients.matrixEfficiency[gpu.architecture] * saturation * (float8 ? coefficients.float8Speedup : 1);
  return operations / pass.split / (gpu.peakTflops * 1e12 * efficiency);
}

/** Twice the tokens that each token is compared with: causal kernels skip half of them, a dense mask none of the whole row. */
const scoredTokens = ({ mask, sequenceTokens, microBatch }: Workload, computedShare: number): number =>
  mask === "dense-row" ? 4 * sequenceTokens * microBatch : 2 * sequenceTokens * computedShare;

/** Seconds of attention of one pass: forward, and two and a half times that backward (FlashAttention-2, arXiv:2307.08691). */
function attentionSeconds(workload: Workload, pass: Pass, gpu: Gpu, coefficients: TimeCoefficients): number {
  const { positions, computedShare, recompute, referencePasses, split } = pass;
  const { shape } = workload;
  const scores = scoredTokens(workload, computedShare) * shape.heads * shape.headDimension * shape.layers;
  const operations = positions * scores * (3.5 + recompute + referencePasses);
  const efficiency = coefficients.matrixEfficiency[gpu.architecture];
  return operations / split / (gpu.peakTflops * 1e12 * efficiency * coefficients.attentionEfficiency);
}

/** Fused elementwise kernels pass half as often through memory, and launch half as many kernels. */
const fusionOf = ({ compile, tool }: Workload): number => (compile || tool.fusedElementwise ? 0.5 : 1);

/** Seconds that memory is read and written: activations and logits, dequantised weights, and the weights once a pass. */
function memorySeconds(workload: Workload, pass: Pass, gpu: Gpu, coefficients: TimeCoefficients): number {
  const { shape } = workload;
  const { positions, linear, head, headShare, recompute, split } = pass;
  const perLayer = 2 * (12 * shape.hidden + (shape.gatedMlp ? 4 : 2) * activeIntermediate(shape));
  const elementwise =
    perLayer * shape.layers * coefficients.elementwisePasses * fusionOf(workload) * (1 + recompute / 2);
  const logits = shape.vocabulary * (workload.loss === "fused" ? 4 : 20) * headShare;
  const activations = (positions * (elementwise + logits)) / split;
  const dequantised = workload.trainable.kind === "qlora" ? (linear * 2.5 * 2 * (2 + recompute)) / split : 0;
  const weights = ((linear + head) * workload.weightBytes * (pass.passes + pass.referencePasses)) / split;
  return (activations + dequantised + weights) / memoryBytesPerSecond(gpu);
}

/** Kernels of an adapted layer are more: those of the adapters, and of dequantising. */
const launchesOf = ({ trainable }: Workload): number =>
  trainable.kind === "full" ? 1 : trainable.kind === "qlora" ? 2 : 1.6;

/** Seconds that the processor takes to launch the kernels of one pass. */
function launchSeconds(workload: Workload, pass: Pass, coefficients: TimeCoefficients): number {
  const { shape, sharding } = workload;
  return (
    ((shape.layers / sharding.pipelineParallel) *
      coefficients.launchMs *
      launchesOf(workload) *
      (1 + pass.recompute / 2 + pass.referencePasses / 3) *
      fusionOf(workload)) /
    1000
  );
}

/** Seconds that one GPU computes for one micro batch: arithmetic and memory after each other, or launching if that takes longer. */
export function computeSeconds(
  workload: Workload,
  pass: Pass,
  gpu: Gpu,
  float8: boolean,
  coefficients: TimeCoefficients,
): number {
  const matrix = matrixSeconds(pass, gpu, float8, coefficients);
  const attention = attentionSeconds(workload, pass, gpu, coefficients);
  const memory = memorySeconds(workload, pass, gpu, coefficients);
  return Math.max(matrix + attention + memory, launchSeconds(workload, pass, coefficients));
}
