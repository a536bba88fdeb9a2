import { z } from "zod";

/** What a progress line holds after its prefix `POSTTRAINING_PROGRESS `, on standard output of a task. */
export const progressSchema = z
  .strictObject({
    phase: z.enum(["train", "evaluate"]).describe("What is under way."),
    step: z.number().int().min(0).describe("Steps that are done."),
    totalSteps: z.number().int().min(0).describe("Steps of the phase."),
    loss: z.number().nullable().optional().describe("The newest loss; null: not a finite number."),
    metric: z
      .record(z.string(), z.number())
      .optional()
      .describe("What else the trainer logged, as far as it is finite."),
    secondsLeft: z
      .number()
      .nullable()
      .optional()
      .describe("Estimated seconds to the end of the phase; null: not known yet."),
  })
  .meta({ id: "Progress", description: "How far a run is." });

export type Progress = z.infer<typeof progressSchema>;
