import type { LossImplementation, Workload } from "../workload";
import { lossTokens } from "./tokens";

/** Log-softmax is taken in the logits' own 16-bit type. */
const takesHalfPrecision = ({ tool, shape }: Workload): boolean =>
  tool.halfPrecisionLoss || (shape.halfPrecisionLoss && !tool.autocast);

/** Losses over log-probabilities of chosen tokens, not over all logits. */
const scoresTokens = ({ method }: Workload): boolean => method === "dpo" || method === "grpo";

type LogitLoss = Exclude<LossImplementation, "fused" | "pooled">;

/**
 * Bytes per logit that live together at the worst moment between the head and the start of backward: 2 for each 16-bit and 4
 * for each float32 tensor of the size of the logits.
 */
const bytesPerLogit: Readonly<Record<LogitLoss, (workload: Workload) => number>> = {
  full: (workload) => {
    const half = takesHalfPrecision(workload);
    if (scoresTokens(workload)) return half ? 8 : 12;
    // bf16 logits, float32 copy, log-softmax, its gradient, and the gradient of the copy.
    if (half) return 10;
    return workload.tool.autocast || workload.tool.shiftsLogits ? 16 : 14;
  },
  chunked: (workload) => {
    // The pieces' logits and log-softmax stay until backward, one piece's gradients come and go.
    if (takesHalfPrecision(workload)) return 4;
    return workload.compile ? 2 : 6;
  },
  // Gradients are written over the 16-bit logits; under autocast the model's output is a float32 copy with its own gradient.
  "in-place": (workload) => (takesHalfPrecision(workload) ? 4 : 10),
  "vocab-parallel": ({ tool }) => (tool.name === "megatron" ? 10 : 14),
};

/**
 * Bytes of a loss that makes its logits tile by tile: one tile of 4096 tokens and 32768 words in 16 bits, gradients of the
 * hidden states in float32 and in their own type, and of the head when it trains (Liger, cut cross-entropy, TRL's
 * `trl/kernels/chunked_logprob.py`).
 */
function fusedLossBytes({ shape, trainable }: Workload, tokens: number, vocabulary: number): number {
  const tile = Math.min(tokens, 4096) * Math.min(vocabulary, 32768) * 2;
  const head = trainable.kind === "full" ? vocabulary * shape.hidden * 6 : 0;
  return tile + tokens * shape.hidden * 8 + head;
}

/** Bytes of logits and loss: tokens x vocabulary of one tensor-parallel rank x bytes per logit. */
export function logitsBytes(workload: Workload): number {
  const { loss, shape, trainable, sharding } = workload;
  if (loss === "pooled") return 0;
  const tokens = lossTokens(workload);
  const vocabulary = shape.vocabulary / sharding.tensorParallel;
  if (loss === "fused") return fusedLossBytes(workload, tokens, vocabulary);
  // Soft-capping keeps the float32 argument of its tanh (Gemma 2).
  const cap = shape.logitSoftcap ? 4 : 0;
  // A trained head gets a gradient from every piece while the other pieces' logits still wait for theirs.
  const headGradients =
    loss === "chunked" && trainable.kind === "full" ? vocabulary * shape.hidden * workload.weightBytes : 0;
  return tokens * vocabulary * (bytesPerLogit[loss](workload) + cap) + headGradients;
}
