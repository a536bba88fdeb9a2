import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { z } from "zod";
import { precisionSchema } from "../contracts/recipe";
import facts from "../flows/posttraining/precision_facts.json";

/** docs/precision.md, from what bench/precision.py has measured (bench/results/precision.json). */

const resultSchema = z.strictObject({
  date: z.string(),
  machine: z.string(),
  versions: z.record(z.string(), z.string()),
  parameters: z.number().int(),
  steps: z.number().int(),
  measured: z.array(
    z.strictObject({
      policy: precisionSchema,
      learningRate: z.number(),
      weightsChanged: z.number(),
      weightsChangedAsSaved: z.number(),
      gain: z.number(),
      shareOfGain: z.number(),
      shareOfGainAsSaved: z.number(),
    }),
  ),
});

type Result = z.infer<typeof resultSchema>;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** What has been measured. */
export const measuredPrecisions = (): Result =>
  resultSchema.parse(JSON.parse(readFileSync(join(__dirname, "results", "precision.json"), "utf8")));

function table({ measured }: Result): string[] {
  const rates = [...new Set(measured.map(({ learningRate }) => learningRate))].sort((one, other) => one - other);
  return [
    "| learning rate | policy | weights changed | share of float32's gain | of it in the saved model |",
    "| --- | --- | --- | --- | --- |",
    ...rates.flatMap((rate) =>
      precisionSchema.options.flatMap((policy) =>
        measured
          .filter((each) => each.policy === policy && each.learningRate === rate)
          .map(
            (each) =>
              `| ${rate.toExponential()} | \`${policy}\` | ${percent(each.weightsChanged)} | ${percent(each.shareOfGain)} | ${percent(each.shareOfGainAsSaved)} |`,
          ),
      ),
    ),
  ];
}

/** The page, as Markdown. */
export function precisionPage(result: Result = measuredPrecisions()): Promise<string> {
  const versions = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    "# Precision",
    "",
    "`precision` of a recipe says in which number formats a model is trained. Written by `node setup/run.mjs bench/precision.ts` from what `bench/precision.py` has measured.",
    "",
    "| policy | weights, gradients, moments | arithmetic | bytes per trained weight | for |",
    "| --- | --- | --- | --- | --- |",
    "| `float32` | float32 | float32 | 16 | small models, comparisons |",
    "| `bfloat16-mixed` (default) | float32; weights that are not trained bfloat16 | bfloat16 | 16, and casts | everything |",
    "| `bfloat16-stochastic` | bfloat16, moments of 8 bits | bfloat16 | 6 | all weights with less memory; `optimizer.name: adamw_torch_8bit` |",
    "| `bfloat16` | bfloat16 | bfloat16 | 8 | only by name, from the learning rate below on |",
    "",
    "A reference model is kept in bfloat16, and finished weights are rounded once to bfloat16. Processes add up gradients in float32 where weights are float32, and log-probabilities reach DPO's, KTO's and GRPO's losses in float32.",
    "",
    "`bfloat16-stochastic` is for models that one GPU holds: torchao 0.18 cannot step over FSDP2's shards, so that such plans are refused (two processes on processors fail with 'expected dtype torch.bfloat16').",
    "",
    "## What each learns",
    "",
    `A Llama of ${(result.parameters / 1e6).toFixed(1)} million weights that has learnt one language is taught another for ${result.steps} steps of AdamW, from the same weights and on the same batches; losses are taken from the weights in float32. Measured on ${result.date} (${result.machine}; ${versions.join(", ")}).`,
    "",
    ...table(result),
    "",
    `An update that is smaller than half the distance to the next bfloat16 number is lost when it is rounded to the nearest one. Stochastic rounding keeps it on average. \`bfloat16\` with all weights is refused below a learning rate of ${facts.bfloat16.leastLearningRate}, the least of those measured at which it kept nine tenths of float32's gain.`,
    "",
  ];
  return format(lines.join("\n"), { parser: "markdown", printWidth: 120 });
}
