import { z } from "zod";
import { activationCheckpointingSchema, shardingSchema } from "./recipe";

const count = (from: number) => z.number().int().min(from);

/**
 * What the planner decides for one run and the flow carries out.
 *
 * With the recipe, the code, the base model and the generation it is a run's identity: another plan is another run. Where the
 * run is placed is apart (placement.ts).
 */
export const planSchema = z
  .strictObject({
    nodes: count(1).describe("All nodes of the run, those that only generate among them."),
    generationNodes: count(0)
      .default(0)
      .describe("Of `nodes`, those that only generate: the last ones. 0 but for GRPO with `vllm-server`."),
    gpusPerNode: count(0).describe("GPUs of each node; 0: the run trains on one machine's processors."),
    processesPerNode: count(1)
      .optional()
      .describe("Training processes of a node without GPUs; left out: 1. With GPUs there is one for each of them."),
    microBatch: count(1).describe("Sequences (DPO: pairs, GRPO: completions) per forward pass on one device."),
    gradientAccumulation: count(1).describe("Forward passes on each device per optimizer step."),
    sharding: shardingSchema.describe("How training states are spread over the devices that train."),
    activationCheckpointing: activationCheckpointingSchema.describe(
      "Which activations are recomputed in the backward pass instead of being kept.",
    ),
    generation: z
      .strictObject({
        memoryUtilization: z.number().gt(0).lt(1).describe("vLLM's share of a GPU's memory."),
        tensorParallel: count(1).describe("GPUs per engine."),
      })
      .meta({ id: "PlanGeneration", description: "How vLLM uses the GPUs." })
      .optional()
      .describe("Only for GRPO with vLLM."),
  })
  .meta({ id: "Plan", description: "What the planner decided for one run; the flow carries it out." });

/** A plan with every default filled in. */
export type Plan = z.infer<typeof planSchema>;

/** Processes that train on each of a plan's nodes: one for each GPU, and without GPUs as many as the plan says. */
export const processesPerNode = (plan: Pick<Plan, "gpusPerNode" | "processesPerNode">): number =>
  plan.gpusPerNode > 0 ? plan.gpusPerNode : (plan.processesPerNode ?? 1);
