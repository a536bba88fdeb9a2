import type { Job, Layout } from "../job";
import { gib, type MemoryEstimate } from "../memory";
import { countAdapterParameters, countParameters } from "../shape";

/** Weights that a job trains: all, or its adapters. */
export function trainedParameters({ shape, trainable }: Job): number {
  return trainable.kind === "full"
    ? countParameters(shape).total
    : countAdapterParameters(shape, trainable.rank, trainable.targets);
}

/** Host memory of one node, GiB: what processes take, and weights while they are read or where they live. */
export function hostMemoryGib(job: Job, layout: Layout, memory: MemoryEstimate): number {
  const weightsGib = (countParameters(job.shape).total * 2) / gib;
  const local = Math.min(layout.gpus, layout.gpusPerNode);
  // The first process reads the weights while the others wait for their shards; workers and pinned buffers of every process;
  // a sleeping engine keeps its weights in host memory.
  const engine = job.generation.kind === "colocated" && job.generation.sleep ? weightsGib : 0;
  // In the format that it trains in; a separate reference, in 16 bits, is read while the policy waits for the trainer to shard it.
  const policyGib = (weightsGib * job.weightBytes) / 2;
  const models = policyGib + (job.reference === "separate" ? weightsGib : 0);
  const loading = models * (layout.sharding === "ddp" ? Math.min(local, 2) : 1);
  return 6 + 3 * local + Math.max(loading, memory.hostGib * local) + engine;
}

/** Local disk of one node, GB: images, weights as downloaded, and two checkpoints, which sharded training spreads over nodes. */
export function localDiskGb(job: Job, layout: Layout, nodes: number): number {
  // Weights or adapters with the optimizer's two moments.
  const momentBytes = job.optimizer === "adamw-8bit-stochastic" ? 1 : job.weightBytes;
  const bytesPerWeight =
    job.trainable.kind === "full" ? job.weightBytes + 2 * momentBytes : 2 + 2 * job.weightBytes + 8;
  const checkpoint = (trainedParameters(job) * bytesPerWeight) / 1e9;
  const sharded = layout.sharding === "fsdp2" || layout.sharding === "zero3";
  return 30 + (countParameters(job.shape).total * 2) / 1e9 + (2 * checkpoint) / (sharded ? nodes : 1);
}
