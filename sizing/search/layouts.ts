import type { Gpu } from "../../catalog/gpus";
import { workloadOf, type Job, type Layout } from "../job";
import { estimateMemory, type MemoryEstimate } from "../memory";
import type { Workload } from "../workload";
import { engineSettings, type EngineSettings } from "./engine";

/** The GPUs that train. */
export interface TrainingGpus {
  readonly gpu: Gpu;
  readonly gpusPerNode: number;
  readonly nodes: number;
}

/** What decides whether a layout may be used. */
export interface Room {
  /** Part of a GPU's memory that stays free. */
  readonly headroom: number;
  readonly offloads: readonly Layout["offload"][];
}

/** A layout with what it means for one GPU. */
export interface SizedLayout {
  readonly layout: Layout;
  readonly workload: Workload;
  readonly memory: MemoryEstimate;
}

/** A layout but for the size of its micro batch. */
type LayoutKind = Pick<Layout, "sharding" | "checkpointing" | "offload">;

const microBatches = [1, 2, 4, 8, 16, 32, 64];

/** Quantised weights that FSDP2 has sharded cannot be sent to vLLM: https://github.com/huggingface/trl/issues/5975 */
const canSendShards = ({ trainable, generation }: Job): boolean =>
  trainable.kind !== "qlora" || (generation.kind !== "colocated" && generation.kind !== "server");

/** torchao 0.18 cannot step over FSDP2's shards: eagerly it fails on their type (tried by two processes). */
const canStepShards = ({ optimizer }: Job): boolean => optimizer !== "adamw-8bit-stochastic";

function shardingsOf(job: Job, gpus: number): readonly Layout["sharding"][] {
  const wanted: readonly Layout["sharding"][] =
    job.sharding !== undefined ? [job.sharding] : gpus === 1 ? ["none"] : ["ddp", "fsdp2"];
  return wanted
    .filter((sharding) => sharding !== "none" || gpus === 1)
    .filter((sharding) => sharding !== "fsdp2" || (canSendShards(job) && canStepShards(job)));
}

/** Only weights that are sharded can be offloaded. */
const offloadsOf = (sharding: Layout["sharding"], { offloads }: Room): readonly Layout["offload"][] =>
  sharding === "fsdp2" || sharding === "zero3" ? offloads : offloads.filter((offload) => offload === "none");

function layoutKinds(job: Job, gpus: number, room: Room): LayoutKind[] {
  const checkpointings = job.checkpointing !== undefined ? [job.checkpointing] : (["none", "full"] as const);
  return shardingsOf(job, gpus).flatMap((sharding) =>
    offloadsOf(sharding, room).flatMap((offload) =>
      checkpointings.map((checkpointing) => ({ sharding, offload, checkpointing })),
    ),
  );
}

/** Layouts of one kind up to the largest micro batch that fits, smallest first. */
function microBatchesThatFit(
  job: Job,
  { gpu, gpusPerNode, nodes }: TrainingGpus,
  kind: LayoutKind,
  engine: EngineSettings,
  budgetGib: number,
): SizedLayout[] {
  const gpus = gpusPerNode * nodes;
  const perGpu = job.globalBatch / gpus;
  const found: SizedLayout[] = [];
  for (const microBatch of job.microBatch !== undefined ? [job.microBatch] : microBatches) {
    if (perGpu % microBatch !== 0 || microBatch < (job.leastMicroBatch ?? 1)) continue;
    const layout: Layout = {
      gpus,
      gpusPerNode,
      microBatch,
      gradientAccumulation: perGpu / microBatch,
      sharding: kind.sharding,
      checkpointing: kind.checkpointing,
      offload: kind.offload,
      utilization: engine.utilization,
      engineTensorParallel: engine.tensorParallel,
    };
    const workload = workloadOf(job, layout);
    const memory = estimateMemory(workload, gpu.memoryGib);
    if (memory.requiredGib > budgetGib) break;
    found.push({ layout, workload, memory });
  }
  return found;
}

/** Every layout of a job on these GPUs that leaves the headroom. The batch has to divide evenly over them. */
export function layoutsThatFit(job: Job, training: TrainingGpus, room: Room): SizedLayout[] {
  const { gpu, gpusPerNode, nodes } = training;
  const gpus = gpusPerNode * nodes;
  if (job.globalBatch % gpus !== 0) return [];
  // TRL's first process alone writes what the reference says, to a file on its node (flows/posttraining/checks.py).
  if (job.reference === "precomputed" && nodes > 1) return [];
  const engine = engineSettings(job, gpu, gpusPerNode);
  if (engine === undefined) return [];
  const budgetGib = gpu.memoryGib * (1 - room.headroom);
  return layoutKinds(job, gpus, room).flatMap((kind) => microBatchesThatFit(job, training, kind, engine, budgetGib));
}
