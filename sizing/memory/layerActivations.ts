import type { MemoryCoefficients } from "../coefficients";
import { activeIntermediate } from "../shape";
import type { Workload } from "../workload";

/**
 * What one layer keeps for its backward pass, counted tensor by tensor as "Reducing Activation Recomputation in Large
 * Transformer Models" does (arXiv:2205.05198, section 4.1), for gated MLPs, grouped queries, adapters and fused kernels too.
 * Bytes per token.
 */
export interface LayerActivations {
  /** Kept by one layer for its backward pass. */
  readonly layer: number;
  /** Kept at the boundary of a layer: its input on the residual stream. */
  readonly boundary: number;
  /** Comes and goes while one layer runs backward. */
  readonly transient: number;
}

/** What the counts below share. */
interface Layer {
  readonly workload: Workload;
  /** Bytes of one number of an activation, and of one on the residual stream. */
  readonly bytes: number;
  readonly residualBytes: number;
  /** Numbers per token: of the residual stream, all queries, all keys (or values), and the MLP's inner part. */
  readonly hidden: number;
  readonly query: number;
  readonly keyValue: number;
  readonly intermediate: number;
  /** Elementwise kernels are fused and keep their inputs only. */
  readonly fused: boolean;
  /** Linear layers keep their inputs: trained ones do, and quantised ones as well. */
  readonly linearKeepsInput: boolean;
  /** Adapters keep inputs of their own: a cast to float32, or a copy with dropout; others share what the layer got. */
  readonly adapterOwnsInput: boolean;
}

/**
 * Autocast casts float32 weights to 16 bits, and keeps the casts until the forward pass is through, or its graph is. It does not cast what
 * embeddings return: the residual stream.
 */
export const castsWeights = ({ trainable, weightBytes, mixedPrecision, tool }: Workload): boolean =>
  trainable.kind === "full" && weightBytes === 4 && mixedPrecision && tool.autocast;

function layerOf(workload: Workload): Layer {
  const { shape, tool, trainable } = workload;
  const bytes = workload.weightBytes === 4 && !workload.mixedPrecision ? 4 : 2;
  const quantised = trainable.kind === "qlora";
  return {
    workload,
    bytes,
    residualBytes: (quantised || castsWeights(workload)) && tool.float32Residual ? 4 : bytes,
    hidden: shape.hidden,
    query: shape.heads * shape.headDimension,
    keyValue: shape.keyValueHeads * shape.headDimension,
    intermediate: activeIntermediate(shape),
    fused: tool.fusedElementwise || workload.compile,
    linearKeepsInput: trainable.kind === "full" || quantised,
    adapterOwnsInput: trainable.kind !== "full" && (tool.adapterBytes === 4 || trainable.dropout),
  };
}

/** One norm: its input; RMSNorm that is not fused casts it to float32, and its weight's gradient needs the normalised input. */
function normBytes({ workload, bytes, residualBytes, hidden, fused }: Layer): number {
  if (!workload.shape.rmsNorm || fused) return residualBytes * hidden;
  return 4 * hidden + (workload.trainable.kind === "full" ? bytes * hidden : 0);
}

/** Whether the MLP's linear layers hold on to their inputs, for themselves or for adapters that share them. */
const mlpKeepsInputs = ({ workload: { trainable }, linearKeepsInput, adapterOwnsInput }: Layer): boolean =>
  linearKeepsInput || (trainable.kind !== "full" && trainable.targets === "all-linear" && !adapterOwnsInput);

/** Numbers per token of all inputs that have an adapter; each adapted layer keeps its own copy. */
function adaptedInputs({ workload: { shape, trainable }, hidden, query, intermediate }: Layer): number {
  if (trainable.kind === "full") return 0;
  switch (trainable.targets) {
    case "query-value":
      return 2 * hidden;
    case "attention":
      return 3 * hidden + query;
    case "all-linear":
      return 3 * hidden + query + (shape.gatedMlp ? 2 : 1) * hidden + intermediate;
  }
}

/** Beyond a shared input: the cast to float32, which autocast turns back; a dropped-out copy; the dropout's mask, a byte. */
function adapterBytes(layer: Layer): number {
  const { tool, trainable } = layer.workload;
  if (trainable.kind === "full") return 0;
  const cast = tool.autocast || tool.adapterBytes === 2 ? layer.bytes : 4;
  const copy = (layer.adapterOwnsInput ? cast : 0) + (trainable.dropout ? 1 : 0);
  return copy * adaptedInputs(layer);
}

/** The attention's output once more, as input of the output projection; FlashAttention's own copy serves both. */
function outputProjectionInput({ workload, bytes, query, linearKeepsInput, adapterOwnsInput }: Layer): number {
  const { attention, trainable } = workload;
  const adapterShares = trainable.kind !== "full" && trainable.targets !== "query-value" && !adapterOwnsInput;
  return (linearKeepsInput || adapterShares) && attention !== "flash" ? bytes * query : 0;
}

/** Queries, keys, values and output; eager attention adds a float32 score and its two 16-bit copies for every pair of tokens. */
function attentionBytes(layer: Layer): number {
  const { workload, bytes, query, keyValue, fused } = layer;
  const { shape, tool, attention } = workload;
  const repeats = tool.repeatsKeyValues && attention !== "flash" && shape.keyValueHeads < shape.heads;
  const keysAndValues = 2 * (repeats ? query : keyValue) * bytes;
  const queryKeyNorm = shape.queryKeyNorm ? (fused ? bytes : 4) * (query + keyValue) : 0;
  const scores = attention === "eager" ? shape.heads * workload.sequenceTokens * (4 + 2 * bytes) : 0;
  return bytes * query + keysAndValues + bytes * query + queryKeyNorm + outputProjectionInput(layer) + scores;
}

/** Gate, its activation and up projection, and what the down projection got; plain: activation and the same. */
function mlpBytes(layer: Layer): number {
  const { workload, bytes, intermediate, fused } = layer;
  const numbers = bytes * intermediate;
  const downInput = mlpKeepsInputs(layer) ? numbers : 0;
  if (!workload.shape.gatedMlp) return numbers + downInput;
  if (!fused) return 3 * numbers + downInput;
  // torch.compile computes the product of gate and up projection again.
  return 2 * numbers + (workload.compile ? 0 : downInput);
}

/**
 * Activations of one layer, bytes per token, on one tensor-parallel rank; sequence parallelism splits the residual stream over
 * these too.
 */
export function layerActivations(workload: Workload, coefficients: MemoryCoefficients): LayerActivations {
  const layer = layerOf(workload);
  const { bytes, hidden, intermediate, residualBytes } = layer;
  const { shape, sharding, tool } = workload;
  const attentionInput = layer.linearKeepsInput || !layer.adapterOwnsInput ? bytes * hidden : 0;
  const mlpInput = mlpKeepsInputs(layer) ? bytes * hidden : 0;
  const counted =
    shape.normsPerLayer * normBytes(layer) +
    attentionInput +
    mlpInput +
    adapterBytes(layer) +
    attentionBytes(layer) +
    mlpBytes(layer);
  const overhead = layer.fused ? 1 : coefficients.activationOverhead;
  // Gradients of the widest part; kernels that write them over their inputs need none.
  const transient = tool.gradientsInPlace ? 0 : (shape.gatedMlp ? 3 : 2) * bytes * intermediate + 2 * bytes * hidden;
  return {
    layer: (counted * overhead) / sharding.tensorParallel,
    boundary: (residualBytes * hidden) / sharding.tensorParallel,
    transient: transient / sharding.tensorParallel,
  };
}
