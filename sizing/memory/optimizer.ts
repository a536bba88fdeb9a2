import type { Workload } from "../workload";
import type { RankModel } from "./rankModel";
import { shardsOf } from "./shards";

/** Bytes of an optimizer's states per trained weight: two moments for Adam, one momentum for Muon and Lion. */
function stateBytesPerWeight({ optimizer }: Workload, stateBytes: number): number {
  switch (optimizer) {
    case "adamw":
    case "adamw-fused":
      return 2 * stateBytes;
    case "adamw-8bit":
    case "adamw-8bit-stochastic":
      // Two moments of one byte (arXiv:2110.02861).
      return 2;
    case "muon":
    case "lion":
      return stateBytes;
    case "sgd":
    // Row and column statistics only (arXiv:1804.04235).
    case "adafactor":
      return 0;
    case "paged-adamw-8bit":
    case "paged-adamw-32bit":
      // Managed memory that the driver moves to the host; the allocator of the framework never holds it.
      return 0;
  }
}

/** Bytes of optimizer states of one GPU: models x trained weights x (master copy + moments) / shards. */
export function optimizerBytes(workload: Workload, { trained, trainedModels }: RankModel): number {
  const perWeight = (trained.masterWeights ? 4 : 0) + stateBytesPerWeight(workload, trained.stateBytes);
  return (trainedModels * trained.count * perWeight) / shardsOf(workload, "optimizer");
}

/** Bytes per weight that DeepSpeed's step makes: of all weights, under ZeRO-3 of 1e9 at a time (`sub_group_size`). */
const deepspeedStepBytes = 6;
const deepspeedSubGroup = 1e9;

/** Bytes that the optimizer's step makes beside its states. */
export function stepTemporaryBytes(workload: Workload, { trained }: RankModel): number {
  const { tool, sharding, optimizer } = workload;
  const shards = shardsOf(workload, "optimizer");
  const update =
    trained.masterWeights && tool.name === "deepspeed"
      ? Math.min(
          (trained.count * deepspeedStepBytes) / shards,
          sharding.kind === "zero3" ? deepspeedStepBytes * deepspeedSubGroup : Infinity,
        )
      : 0;
  // torch.optim's `foreach` keeps one state's worth of intermediates.
  const foreach = tool.foreachOptimizer && optimizer === "adamw" ? (trained.count * trained.stateBytes) / shards : 0;
  return update + foreach;
}
