import { z } from "zod";

/** What the planner decides for one run and the flow carries out: the same from the search to the trainer. */
export const planSchema = z.strictObject({
  /** All nodes of the run, those that only generate included. */
  nodes: z.number().int().min(1),
  /** Of `nodes`, those that only generate: 0 but for GRPO with a vLLM server. The others train. */
  generationNodes: z.number().int().min(0),
  /** 0 where everything runs on a machine's processors, in one process. */
  gpusPerNode: z.number().int().min(0),
  /** Sequences (DPO: pairs, GRPO: completions) per forward pass of one process. */
  microBatch: z.number().int().min(1),
  gradientAccumulation: z.number().int().min(1),
  /** How training states are spread over the processes that train; `none`: there is one. */
  sharding: z.enum(["none", "ddp", "fsdp2", "zero2", "zero3"]),
  activationCheckpointing: z.enum(["none", "full"]),
  /** Only for GRPO with a colocated vLLM: its share of a GPU's memory, and GPUs over which one engine splits the model. */
  generation: z
    .strictObject({ memoryUtilization: z.number().gt(0).lt(1), tensorParallel: z.number().int().min(1) })
    .optional(),
});

export type Plan = z.infer<typeof planSchema>;
