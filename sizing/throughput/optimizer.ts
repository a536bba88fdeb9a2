import type { Gpu } from "../../catalog/gpus";
import type { Workload } from "../workload";
import { trainedOnGpu } from "./communication";
import { memoryBytesPerSecond } from "./compute";
import type { Pass } from "./passes";

/** Bytes per trained weight that AdamW's step reads and writes on the processor of the host, and their bytes per second. */
const hostStepBytes = 16;
const hostStepBytesPerSecond = 5e9;

/** Bytes per trained weight that the step reads and writes on the GPU: twice as many with float32 states. */
const stepBytes = ({ tool, weightBytes, optimizer }: Workload): number => {
  // Weights and gradients of 16 bits, moments of 8.
  if (optimizer === "adamw-8bit-stochastic") return 12;
  return tool.masterWeights || weightBytes === 4 ? 36 : 18;
};

/** Seconds of the optimizer's step on one GPU, or on the host where its states are there. */
export function optimizerSeconds(workload: Workload, pass: Pass, gpu: Gpu): number {
  const { sharding, offload } = workload;
  const shards = sharding.kind === "none" || sharding.kind === "ddp" ? 1 : sharding.degree;
  const trained = trainedOnGpu(pass);
  return offload.optimizer || offload.parameters
    ? (trained * hostStepBytes) / shards / hostStepBytesPerSecond
    : (trained * stepBytes(workload)) / shards / memoryBytesPerSecond(gpu);
}
