/** The three figures that tools print: live tensors, the caching allocator's pool, and what nvidia-smi shows. */
export type PeakMetric = "allocated" | "reserved" | "device";

/** Memory of one GPU at one moment, GiB by part. The parts add up to what the GPU holds then. */
export interface MemoryParts {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly logits: number;
  /** Gathered parameters, reduce-scatter inputs and gradient buckets. */
  readonly communication: number;
  /** Dequantised weights of one layer. */
  readonly dequantisation: number;
  readonly referenceModel: number;
  /** Inference engine: its weights, key-value cache and CUDA graphs. */
  readonly generation: number;
  readonly allocatorSlack: number;
  readonly cudaContext: number;
}

export const gib = 2 ** 30;

export const zeroParts: MemoryParts = {
  weights: 0,
  gradients: 0,
  optimizer: 0,
  activations: 0,
  logits: 0,
  communication: 0,
  dequantisation: 0,
  referenceModel: 0,
  generation: 0,
  allocatorSlack: 0,
  cudaContext: 0,
};

const partNames = Object.keys(zeroParts) as (keyof MemoryParts)[];

// Written out: one call a property is what the search would spend most of its time on.
export const sumOfParts = (parts: MemoryParts): number =>
  parts.weights +
  parts.gradients +
  parts.optimizer +
  parts.activations +
  parts.logits +
  parts.communication +
  parts.dequantisation +
  parts.referenceModel +
  parts.generation +
  parts.allocatorSlack +
  parts.cudaContext;

/** The parts as pairs of name and GiB. */
export const partEntries = (parts: MemoryParts): [keyof MemoryParts, number][] =>
  partNames.map((name) => [name, parts[name]]);
