import type { Gpu } from "../../catalog/gpus";
import type { Instance } from "../../catalog/instances";
import type { Job } from "../job";
import { gib } from "../memory";
import { countParameters } from "../shape";

/** How an inference engine shares the trainer's GPUs. */
export interface EngineSettings {
  /** Share of each GPU. */
  readonly utilization: number;
  /** GPUs over which it splits the model. */
  readonly tensorParallel: number;
}

/** Sequences whose keys and values the engine has room for. */
const cachedSequences = 16;
/** A share of the GPU below and above which engine or trainer starve. */
const leastShare = 0.2;
const mostShare = 0.85;

/** The smallest share of a GPU, in twentieths, that holds the engine's 16-bit weights and a cache for its sequences. */
function shareNeeded(job: Job, gpu: Gpu, tensorParallel: number): number {
  const { layers, keyValueHeads, headDimension } = job.shape;
  const weights = (countParameters(job.shape).total * 2) / gib;
  const cachePerSequence = (4 * layers * keyValueHeads * headDimension * job.sequenceTokens) / gib;
  const neededGib = (weights * 1.05 + cachedSequences * cachePerSequence) / tensorParallel + 1.5;
  return Math.ceil((neededGib / gpu.memoryGib) * 20) / 20;
}

/** Settings of a colocated engine with the fewest GPUs to one engine; undefined where no number of GPUs leaves room for it. */
export function engineSettings(job: Job, gpu: Gpu, gpusPerNode: number): EngineSettings | undefined {
  if (job.generation.kind !== "colocated") return { utilization: 0, tensorParallel: 1 };
  for (let tensorParallel = 1; tensorParallel <= gpusPerNode; tensorParallel *= 2) {
    const share = shareNeeded(job, gpu, tensorParallel);
    const utilization =
      job.generation.utilization === "auto" ? Math.max(leastShare, share) : job.generation.utilization;
    if (share <= utilization && utilization <= mostShare) return { utilization, tensorParallel };
  }
  return undefined;
}

/** Nodes that only generate: the flows start one vLLM server, on one node. Undefined where the model is too large for that. */
export function generationNodesFor(job: Job, instance: Instance, gpu: Gpu): number | undefined {
  if (job.generation.kind !== "server") return 0;
  const weights = (countParameters(job.shape).total * 2 * 1.2) / gib;
  return weights <= mostShare * gpu.memoryGib * instance.gpus ? 1 : undefined;
}
