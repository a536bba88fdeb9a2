import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import type { RehearsalInvariant, RehearsalReport } from "../contracts/rehearsal";
import { pythonOf } from "../machine/checkout.mjs";
import { jobFromRecipe, workloadOf } from "../sizing/job";
import { estimateMemory } from "../sizing/memory";
import { countAdapterParameters, countParameters } from "../sizing/shape";
import type { Workload } from "../sizing/workload";
import { type ProgramEnd, type Program, runProgram } from "./process";

/**
 * The second half of a rehearsal: one training step of the model at its full size on fake tensors, which take no memory
 * (flows/sizing_oracle/trace.py), beside what the planner has counted on.
 */

/** What the tracer says of one rank. */
const traceSchema = z.object({
  peakGib: z.number().positive(),
  parametersPerRank: z.number().positive(),
  /** Parts of the model that FSDP2 gathers one by one; 0 where nothing is sharded. */
  units: z.number().int().min(0),
});

export type FullShapeTrace = z.infer<typeof traceSchema>;

interface Run {
  readonly recipe: Recipe;
  readonly plan: Plan;
}

/** What the planner counts on for one rank that trains. */
export interface FullShapeExpectation {
  /** Allocated at the peak of the step, GiB; without an engine that generates, which is not traced. */
  readonly peakGib: number;
  readonly parametersPerRank: number;
  /** At least so many units are gathered one by one: the layers. */
  readonly leastUnits: number;
}

/** More than the planner's own figure by which a traced step may be: what its tests hold it to. */
const tolerance = 0.05;

/** Shards are padded to the same length on all ranks, and the planner counts no biases. */
const parameterTolerance = 0.01;

/** GPUs that train, without those that only generate. */
const trainingGpus = ({ nodes, generationNodes, gpusPerNode }: Plan): number => (nodes - generationNodes) * gpusPerNode;

/**
 * The training step of a plan as the planner sees it, without an engine that generates.
 *
 * @throws JobError when the model's shape is not known.
 */
export const trainingWorkload = ({ recipe, plan }: Run): Workload =>
  workloadOf(
    { ...jobFromRecipe(recipe), generation: { kind: "none" } },
    {
      gpus: trainingGpus(plan),
      gpusPerNode: plan.gpusPerNode,
      microBatch: plan.microBatch,
      gradientAccumulation: plan.gradientAccumulation,
      sharding: plan.sharding,
      checkpointing: plan.activationCheckpointing,
      offload: "none",
      utilization: 0,
      engineTensorParallel: 1,
    },
  );

/**
 * What the planner counts on.
 *
 * @throws JobError when the model's shape is not known.
 */
export function fullShapeExpectation({ recipe, plan }: Run): FullShapeExpectation {
  const workload = trainingWorkload({ recipe, plan });
  const gpus = trainingGpus(plan);
  const { trainable, shape } = workload;
  const adapters = trainable.kind === "full" ? 0 : countAdapterParameters(shape, trainable.rank, trainable.targets);
  const isSharded = plan.sharding === "fsdp2";
  return {
    peakGib: estimateMemory(workload).peakGib.allocated,
    parametersPerRank: (countParameters(shape).total + adapters) / (isSharded ? gpus : 1),
    leastUnits: isSharded ? shape.layers : 0,
  };
}

const gib = (value: number): string => `${value.toFixed(1)} GiB`;
const millions = (value: number): string => `${(value / 1e6).toFixed(1)} M`;

/** What of a trace is as the planner says: a pure function of both. */
export function fullShapeInvariants(expected: FullShapeExpectation, traced: FullShapeTrace): RehearsalInvariant[] {
  const over = traced.peakGib / expected.peakGib - 1;
  const fits = over <= tolerance;
  const counted = Math.abs(traced.parametersPerRank / expected.parametersPerRank - 1) <= parameterTolerance;
  const wrapped = traced.units >= expected.leastUnits;
  const seen = `${gib(traced.peakGib)} of live tensors at the peak of a step, of ${gib(expected.peakGib)} that are planned`;
  const parameters = `${millions(traced.parametersPerRank)} parameters on each rank, ${millions(expected.parametersPerRank)} planned`;
  const units = `${traced.units} units are gathered one by one, for ${expected.leastUnits} layers`;
  return [
    {
      name: "at full size, a step takes the memory that is planned",
      passed: fits,
      message: fits
        ? seen
        : `${seen}: plan more with \`--headroom ${(0.1 + over).toFixed(2)}\`, or lower batch.micro or sequence.maxLength`,
      measured: { tracedGib: traced.peakGib, plannedGib: expected.peakGib },
    },
    {
      name: "at full size, each rank holds the parameters that are planned",
      passed: counted,
      message: counted
        ? parameters
        : `${parameters}: set model.shape to the model that model.base is, or sharding to fsdp2`,
      measured: { traced: traced.parametersPerRank, planned: expected.parametersPerRank },
    },
    {
      name: "at full size, every layer is wrapped by itself",
      passed: wrapped,
      message: wrapped ? units : `${units}: all others are gathered at once, which the plan has no memory for`,
      measured: { units: traced.units, layers: expected.leastUnits },
    },
  ];
}

/** What a trace adds to a report. */
export type FullShapeResult = Pick<RehearsalReport, "invariants" | "replaced">;

/** An invariant that says why there is no trace, though there should be one. */
const broken = (reason: string): FullShapeResult => ({
  invariants: [
    {
      name: "at full size, a step can be traced",
      passed: false,
      message: `${reason}; to do without, add \`--no-full-shape\``,
      measured: {},
    },
  ],
  replaced: [],
});

/** What the tracer ends with where it says that it does not trace such a run; 2 is what Python's own parser of options ends with. */
const notTraced = 3;

/** What an answer of the tracer adds to a report: a pure function of both. */
export function fullShapeResult(
  expected: FullShapeExpectation,
  { status, lines }: ProgramEnd,
  answer: string | undefined,
): FullShapeResult {
  if (status === notTraced) {
    const why = lines.at(-1) ?? "it does not say why";
    return { invariants: [], replaced: [{ what: "the dry run at full size", by: "nothing", why }] };
  }
  if (status !== 0) return broken(`the tracer ended with status ${String(status)}: ${lines.slice(-3).join(" | ")}`);
  try {
    const read = traceSchema.safeParse(JSON.parse(answer ?? ""));
    if (read.success) return { invariants: fullShapeInvariants(expected, read.data), replaced: [] };
    return broken(`the tracer's answer lacks ${read.error.issues.map(({ path: at }) => at.join(".")).join(", ")}`);
  } catch {
    return broken("the tracer's answer cannot be read");
  }
}

/** Traces a run's step at full size, and compares. */
export async function traceFullShape(
  { recipe, plan }: Run,
  folder: string,
  calls: Pick<Program, "onLine" | "signal" | "environment">,
): Promise<FullShapeResult> {
  let expected: FullShapeExpectation;
  try {
    expected = fullShapeExpectation({ recipe, plan });
  } catch (error) {
    return broken(error instanceof Error ? error.message : String(error));
  }
  const runFile = path.join(folder, "run.json");
  const answerFile = path.join(folder, "trace.json");
  fs.writeFileSync(runFile, JSON.stringify({ recipe, plan, shape: jobFromRecipe(recipe).shape }));
  const command = [pythonOf("train"), "-m", "sizing_oracle.trace", "--run", runFile, "--output", answerFile];
  const end = await runProgram({ ...calls, command, folder, logFile: path.join(folder, "log.txt") });
  return fullShapeResult(expected, end, fs.existsSync(answerFile) ? fs.readFileSync(answerFile, "utf8") : undefined);
}
