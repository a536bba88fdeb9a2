import { z } from "zod";
import { absolutePathSchema } from "./orchestrator";
import { planSchema } from "./plan";
import { recipeSchema } from "./recipe";

/** A rehearsal (`python -m posttraining.rehearsal <request file>`): a recipe's own run, scaled to processors, and what it proves. */

const text = z.string().min(1);
const count = z.number().int().min(1);

export const rehearsalShapeSchema = z
  .strictObject({
    layers: count.describe("Decoder layers."),
    hidden: count.describe("Width of the hidden state."),
    heads: count.describe("Attention heads."),
    keyValueHeads: count.describe("Heads of keys and values."),
    headDimension: count.describe("Width of one head."),
    intermediate: count.describe("Width of the feed-forward layer; of one expert where there are several."),
    experts: z
      .strictObject({ total: count.describe("Experts of a layer."), active: count.describe("Experts of a token.") })
      .meta({ id: "RehearsalExperts", description: "Experts of a layer, shared ones among them." })
      .optional()
      .describe("Left out: the layers are dense."),
    tiedEmbeddings: z.boolean().describe("Whether the output head shares the embedding's weights."),
  })
  .meta({ id: "RehearsalShape", description: "What the planner's table says of the model that is scaled down." });

export type RehearsalShape = z.infer<typeof rehearsalShapeSchema>;

export const rehearsalRequestSchema = z
  .strictObject({
    identity: text.describe("Hash of the recipe, the plan, the flow's code and its packages; the report has it again."),
    recipe: recipeSchema.describe("The recipe as it is to run."),
    plan: planSchema.describe("The plan as the planner makes it for the GPUs that are paid for."),
    shape: rehearsalShapeSchema.nullable().describe("Null: the planner's table has no shape of the model."),
    folder: absolutePathSchema.describe("Folder of its own, to work in: it is there, and `report.json` goes into it."),
    servePython: absolutePathSchema
      .nullable()
      .describe("Python of the environment that serves models; null: there is none, and serving is not rehearsed."),
    useHub: z
      .boolean()
      .describe("Whether config.json, tokenizer and rows may be fetched from the hub; false: all are made here."),
    processes: count.max(16).describe("Training processes where the plan spreads states over several."),
    only: z
      .array(text)
      .min(1)
      .optional()
      .describe("Names of the phases to rehearse; left out: all. A rehearsal of some proves nothing to `up`."),
  })
  .meta({ id: "RehearsalRequest", description: "What is rehearsed." });

/** A request as it is written. */
export type RehearsalRequest = z.input<typeof rehearsalRequestSchema>;

const replacementSchema = z
  .strictObject({
    what: text.describe("What the recipe asks for."),
    by: text.describe("What the rehearsal used instead."),
    why: text.describe("Why a processor cannot have it."),
  })
  .meta({ id: "RehearsalReplacement", description: "What of the recipe is not rehearsed as it stands." });

const invariantSchema = z
  .strictObject({
    name: text.describe("What holds, in words; stable."),
    passed: z.boolean().describe("Whether it holds."),
    message: text.describe("What was seen; where it does not hold, what to do about it."),
    measured: z.record(z.string(), z.number()).describe("What was measured, by name."),
  })
  .meta({ id: "RehearsalInvariant", description: "One thing that a rehearsal proves." });

export type RehearsalInvariant = z.infer<typeof invariantSchema>;

export const rehearsalReportSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of reports; one of another is no report."),
    identity: text.describe("The request's."),
    recipe: text.describe("Name of the recipe."),
    passed: z.boolean().describe("Whether every invariant holds."),
    replaced: z.array(replacementSchema).describe("What a processor cannot have, and what stood in for it."),
    invariants: z.array(invariantSchema).min(1).describe("In the order in which they were looked at."),
    seconds: z.record(z.string(), z.number().min(0)).describe("Seconds of each phase, and `total`."),
    at: z.string().describe("When it ended: ISO 8601, UTC."),
  })
  .meta({ id: "RehearsalReport", description: "What a rehearsal proved." });

export type RehearsalReport = z.infer<typeof rehearsalReportSchema>;

const hash = z.string().regex(/^[0-9a-f]+$/, "must be hexadecimal digits");

/** What is kept of a rehearsal, in `.posttraining/rehearsals/<recipe>-<identity>.json`. */
export const rehearsalRecordSchema = z
  .strictObject({
    report: rehearsalReportSchema,
    parts: z
      .strictObject({
        code: hash.describe("The flow's code."),
        packages: hash.describe("The packages that it is locked to."),
        recipe: hash.describe("The recipe."),
        plan: hash.describe("The plan."),
      })
      .meta({ id: "RehearsalParts", description: "Hash of each part of the identity." })
      .describe("By them a refusal says what has changed since."),
    rehearsalCode: hash.describe("Hash of the rehearsal's own code, which is no part of a run."),
    leftOut: z.array(text).describe("What was not rehearsed because somebody said so."),
  })
  .meta({ id: "RehearsalRecord", description: "What is kept of a rehearsal." });

export type RehearsalRecord = z.infer<typeof rehearsalRecordSchema>;
