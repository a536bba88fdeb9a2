import { timeCoefficients, type TimeCoefficients } from "./coefficients";
import type { Gpu } from "../catalog/gpus";
import { activeIntermediate, countAdapterParameters, countParameters } from "./shape";
import { sequencesPerPass, type Workload } from "./workload";

/** Where the time of one optimizer step goes, seconds. */
export interface StepTime {
  readonly seconds: number;
  readonly compute: number;
  /** Communication that computation does not hide. */
  readonly communication: number;
  readonly optimizer: number;
  /** GRPO: producing the completions. */
  readonly generation: number;
  /** Tokens that one GPU trains on per second, padding not counted. */
  readonly tokensPerSecondPerGpu: number;
}

export interface Interconnect {
  /** GPUs of one machine. */
  readonly gpusPerNode: number;
  /** Network between machines, Gbit/s per machine. */
  readonly networkGbps: number;
}

export interface TimeOptions {
  /** Mean tokens of a sequence over its longest. */
  readonly fillShare?: number;
  readonly interconnect?: Interconnect;
  /** Matrix products in float8. */
  readonly float8?: boolean;
  /** Sequences are packed, so that no padding is computed. */
  readonly packed?: boolean;
}

/** Share of padded positions that are computed although they hold no token: batches are padded to their longest sequence. */
function computedShare(fill: number, sequences: number, packed: boolean): number {
  if (packed || fill >= 1) return fill;
  // Expected longest of n lengths spread around the mean.
  return Math.min(1, fill * (1 + 0.35 * Math.log2(Math.max(1, sequences))));
}

/** Time of one optimizer step of one GPU, from arithmetic, memory traffic and communication. */
export function estimateStepTime(
  w: Workload,
  gpu: Gpu,
  options: TimeOptions = {},
  c: TimeCoefficients = timeCoefficients,
): StepTime {
  const counts = countParameters(w.shape);
  const fill = options.fillShare ?? 1;
  const sequences = sequencesPerPass(w);
  const share = computedShare(fill, sequences, options.packed ?? false);
  const positions = (sequences * w.sequenceTokens * share) / w.sharding.contextParallel;
  const tokens = sequences * w.sequenceTokens * fill;
  const split = w.sharding.tensorParallel * w.sharding.pipelineParallel;
  const linear = counts.linearPerLayer * w.shape.layers;
  const activeLinear = counts.activeLinearPerLayer * w.shape.layers;
  const head = w.shape.vocabulary * w.shape.hidden;
  const headShare = w.method === "grpo" ? w.completionTokens / w.sequenceTokens : 1;
  const adapters =
    w.trainable.kind === "full" ? 0 : countAdapterParameters(w.shape, w.trainable.rank, w.trainable.targets);

  const full = w.trainable.kind === "full";
  const recompute = w.checkpointing === "full" ? 1 : w.checkpointing === "selective" ? 0.25 : 0;
  const passes = 1 + (full ? 2 : 1) + recompute;
  // A separate or adapter-off reference model adds one forward pass; so do a policy's old log-probabilities.
  const referencePasses =
    (w.reference === "separate" || w.reference === "adapter-off" ? 1 : 0) +
    (w.scoringPasses ?? 0) +
    (w.method === "grpo" && w.gradientAccumulation > 1 ? 1 : 0);
  const matrixFlops =
    positions * 2 * (activeLinear * (passes + referencePasses) + head * headShare * (full ? 3 : 2) + 3 * adapters);
  // Causal attention computes half of the scores.
  const scores = 2 * w.sequenceTokens * share * w.shape.heads * w.shape.headDimension * w.shape.layers;
  const attentionFlops = positions * scores * (3.5 + recompute + referencePasses);
  const peak = gpu.peakTflops * 1e12;
  const half = c.halfEfficiencyTokens * (gpu.peakTflops / 1000);
  const saturation = positions / (positions + half);
  const efficiency =
    c.matrixEfficiency[gpu.architecture] * saturation * (options.float8 === true ? c.float8Speedup : 1);
  const matrix = matrixFlops / split / (peak * efficiency);
  const attention = attentionFlops / split / (peak * c.matrixEfficiency[gpu.architecture] * c.attentionEfficiency);

  const bandwidth = gpu.memoryGbps * 1e9 * 0.8;
  const perLayerBytes = 2 * (12 * w.shape.hidden + (w.shape.gatedMlp ? 4 : 2) * activeIntermediate(w.shape));
  const fusion = w.compile || w.tool.fusedElementwise ? 0.5 : 1;
  const logitTraffic = w.shape.vocabulary * (w.loss === "fused" ? 4 : 20) * headShare;
  const traffic =
    (positions * (perLayerBytes * w.shape.layers * c.elementwisePasses * fusion * (1 + recompute / 2) + logitTraffic)) /
    split;
  const quantisedTraffic = w.trainable.kind === "qlora" ? (linear * 2.5 * 2 * (2 + recompute)) / split : 0;
  const weightTraffic = ((linear + head) * w.weightBytes * (passes + referencePasses)) / split;
  const memory = (traffic + quantisedTraffic + weightTraffic) / bandwidth;
  const adapterLaunches = full ? 1 : w.trainable.kind === "qlora" ? 2 : 1.6;
  const launch =
    ((w.shape.layers / w.sharding.pipelineParallel) *
      c.launchMs *
      adapterLaunches *
      (1 + recompute / 2 + referencePasses / 3) *
      fusion) /
    1000;
  const compute = Math.max(matrix + attention + memory, launch);

  const gathered = w.sharding.kind === "fsdp" || w.sharding.kind === "zero3";
  const group = w.sharding.degree;
  const interconnect = options.interconnect ?? { gpusPerNode: Math.min(8, w.gpus), networkGbps: 3200 };
  const nodes = Math.max(1, Math.ceil(w.gpus / interconnect.gpusPerNode));
  const inside = gpu.linkGbps * 1e9 * c.linkEfficiency;
  const across = ((interconnect.networkGbps / 8) * 1e9 * c.linkEfficiency) / Math.min(w.gpus, interconnect.gpusPerNode);
  const crosses = nodes > 1 && group > interconnect.gpusPerNode;
  const link = crosses ? Math.min(inside, across) : inside;
  const weightBytes = w.trainable.kind === "qlora" ? 0.56 : 2;
  const ring = group > 1 ? (group - 1) / group : 0;
  const gatherSeconds = gathered ? ((counts.total / split) * weightBytes * ring * 2) / link : 0;
  const trained = full ? counts.total / split : adapters / split;
  const reduceSeconds =
    w.sharding.kind === "none" ? 0 : (trained * 2 * ring * (gathered || w.sharding.kind === "zero2" ? 1 : 2)) / link;
  const tensorSeconds =
    w.sharding.tensorParallel > 1
      ? (positions * w.shape.hidden * 2 * w.shape.layers * 4 * (1 + recompute / 2)) /
        inside /
        w.sharding.pipelineParallel
      : 0;
  const replicas = nodes > 1 && !crosses ? (trained * 2 * 2) / group / Math.max(1, across) : 0;
  const offload = w.offload.parameters ? ((counts.total / w.sharding.degree) * weightBytes * 2) / 12e9 : 0;
  const communicationTotal =
    gatherSeconds +
    reduceSeconds / w.gradientAccumulation +
    tensorSeconds +
    replicas / w.gradientAccumulation +
    offload;
  const hidden = Math.min(communicationTotal, compute) * (1 - c.exposedCommunication);
  const communication = communicationTotal - hidden;

  const optimizerShards = w.sharding.kind === "none" || w.sharding.kind === "ddp" ? 1 : w.sharding.degree;
  const optimizerBytes =
    w.offload.optimizer || w.offload.parameters ? 0 : w.tool.masterWeights || w.weightBytes === 4 ? 36 : 18;
  const optimizer =
    (trained * optimizerBytes) / optimizerShards / bandwidth +
    (w.offload.optimizer || w.offload.parameters ? (trained * 16) / optimizerShards / 5e9 : 0);

  const generation = generationSeconds(w, gpu, counts.total, c);
  const seconds = (compute + communication) * w.gradientAccumulation + optimizer + generation;
  return {
    seconds,
    compute: compute * w.gradientAccumulation,
    communication: communication * w.gradientAccumulation,
    optimizer,
    generation,
    tokensPerSecondPerGpu: (tokens * w.gradientAccumulation) / seconds / split / w.sharding.contextParallel,
  };
}

/**
 * Producing the completions of one optimizer step: every decoding step reads the weights and the cache of all sequences
 * in flight, so that time is completion length times bytes over bandwidth, or arithmetic when very many run at once.
 */
function generationSeconds(w: Workload, gpu: Gpu, parameters: number, c: TimeCoefficients): number {
  if (w.method !== "grpo" || w.generation.kind === "none") return 0;
  const sequences = w.microBatch * w.gradientAccumulation;
  const tensorParallel = w.generation.kind === "colocated" ? w.generation.tensorParallel : 1;
  const bandwidth = gpu.memoryGbps * 1e9 * 0.6;
  const together = sequences * tensorParallel;
  const cachePerToken = (4 * w.shape.layers * w.shape.keyValueHeads * w.shape.headDimension) / tensorParallel;
  const context = w.sequenceTokens - w.completionTokens / 2;
  const read = (parameters * 2) / tensorParallel + together * cachePerToken * context;
  const arithmetic =
    (2 * parameters * together) / tensorParallel / (gpu.peakTflops * 1e12 * c.matrixEfficiency[gpu.architecture]);
  // transformers' own loop is launch-bound: about 20 ms for each token of a deep model.
  const launch =
    w.generation.kind === "transformers" ? (w.shape.layers * 0.7) / 1000 : 0.002 * Math.sqrt(tensorParallel);
  const decode = w.completionTokens * Math.max(read / bandwidth, arithmetic, launch);
  const promptTokens = (w.sequenceTokens - w.completionTokens) * together;
  const prefill =
    (2 * parameters * promptTokens) / tensorParallel / (gpu.peakTflops * 1e12 * c.matrixEfficiency[gpu.architecture]);
  return decode + prefill;
}
