import type { Workload } from "../workload";

export type ShardedState = "weights" | "gradients" | "optimizer";

/**
 * GPUs over which a state is spread. ZeRO-1 spreads the optimizer's states, ZeRO-2 (and FSDP's SHARD_GRAD_OP) gradients too,
 * ZeRO-3 (and FSDP's FULL_SHARD) weights as well (arXiv:1910.02054, section 5).
 */
export function shardsOf(workload: Workload, state: ShardedState): number {
  const { kind, degree } = workload.sharding;
  switch (kind) {
    case "none":
    case "ddp":
      return 1;
    case "zero1":
      return state === "optimizer" ? degree : 1;
    case "zero2":
    case "fsdp-grad-op":
      return state === "weights" ? 1 : degree;
    case "zero3":
    case "fsdp":
      return degree;
  }
}
