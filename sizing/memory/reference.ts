import type { Workload } from "../workload";
import type { RankModel } from "./rankModel";
import { shardsOf } from "./shards";
import { computeBytes } from "./weights";

/** Bytes of a separate, frozen reference model on one GPU, sharded as the policy is, with what its pass leaves gathered. */
export const referenceBytes = (workload: Workload, model: RankModel, keptGathered: number): number =>
  workload.reference === "separate"
    ? (model.total * computeBytes(workload)) / shardsOf(workload, "weights") + keptGathered
    : 0;
