import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Plan } from "../contracts/plan";
import { precisionSchema, type Recipe } from "../contracts/recipe";
import { methodOf, methods } from "../methods";
import { readRecipe } from "../recipe/read";
import { trainingWorkload } from "../rehearsal/fullShape";
import { jobFromRecipe, weightBytesOf, workloadOf, type Job } from "../sizing/job";
import { estimateMemory } from "../sizing/memory";
import { findShape, type ModelShape } from "../sizing/shape";
import { planTable, withTrainable } from "../sizing/table";
import type { Trainable, Workload } from "../sizing/workload";

/** What the tracer writes for one job (flows/sizing_oracle/trace.py). */
const traceSchema = z.strictObject({
  name: z.string(),
  method: z.enum(methods.map(({ name }) => name)),
  model: z.string(),
  trainable: z.enum(["full", "lora"]),
  rank: z.number().int(),
  sequenceTokens: z.number().int(),
  completionTokens: z.number().int(),
  microBatch: z.number().int(),
  checkpointing: z.enum(["none", "full"]),
  reference: z.enum(["none", "separate", "adapter-off", "precomputed"]),
  shards: z.number().int(),
  dropout: z.number(),
  adapterBytes: z.union([z.literal(2), z.literal(4)]),
  /** Number formats: policies of flows/posttraining/trainers/precision.py. */
  precision: precisionSchema,
  packed: z.boolean(),
  attention: z.enum(["sdpa", "flash"]),
  /** Gradients of earlier passes wait while this one runs. */
  accumulates: z.boolean(),
  targets: z.literal("all-linear"),
  parametersPerRank: z.number().int().optional(),
  units: z.number().int().optional(),
  peakGib: z.number(),
  byCategoryGib: z.record(z.string(), z.number()),
});

const fileSchema = z.strictObject({ versions: z.record(z.string(), z.string()), traces: z.array(traceSchema) });

export type Trace = z.infer<typeof traceSchema>;

export interface OracleComparison extends Pick<Trace, "name" | "precision"> {
  /** The cell of the README's table whose plan trains with just this step, for example `DPO 70B LoRA`. */
  readonly suggestion: string | undefined;
  readonly tracedGib: number;
  readonly predictedGib: number;
}

const file = join(__dirname, "measurements", "oracle-traces.json");

/** The traces that are kept. */
export const storedTraces = (): Trace[] =>
  existsSync(file) ? fileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).traces : [];

/** A cell of the README's table that has a plan. */
export interface PlannedCell {
  readonly name: string;
  readonly recipe: Recipe;
  readonly plan: Plan;
}

/** The cells of the README's table that have plans. */
export const plannedCells = (): PlannedCell[] =>
  planTable(readRecipe).flatMap(({ method, size, trainable, plan }) =>
    plan === null
      ? []
      : [
          {
            name: `${method} ${size} ${trainable}`,
            recipe: withTrainable(readRecipe(plan.recipe), trainable),
            plan: plan.plan,
          },
        ],
  );

const shapeOf = ({ model }: Trace): ModelShape => {
  const shape = findShape(model);
  if (shape === undefined) throw new Error(`oracle-traces.json: no shape for ${model}`);
  return shape;
};

const trainableOf = ({ trainable, rank, targets, dropout }: Trace): Trainable =>
  trainable === "full"
    ? { kind: "full" }
    : { kind: "lora", rank, targets, dropout: dropout > 0, trainsEmbeddings: false };

const jobOf = (trace: Trace): Job => ({
  name: trace.name,
  method: methodOf(trace).memoryLike,
  shape: shapeOf(trace),
  trainable: trainableOf(trace),
  weightBytes: weightBytesOf({ precision: trace.precision, trainable: trainableOf(trace) }),
  mixedPrecision: trace.precision !== "float32",
  optimizer: trace.precision === "bfloat16-stochastic" ? "adamw-8bit-stochastic" : "adamw-fused",
  sequenceTokens: trace.sequenceTokens,
  completionTokens: trace.completionTokens,
  fillShare: 1,
  packed: trace.packed,
  globalBatch: trace.microBatch * trace.shards,
  attention: trace.attention,
  loss: "fused",
  reference: trace.reference,
  generation: { kind: "none" },
  steps: 1,
  checkpointEverySteps: 1,
  assumed: [],
});

/** The step that was traced, as the planner sees it. */
function tracedWorkload(trace: Trace): Workload {
  const workload = workloadOf(jobOf(trace), {
    gpus: trace.shards,
    gpusPerNode: Math.min(8, trace.shards),
    microBatch: trace.microBatch,
    gradientAccumulation: trace.accumulates ? 2 : 1,
    sharding: trace.shards > 1 ? "fsdp2" : "none",
    checkpointing: trace.checkpointing,
    offload: "none",
    utilization: 0,
    engineTensorParallel: 1,
  });
  const inWeightsType = trace.adapterBytes === 2 ? { autocast: false, adapterBytes: 2 as const } : {};
  return { ...workload, tool: { ...workload.tool, ...inWeightsType } };
}

/** A workload without what one training step does not depend on: how many passes add up, how nodes divide the GPUs, and how long it takes. */
const stepOf = (workload: Workload): Workload => ({
  ...workload,
  gradientAccumulation: Math.min(2, workload.gradientAccumulation),
  gpusPerNode: 1,
  scoringPasses: 0,
});

/**
 * Whether the step that was traced is the training step of a cell's plan, GPU for GPU: to the planner it is the same workload, in the same
 * number formats, with the same rows. The policy of formats is compared by name, for workloads say nothing of the format in which
 * processes add up gradients.
 */
export const isStepOf = (trace: Trace, { recipe, plan }: PlannedCell): boolean =>
  trace.method === recipe.method &&
  trace.precision === recipe.precision &&
  trace.packed === jobFromRecipe(recipe).packed &&
  isDeepStrictEqual(stepOf(tracedWorkload(trace)), stepOf(trainingWorkload({ recipe, plan })));

/** The analytic model's allocated peak beside the traced one for every stored trace. */
export function oracleComparison(): OracleComparison[] {
  const cells = plannedCells();
  return storedTraces().map((trace) => ({
    name: trace.name,
    precision: trace.precision,
    suggestion: cells.find((cell) => isStepOf(trace, cell))?.name,
    tracedGib: trace.peakGib,
    predictedGib: estimateMemory(tracedWorkload(trace)).peakGib.allocated,
  }));
}
