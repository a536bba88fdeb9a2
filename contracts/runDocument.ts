import { z } from "zod";
import { placementSchema } from "./placement";
import { planSchema } from "./plan";
import { recipeSchema } from "./recipe";

const text = z.string().min(1);

/** The one document that a flow is given: the file that its Metaflow `Config` named `run` reads. */
export const runDocumentSchema = z
  .strictObject({
    recipe: recipeSchema,
    plan: planSchema,
    placement: placementSchema.nullable().describe("Where the run's pods go; null: it runs on this machine."),
    baseModelUri: text.nullable().describe("Model to start from; null: `recipe.model.base`."),
    modelsRoot: text.describe(
      "Prefix below which trained models are registered: `s3://bucket/models` or `file:///folder`.",
    ),
    name: text.describe("Name of the deployment: the first folder below `modelsRoot`."),
    modelUri: text
      .nullable()
      .default(null)
      .describe("Where a lost model is made again; null: below `modelsRoot`, by name and run."),
  })
  .meta({ id: "RunDocument", description: "What a flow is given." });

/** A run document with every default filled in. */
export type RunDocument = z.infer<typeof runDocumentSchema>;
