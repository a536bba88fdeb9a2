import type { Workload } from "../workload";

/** Bytes of weights that quantised layers turn back to 16 bits to multiply with: two matrices of the largest size at a time. */
export function dequantisationBytes({ shape, trainable, sharding }: Workload): number {
  if (trainable.kind !== "qlora") return 0;
  const largestMatrix = shape.hidden * Math.max(shape.intermediate, shape.hidden);
  return (2 * largestMatrix * 2) / sharding.tensorParallel;
}
