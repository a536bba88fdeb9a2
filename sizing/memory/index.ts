/**
 * Memory of one GPU while it trains. Every part has a file with its formula: weights, gradients, optimizer, activations (and
 * layerActivations), logits, communication, dequantisation, reference, generation, overhead. states.ts has all of them in bytes,
 * phases.ts says which live together when, estimate.ts finds the worst moment.
 */
export { estimateMemory, type MemoryEstimate } from "./estimate";
export { gib, partEntries, type MemoryParts, type PeakMetric } from "./parts";
