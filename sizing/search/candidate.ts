import type { Gpu } from "../../catalog/gpus";
import type { Instance } from "../../catalog/instances";
import type { Layout } from "../job";
import type { MemoryEstimate } from "../memory";
import type { StepTime } from "../throughput";
import type { CapacityKind, Constraints } from "./constraints";
import type { RunHours } from "./hours";

/** A plan with its evidence. */
export interface Candidate {
  readonly instance: Instance;
  readonly gpu: Gpu;
  /** All nodes, those that only generate included. */
  readonly nodes: number;
  /** Of `nodes`, those that only generate (GRPO with a vLLM server). */
  readonly generationNodes: number;
  readonly layout: Layout;
  readonly memory: MemoryEstimate;
  readonly step: StepTime;
  readonly capacity: CapacityKind;
  readonly usdPerHour: number;
  readonly hours: RunHours;
  readonly usdPerRun: number;
  /** Host memory that one node needs, GiB. */
  readonly hostGib: number;
  /** Local disk that one node needs, GB. */
  readonly diskGb: number;
  /** Part of the GPU's memory that stays free at the peak. */
  readonly headroom: number;
}

export const gpusOf = (plan: Candidate): number => plan.nodes * plan.instance.gpus;

export type Objective = NonNullable<Constraints["objective"]>;

/** The better plan first. */
export const byObjective =
  (objective: Objective) =>
  (one: Candidate, other: Candidate): number =>
    objective === "fastest"
      ? one.hours.total - other.hours.total || one.usdPerRun - other.usdPerRun || one.nodes - other.nodes
      : one.usdPerRun - other.usdPerRun || one.nodes - other.nodes || one.hours.total - other.hours.total;
