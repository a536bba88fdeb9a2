import type { Instance } from "../../catalog/instances";
import type { Job } from "../job";
import { countParameters } from "../shape";
import type { StepTime } from "../throughput";
import { trainedParameters } from "./hosts";

/** Where the hours of a run go. */
export interface RunHours {
  /** Starting nodes and pulling images. */
  readonly provision: number;
  /** Reading the base model. */
  readonly load: number;
  readonly train: number;
  /** Writing checkpoints and the final model. */
  readonly checkpoints: number;
  readonly total: number;
}

/** Starting a GPU node and pulling a training image of about 15 GB, hours. */
const provisionHours = 0.2;
/** Sustained write and read speed of a node's object-store client, bytes/s, at most; small nodes are bound by their network. */
const storeBytesPerSecond = 2.5e9;

export function runHours(job: Job, instance: Instance, step: StepTime, nodes: number): RunHours {
  const bytesPerSecond = Math.min(storeBytesPerSecond, (instance.networkGbps / 8) * 1e9 * 0.5);
  const weights = countParameters(job.shape).total * 2;
  const load = weights / bytesPerSecond / 3600;
  const saved = trainedParameters(job) * (job.trainable.kind === "full" ? 6 : 12);
  const count = Math.floor(job.steps / job.checkpointEverySteps);
  const checkpoints = (count * (saved / nodes / bytesPerSecond) + weights / bytesPerSecond) / 3600;
  const train = (job.steps * step.seconds) / 3600;
  return { provision: provisionHours, load, train, checkpoints, total: provisionHours + load + train + checkpoints };
}
