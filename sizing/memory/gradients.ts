import type { Workload } from "../workload";
import type { RankModel } from "./rankModel";
import { shardsOf } from "./shards";

/**
 * Bytes of the gradients of one GPU: trained weights x bytes of one gradient / shards. Float32 where there are master weights
 * (github.com/deepspeedai/DeepSpeed runtime/zero/stage3.py estimate_zero3_model_states_mem_needs: 18 bytes per parameter).
 * Those of PPO's two models live one after the other.
 */
export const gradientBytes = (workload: Workload, { trained }: RankModel): number =>
  (trained.count * trained.stateBytes) / shardsOf(workload, "gradients");

/**
 * Bytes of gradients where the optimizer steps inside the backward pass: the largest tensor group's, whose update frees them
 * (pytorch.org/tutorials/intermediate/optimizer_step_in_backward_tutorial.html).
 */
export const gradientBytesInBackward = ({ optimizerInBackward }: Workload, model: RankModel): number =>
  optimizerInBackward ? Math.max(model.layer, model.embeddings) * model.trained.stateBytes : 0;
