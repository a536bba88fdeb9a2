import type { Workload } from "../workload";
import { gib } from "./parts";
import type { RankModel } from "./rankModel";

/**
 * GiB of an inference engine in the GPU of the trainer: its share of the whole GPU (vLLM's `gpu_memory_utilization`), but no
 * less than its 16-bit weights and a tenth of them. CUDA graphs and the engine's own context, 1 GiB, lie outside the share.
 */
export function engineGib({ generation }: Workload, { counts }: RankModel, gpuMemoryGib: number): number {
  if (generation.kind !== "colocated") return 0;
  const weights = (counts.total * 2) / generation.tensorParallel / gib;
  return Math.max(generation.utilization * gpuMemoryGib, weights * 1.1) + 1;
}
