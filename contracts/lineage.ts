import { z } from "zod";
import { judgedConditionSchema, metricsSchema } from "./flowResult";
import { planSchema } from "./plan";
import { recipeSchema } from "./recipe";

/** What became of an adapter: how it was saved, and what merging it cost. */
export const savedAdapterSchema = z
  .strictObject({
    saves: z.enum(["merged", "adapter", "both"]).describe("The recipe's `trainable.saves`."),
    kept: z
      .number()
      .nullable()
      .describe(
        "Share of the adapter's update that is left in the merged weights after rounding; null: it was not merged.",
      ),
    error: z
      .number()
      .nullable()
      .describe("Length of what rounding changed, by the length of the update; null: it was not merged."),
  })
  .meta({
    id: "SavedAdapter",
    description: "How an adapter was saved, and what rounding left of it in merged weights.",
  });

/** `lineage.json` beside a model's files: what the model was made from and how good it is. */
export const lineageSchema = z
  .strictObject({
    files: z.record(z.string(), z.number().int().min(0)).describe("Bytes of the model's files by name."),
    recipe: recipeSchema,
    plan: planSchema,
    baseModel: z
      .strictObject({
        uri: z.string().describe("The model that the run started from."),
        lineage: z.string().nullable().describe("Its own `lineage.json`; null: it is not of the registry."),
      })
      .meta({ id: "LineageBaseModel", description: "The model that a run started from." }),
    adapter: savedAdapterSchema.nullish().describe("Null or left out: all weights were trained."),
    data: z
      .strictObject({
        source: z.string().describe("The recipe's `dataset.source`."),
        fingerprint: z.string().describe("Equal for equal examples."),
        examples: z.number().int().min(0).describe("Number of examples that were trained on."),
        form: z.string().optional().describe("How rows of the dataset were read as examples, in one line."),
        revision: z
          .string()
          .nullable()
          .optional()
          .describe("The hub's commit; null: it is not of the hub, or the hub could not be asked."),
      })
      .meta({ id: "LineageData", description: "The examples that a model was trained on." }),
    code: z.string().describe("SHA-256 over the flow's file and the library, in hex."),
    packages: z.record(z.string(), z.string()).describe("Versions of the packages that decide a training's outcome."),
    pathspec: z.string().describe("Metaflow's name of the run: `<Flow>/<run id>`."),
    metrics: metricsSchema.describe("As in the flow's result."),
    evaluation: z
      .record(z.string(), z.string())
      .describe("What decides a task's numbers, by task: numbers with equal texts can be compared and reused."),
    gate: z.array(judgedConditionSchema).describe("As in the flow's result."),
    promoted: z.boolean().describe("The model passed its gate."),
  })
  .meta({
    id: "Lineage",
    description: "What a model was made from and how good it is: `lineage.json` beside its files.",
  });

export type Lineage = z.infer<typeof lineageSchema>;

/** `<modelsRoot>/<name>/promoted.json`: the last model of a deployment that passed its gate. */
export const promotedModelSchema = z
  .strictObject({
    modelUri: z.string().describe("Prefix of the model's files."),
    pathspec: z.string().describe("Metaflow's name of the run that made it."),
    promotedAt: z.string().describe("ISO 8601, UTC."),
    metrics: metricsSchema.describe("As in the flow's result."),
  })
  .meta({
    id: "PromotedModel",
    description: "The last model of a deployment that passed its gate: `promoted.json` in the deployment's folder.",
  });

export type PromotedModel = z.infer<typeof promotedModelSchema>;

/** The artifact `registration` of a flow's end step: both files, to restore them from. */
export const registrationSchema = z
  .strictObject({
    lineage: lineageSchema,
    pointer: promotedModelSchema.nullable().describe("Null: the model did not pass its gate."),
  })
  .meta({ id: "Registration", description: "What a run wrote to the registry, to restore it from." });

export type Registration = z.infer<typeof registrationSchema>;
