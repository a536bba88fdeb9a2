import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { estimateMemory } from "../sizing/memory";
import { jobFromRecipe, weightBytesOf, workloadOf, type Job } from "../sizing/job";
import type { Plan } from "../contracts/plan";
import { precisionSchema } from "../contracts/recipe";
import { methodOf, methods } from "../methods";
import { readRecipe } from "../recipe/read";
import { findShape } from "../sizing/shape";
import { planTable, withTrainable, type TableCell } from "../sizing/table";
import type { Trainable } from "../sizing/workload";

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
  // The first traces were of bfloat16 alone, unpacked.
  precision: precisionSchema.default("bfloat16"),
  packed: z.boolean().default(false),
  attention: z.enum(["sdpa", "flash"]).default("flash"),
  accumulates: z.boolean().default(false),
  targets: z.union([z.string(), z.array(z.string())]).default("all-linear"),
  parametersPerRank: z.number().int().optional(),
  units: z.number().int().optional(),
  peakGib: z.number(),
  byCategoryGib: z.record(z.string(), z.number()),
});

const fileSchema = z.strictObject({ versions: z.record(z.string(), z.string()), traces: z.array(traceSchema) });

type Trace = z.infer<typeof traceSchema>;

export interface OracleComparison {
  readonly name: string;
  /** The cell of the README's table whose plan trains with just this step, for example `DPO 70B LoRA`. */
  readonly suggestion: string | undefined;
  readonly tracedGib: number;
  readonly predictedGib: number;
}

const file = join(__dirname, "measurements", "oracle-traces.json");

/** A cell of the README's table with its plan, and the job that the plan is for. */
interface Suggestion extends Pick<TableCell, "method" | "size" | "trainable"> {
  readonly planned: Plan;
  readonly job: Job;
}

function suggestions(): Suggestion[] {
  return planTable(readRecipe).flatMap(({ plan, ...cell }) =>
    plan === null
      ? []
      : [{ ...cell, planned: plan.plan, job: jobFromRecipe(withTrainable(readRecipe(plan.recipe), cell.trainable)) }],
  );
}

/** Whether the step that was traced is the training step of a cell's plan, GPU for GPU. */
function isStepOf(trace: Trace, { method, trainable, planned, job }: Suggestion): boolean {
  return (
    method.toLowerCase() === trace.method &&
    job.shape.name === trace.model &&
    (trainable === "full"
      ? trace.trainable === "full"
      : trace.trainable === "lora" && job.trainable.kind === "lora" && job.trainable.rank === trace.rank) &&
    job.sequenceTokens === trace.sequenceTokens &&
    planned.microBatch === trace.microBatch &&
    planned.activationCheckpointing === trace.checkpointing &&
    (planned.sharding === "fsdp2" ? (planned.nodes - planned.generationNodes) * planned.gpusPerNode : 1) ===
      trace.shards &&
    (job.reference === trace.reference || method !== "DPO")
  );
}

/** The analytic model's allocated peak beside the traced one for every stored trace. */
export function oracleComparison(): OracleComparison[] {
  if (!existsSync(file)) return [];
  const cells = suggestions();
  return fileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).traces.map((trace) => {
    const shape = findShape(trace.model);
    if (shape === undefined) throw new Error(`oracle-traces.json: no shape for ${trace.model}`);
    const trainable: Trainable =
      trace.trainable === "full"
        ? { kind: "full" }
        : {
            kind: "lora",
            rank: trace.rank,
            targets: "all-linear",
            dropout: trace.dropout > 0,
            trainsEmbeddings: false,
          };
    const job: Job = {
      name: trace.name,
      method: methodOf(trace).memoryLike,
      shape,
      trainable,
      weightBytes: weightBytesOf({ precision: trace.precision, trainable }),
      mixedPrecision: trace.precision !== "float32",
      optimizer: "adamw-fused",
      sequenceTokens: trace.sequenceTokens,
      completionTokens: trace.completionTokens,
      fillShare: 1,
      packed: trace.packed,
      globalBatch: trace.microBatch * trace.shards,
      attention: trace.packed ? trace.attention : "flash",
      loss: "fused",
      reference: trace.reference,
      generation: { kind: "none" },
      steps: 1,
      checkpointEverySteps: 1,
      assumed: [],
    };
    const workload = workloadOf(job, {
      gpus: trace.shards,
      gpusPerNode: Math.min(8, trace.shards),
      microBatch: trace.microBatch,
      gradientAccumulation: 1,
      sharding: trace.shards > 1 ? "fsdp2" : "none",
      checkpointing: trace.checkpointing,
      offload: "none",
      utilization: 0,
      engineTensorParallel: 1,
    });
    const inWeightsType = trace.adapterBytes === 2 ? { autocast: false, adapterBytes: 2 as const } : {};
    const { peakGib } = estimateMemory({ ...workload, tool: { ...workload.tool, ...inWeightsType } });
    const cell = cells.find((each) => isStepOf(trace, each));
    return {
      name: trace.name,
      suggestion: cell === undefined ? undefined : `${cell.method} ${cell.size} ${cell.trainable}`,
      tracedGib: trace.peakGib,
      predictedGib: peakGib.allocated,
    };
  });
}
