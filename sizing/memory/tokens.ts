import { sequencesPerPass, type Workload } from "../workload";

/** Tokens of one forward pass on one GPU; context parallelism splits every sequence. */
export const tokensPerPass = (workload: Workload): number =>
  (sequencesPerPass(workload) * workload.sequenceTokens) / workload.sharding.contextParallel;

/** Tokens of them whose logits are computed: of GRPO the completions'. */
export const lossTokens = (workload: Workload): number =>
  (sequencesPerPass(workload) * (workload.method === "grpo" ? workload.completionTokens : workload.sequenceTokens)) /
  workload.sharding.contextParallel;
