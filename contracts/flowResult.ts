import { z } from "zod";

const measure = z.number().nullable();

const standardErrorSchema = z
  .strictObject({
    before: measure.describe("Of the base model's value; null: not known."),
    after: measure.describe("Of the trained model's value; null: not known."),
    gain: measure.describe(
      "Of the gain, document by document; null: not known, since the metric has no value for each document.",
    ),
  })
  .meta({ id: "StandardError", description: "How far chance among the documents may move a metric." });

/** A metric of the base model and of the trained one. */
const measuredSchema = z
  .strictObject({
    before: measure.describe("The base model's value; null: not measured, or not a finite number."),
    after: measure.describe("The trained model's value; null: not a finite number."),
    standardError: standardErrorSchema
      .optional()
      .describe("Standard errors; left out: not known, as of what the trainer logs."),
  })
  .meta({ id: "MeasuredMetric", description: "One metric of the base model and of the trained one." });

export const metricsSchema = z.record(z.string(), measuredSchema);

export const judgedConditionSchema = z
  .strictObject({
    metric: z.string().describe("`<task>/<metric>` or `train/<metric>`."),
    minimum: z.number().optional().describe("As in the recipe."),
    maximum: z.number().optional().describe("As in the recipe."),
    minimumGain: z.number().optional().describe("As in the recipe."),
    confidence: z
      .number()
      .optional()
      .describe("As in the recipe, or the default for `minimumGain`; left out: the values themselves were judged."),
    value: measure.describe("The trained model's value; null: not a finite number."),
    gain: measure.optional().describe("By how much it is above the base model's, where `minimumGain` asks."),
    bounds: z
      .strictObject({
        minimum: measure.optional().describe("Lower bound of the value."),
        maximum: measure.optional().describe("Upper bound of the value."),
        minimumGain: measure.optional().describe("Lower bound of the gain."),
      })
      .meta({
        id: "ConfidenceBounds",
        description:
          "What was held against the demands of the same names; null: it is not known, and the demand is not met.",
      })
      .optional()
      .describe("Bounds at `confidence`, one for each demand that is judged by one."),
    passed: z.boolean().describe("The condition holds."),
  })
  .meta({ id: "JudgedCondition", description: "One condition of the gate, and what it was held against." });

/** What a flow leaves: the artifact `result` of its end step. */
export const flowResultSchema = z
  .strictObject({
    modelUri: z.string().describe("Prefix of the model's files."),
    promoted: z.boolean().describe("The model passed its gate and is the deployment's model from now on."),
    gate: z.array(judgedConditionSchema).describe("Every condition of the recipe's gate."),
    metrics: metricsSchema.describe("By `<task>/<metric>`, and `train/<metric>` for what the trainer logged last."),
    headline: measuredSchema
      .extend({ metric: z.string().describe("The recipe's `evaluation.headline`.") })
      .meta({ id: "Headline", description: "The metric that stands for the whole run." }),
    seconds: z
      .strictObject({
        train: measure.describe("Seconds of training; null: not known any more."),
        evaluate: measure.describe("Seconds of evaluation; null: not known any more."),
      })
      .meta({ id: "RunSeconds", description: "How long the parts of a run took." }),
    baseModelUri: z.string().nullable().describe("The model that the run started from; null: not known any more."),
  })
  .meta({ id: "FlowResult", description: "What a run ended with." });

export type FlowResult = z.infer<typeof flowResultSchema>;
