import type { Gpu } from "../../catalog/gpus";
import type { TimeCoefficients } from "../coefficients";
import type { Workload } from "../workload";
import type { Pass } from "./passes";

export interface Interconnect {
  /** GPUs of one machine. */
  readonly gpusPerNode: number;
  /** Network between machines, Gbit/s per machine. */
  readonly networkGbps: number;
}

/** Bytes per second between GPUs. */
interface Links {
  /** Of one machine. */
  readonly inside: number;
  /** Of two machines. */
  readonly across: number;
  readonly nodes: number;
  /** A group of GPUs that shards states spans machines. */
  readonly crosses: boolean;
}

/** Bytes per second between host memory and one GPU. */
const hostBytesPerSecond = 12e9;

function linksOf(workload: Workload, gpu: Gpu, given: Interconnect | undefined, efficiency: number): Links {
  const interconnect = given ?? { gpusPerNode: Math.min(8, workload.gpus), networkGbps: 3200 };
  const nodes = Math.max(1, Math.ceil(workload.gpus / interconnect.gpusPerNode));
  return {
    inside: gpu.linkGbps * 1e9 * efficiency,
    across: ((interconnect.networkGbps / 8) * 1e9 * efficiency) / Math.min(workload.gpus, interconnect.gpusPerNode),
    nodes,
    crosses: nodes > 1 && workload.sharding.degree > interconnect.gpusPerNode,
  };
}

/** Weights that one GPU of a replica trains. */
export const trainedOnGpu = ({ full, counts, adapters, split }: Pass): number =>
  full ? counts.total / split : adapters / split;

/** Seconds of gathering a sharded model's weights, forward and backward, for one micro batch. */
function gatherSeconds(workload: Workload, { counts, split }: Pass, ring: number, link: number): number {
  const { kind } = workload.sharding;
  if (kind !== "fsdp" && kind !== "zero3") return 0;
  return ((counts.total / split) * gatheredBytes(workload) * ring * 2) / link;
}

/** Bytes of one gathered weight: quantised ones with their scales. */
const gatheredBytes = ({ trainable }: Workload): number => (trainable.kind === "qlora" ? 0.56 : 2);

/** Bytes of one gradient on its way: float32 where weights are kept in float32 (flows/posttraining/trainers/precision.py). */
const gradientBytes = ({ weightBytes }: Workload): number => weightBytes;

/** Seconds of reducing gradients: scattered where states are sharded, else all-reduced, which is twice the bytes. */
function reduceSeconds(workload: Workload, trained: number, ring: number, link: number): number {
  const { kind } = workload.sharding;
  if (kind === "none") return 0;
  const scattered = kind === "fsdp" || kind === "zero3" || kind === "zero2";
  return (trained * gradientBytes(workload) * ring * (scattered ? 1 : 2)) / link;
}

/** Seconds of the four all-reduces of a layer that tensor parallelism makes. */
function tensorSeconds({ shape, sharding }: Workload, { positions, recompute }: Pass, inside: number): number {
  if (sharding.tensorParallel <= 1) return 0;
  return (positions * shape.hidden * 2 * shape.layers * 4 * (1 + recompute / 2)) / inside / sharding.pipelineParallel;
}

/**
 * Passes that share one reduction of gradients. FSDP2 reduces after each pass: otherwise every GPU would hold the gradients of the whole
 * model (flows/posttraining/trainers/arguments.py).
 */
const passesPerReduction = ({ sharding, gradientAccumulation, tool }: Workload): number =>
  sharding.kind === "fsdp" && tool.name === "trl" ? 1 : gradientAccumulation;

/** Seconds of all communication for one micro batch, hidden or not. */
export function communicationSeconds(
  workload: Workload,
  pass: Pass,
  gpu: Gpu,
  interconnect: Interconnect | undefined,
  coefficients: TimeCoefficients,
): number {
  const { sharding } = workload;
  const shared = passesPerReduction(workload);
  const group = sharding.degree;
  const { inside, across, nodes, crosses } = linksOf(workload, gpu, interconnect, coefficients.linkEfficiency);
  const link = crosses ? Math.min(inside, across) : inside;
  const ring = group > 1 ? (group - 1) / group : 0;
  const trained = trainedOnGpu(pass);
  // Replicas that shard within a machine reduce their shards over the network.
  const replicas = nodes > 1 && !crosses ? (trained * gradientBytes(workload) * 2) / group / Math.max(1, across) : 0;
  const offload = workload.offload.parameters
    ? ((pass.counts.total / group) * gatheredBytes(workload) * 2) / hostBytesPerSecond
    : 0;
  return (
    gatherSeconds(workload, pass, ring, link) +
    reduceSeconds(workload, trained, ring, link) / shared +
    tensorSeconds(workload, pass, inside) +
    replicas / shared +
    offload
  );
}
