import type { Workload } from "../workload";
import { gradientBytes } from "./gradients";
import { optimizerBytes } from "./optimizer";
import type { RankModel } from "./rankModel";
import { weightBytes } from "./weights";

/** Sharded weights are in host memory while the step runs; tools that bring them back for the update have them at its peak. */
export const weightsAreAway = ({ offload, tool }: Workload): boolean => offload.parameters && !tool.offloadReturns;

/** Optimizer states are in host memory while the step runs; offloaded weights take them along. */
export const optimizerIsAway = ({ offload, tool }: Workload): boolean =>
  (offload.optimizer || offload.parameters) && !tool.offloadReturns;

/** Bytes of host memory that offloaded states of one GPU take: weights, and with the optimizer's states their gradients. */
export function hostBytes(workload: Workload, model: RankModel): number {
  const { offload } = workload;
  const weights = offload.parameters ? weightBytes(workload, model) : 0;
  const optimizer =
    offload.parameters || offload.optimizer ? optimizerBytes(workload, model) + gradientBytes(workload, model) : 0;
  return weights + optimizer;
}
