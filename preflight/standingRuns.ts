import * as fs from "node:fs";
import * as path from "node:path";
import { flowCode } from "../components/run/flowCode";
import type { StageReading } from "../configuration/local";
import { localStackMachine, planForThisMachine } from "../recipe/plan";
import { runContentHash, runKey } from "../recipe/runIdentity";
import type { Machine } from "./machine";

/** A run that is recorded and that an `up` would find again instead of starting one. */
interface StandingRun {
  readonly modelUri: string | undefined;
}

/**
 * The stages for which `up` starts no run, as far as the records say. A stage whose base model is not known yet is none of them.
 *
 * @returns by their places in the configuration
 */
export function standingStages(stages: readonly StageReading[], machine: Machine): ReadonlySet<number> {
  const standing = new Map<StageReading, StandingRun>();
  const records = recordsIn(machine.runsDirectory);
  for (const stage of stages) {
    const base = stage.from === undefined ? null : standing.get(stage.from)?.modelUri;
    // Without any record of the stage, the code need not be hashed.
    const hasRecords = records.some((record) => record.startsWith(`${stage.name ?? ""}-`));
    const key = base === undefined || !hasRecords ? undefined : runKeyOf(stage, base);
    const run = key === undefined ? undefined : recorded(path.join(machine.runsDirectory, key));
    if (run !== undefined) standing.set(stage, run);
  }
  return new Set([...standing.keys()].map(({ index }) => index));
}

/**
 * Name under which the run of a stage is recorded.
 *
 * @returns undefined where the stage is not right
 */
export function runKeyOf(
  { name, complete, generation = 1 }: StageReading,
  baseModelUri: string | null,
): string | undefined {
  if (name === undefined || complete === undefined) return undefined;
  const contentHash = runContentHash({
    ...flowCode(complete.method),
    recipe: complete,
    plan: planForThisMachine(complete, localStackMachine),
    baseModelUri,
    generation,
  });
  return runKey({ name, contentHash });
}

function recordsIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

interface RunRecord {
  readonly status: string;
  /** ISO 8601, in UTC. */
  readonly startedAt: string;
  readonly modelUri: string | undefined;
}

/**
 * A record has a copy (posttraining/driver/record.py): one of the two may be damaged or gone, or behind the other where a write was cut
 * short. What counts is the later run, and of one run its end.
 */
function recorded(directory: string): StandingRun | undefined {
  const [record, copy] = ["status.json", "status.copy.json"].map((file) => recordIn(path.join(directory, file)));
  const newest = record === undefined || (copy !== undefined && isBehind(record, copy)) ? copy : record;
  return newest !== undefined && standingStatuses.includes(newest.status) ? { modelUri: newest.modelUri } : undefined;
}

function isBehind(record: RunRecord, other: RunRecord): boolean {
  if (record.startedAt !== other.startedAt) return record.startedAt < other.startedAt;
  return record.status === "running" && other.status !== "running";
}

const standingStatuses: readonly string[] = ["running", "succeeded", "rejected"];
const statuses: readonly string[] = [...standingStatuses, "failed", "stopped"];

function recordIn(file: string): RunRecord | undefined {
  try {
    const {
      status = "",
      startedAt = "",
      result,
    } = JSON.parse(fs.readFileSync(file, "utf8")) as {
      status?: string;
      startedAt?: string;
      result?: { modelUri?: string } | null;
    };
    return statuses.includes(status) ? { status, startedAt, modelUri: result?.modelUri } : undefined;
  } catch {
    return undefined;
  }
}
