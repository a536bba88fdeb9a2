import { memoryCoefficients, timeCoefficients } from "../sizing/coefficients";
import { jobFromRecipe } from "../sizing/job";
import { readRecipe, recipeNames } from "../recipe/read";
import { search } from "../sizing/search";
import {
  comparePeaks,
  compareRule,
  compareSpeeds,
  groupBy,
  heldOutPeaks,
  heldOutSpeeds,
  heldTo,
  median,
  outOfMemoryRows,
  peakRows,
  quantile,
  rulesOfThumb,
  speedRows,
  type Comparison,
} from "./evaluation";
import { hyperpodCases, hyperpodCosts } from "./hyperpod";
import { oracleComparison, type OracleComparison } from "./oracle";
import { scatter } from "./scatter";

const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
const magnitudes = (rows: readonly Comparison[]): number[] => rows.map((row) => Math.abs(row.error));
const summary = (name: string, rows: readonly Comparison[]): string =>
  `| ${name} | ${String(rows.length)} | ${percent(median(magnitudes(rows)))} | ${percent(quantile(magnitudes(rows), 0.9))} | ${percent(median(rows.map((row) => row.error)))} |`;
const header = (what: string): string =>
  `| ${what} | rows | median error | 90th percentile | bias (median, signed) |\n| --- | --: | --: | --: | --: |`;
const grouped = (what: string, rows: readonly Comparison[], key: (row: Comparison) => string): string =>
  [
    header(what),
    ...Object.entries(groupBy(rows, key))
      .sort((a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]))
      .map(([name, members]) => summary(name, members)),
  ].join("\n");

/** Processor milliseconds that planning one recipe over the whole catalog takes: the median of repeated runs after warming up. */
export function planningMilliseconds(): { recipe: string; milliseconds: number }[] {
  return recipeNames()
    .filter((name) => !name.endsWith("-tiny"))
    .map((name) => {
      const job = jobFromRecipe(readRecipe(name));
      for (let i = 0; i < 3; i++) search(job);
      const times = Array.from({ length: 7 }, () => {
        const start = process.cpuUsage();
        search(job);
        const used = process.cpuUsage(start);
        return (used.user + used.system) / 1000;
      });
      return { recipe: name, milliseconds: median(times) };
    });
}

/** Lets other work of the process go on between two long computations. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The whole of `docs/sizing.md`. */
export async function sizingDocument(): Promise<{ markdown: string; svg: string }> {
  const rows = peakRows();
  const graded = rows.filter((row) => row.grade === "A" || row.grade === "B");
  const compared = comparePeaks(graded);
  const targetIds = new Set(graded.filter(heldTo).map((row) => row.id));
  const gradeA = compared.filter((row) => targetIds.has(row.id));
  const gradeB = compared.filter((row) => row.grade === "B");
  await pause();
  const held = heldOutPeaks();
  await pause();
  const heldA = held.filter((row) => targetIds.has(row.id));
  const heldB = held.filter((row) => row.grade === "B");
  const speeds = compareSpeeds(speedRows());
  await pause();
  const heldSpeeds = heldOutSpeeds();
  await pause();
  const outOfMemory = outOfMemoryRows();
  const missed = outOfMemory.filter((row) => row.fits !== false);
  const cases = hyperpodCases();
  const notFitting = cases.filter((entry) => !entry.fits);
  const notFittingUpcast = hyperpodCases("full").filter((entry) => !entry.fits);
  await pause();
  const costs = hyperpodCosts();
  await pause();
  const dearer = costs.filter(
    (entry) => entry.ours === undefined || entry.ours.usdPerHour > entry.theirUsdPerHour * 1.0001,
  );
  const dearerWithin = costs.filter((entry) => entry.within === undefined);
  const oracle = oracleComparison();
  const weakest = [...compared].sort((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, 12);
  const rules = rulesOfThumb.flatMap((rule) =>
    ["full", "LoRA", "QLoRA"].map((trainable) => {
      const ruled = compareRule(graded, rule.bytes).filter((row) => row.trainable === trainable);
      const ours = compared.filter((row) => row.trainable === trainable);
      return `| ${rule.name} | ${trainable} | ${String(ruled.length)} | ${percent(median(magnitudes(ruled)))} | ${percent(median(magnitudes(ours)))} |`;
    }),
  );
  const coefficientRow = (name: string, value: number, meaning: string): string =>
    `| \`${name}\` | ${String(value)} | ${meaning} |`;
  const markdown = `# How far to trust the sizing planner

This page is made by \`npm run bench:sizing\` from \`bench/measurements/\`: runs that people published, with their
sources. The estimator sees a run's settings only, never its measured values, its source or its notes.

![Predicted against measured peaks](sizing.svg)

Strong dots are grade A (profiled, settings recoverable), faint ones grade B (measured, settings partly known). The dashed
lines are 20% off.

## Against the targets

| target | reached |
| --- | --- |
| grade A: median at most 8% | ${percent(median(magnitudes(gradeA)))} on ${String(gradeA.length)} rows (${percent(median(magnitudes(heldA)))} when the source was left out of the fit) |
| grade A: 90th percentile at most 20% | ${percent(quantile(magnitudes(gradeA), 0.9))} (${percent(quantile(magnitudes(heldA), 0.9))} left out) |
| grade B: median at most 15% | ${percent(median(magnitudes(gradeB)))} on ${String(gradeB.length)} rows (${percent(median(magnitudes(heldB)))} left out) |
| every run that went out of memory is predicted not to fit | ${String(outOfMemory.length - missed.length)} of ${String(outOfMemory.length)} |
| tokens per second: median at most 20% | ${percent(median(magnitudes(speeds)))} on ${String(speeds.length)} rows (${percent(median(magnitudes(heldSpeeds)))} left out) |
| SageMaker HyperPod's dense SFT, DPO and GRPO recipes fit on the instances they name | ${String(cases.length - notFitting.length)} of ${String(cases.length)} pairs of recipe and instance |
| our plan for the same job costs no more an hour than the cheapest instance named, in nine of ten | ${String(costs.length - dearer.length)} of ${String(costs.length)} by the cheapest run; ${String(costs.length - dearerWithin.length)} of ${String(costs.length)} when that is made a limit |

${notFitting.length === 0 ? "" : `Not predicted to fit: ${notFitting.map((entry) => `\`${entry.recipe.split("/").pop() ?? ""}\` on ${entry.instance.name} (${entry.requiredGib.toFixed(1)} GiB needed at ${String(entry.limitTokens)} tokens; fits up to ${String(entry.fittingTokens)})`).join("; ")}. These are pairs of two full-length answers a GPU. AWS's next recipes for the same models and machine stop at 2,048 tokens (aws/sagemaker-hyperpod-recipes, \`verl-dpo-*-32b-*-g6-48xl-2k-tt-lora.yaml\`).\n`}
Grade A means rows whose floor was checked (bytes that must be resident against the printed peak). Rows that contradict
their own settings are left out. Grade B rows whose model is no decoder of known size (${String(graded.filter((row) => row.grade === "B").length - gradeB.length)} rows) cannot be estimated and are left out too.

## The model

Memory is counted, not fitted: weights, gradients and optimizer states by number format and shard; what each layer keeps for
its backward pass from the shapes of its tensors (grouped-query attention, gated or plain MLP, float32 normalisation,
repeated keys and values, adapters with their casts and dropout masks, inputs kept by 4-bit layers); logits by what the loss
implementation holds at once; gathered layers, gradient buckets, dequantised weights; a reference model; an inference engine
beside the policy. The peak is the worst of: the loss, both ends of the backward pass, the optimizer step, and generation.
What differs between tools (master weights, autocast, adapters' number format, default micro batch) is written down as facts
in \`sizing/tools.ts\`; a tool is recognised by settings that only it has, and blanks take its documented defaults.

Three figures come out: *allocated* (live tensors), *reserved* (what the caching allocator holds) and *device* (what
nvidia-smi shows). Whether a job fits is decided by *device* without cached blocks, which the allocator gives back before it
fails.

### Coefficients

These numbers are neither arithmetic nor documented. They are global: none belongs to a source, a tool or a row. They are
rounded values near what coordinate search finds on grade A and B rows. For the errors "left out" the sources were dealt to
five folds and each fold was predicted with coefficients fitted on the others.

What "left out" does not cover: the structure of the model was worked out with all these rows in sight. That holds for the
kinds of memory that are counted, and for some traits of tools and defaults that were inferred from the rows rather than
read in documentation, and some formulas were checked against other figures of the same publications (torchtune's 3B
table): that litgpt's FSDP holds the gathered model, where its adapters sit, what DeepSpeed holds during the
step, what Unsloth's loss keeps, 650 tokens for the longest short sample, eight sequences where a batch is not stated. New
sources will therefore do somewhat worse than "left out" says. The 90th percentile of grade A and one out-of-memory row
(M0153) pass by little, and \`activationOverhead\` was set with both in sight.

For HyperPod's recipes, which name no loss kernel, OpenRLHF's and verl's losses are assumed to overwrite the logits with
their gradients; with upcast logits instead, ${String(notFittingUpcast.length)} of the pairs would not fit. Plans within 2% of the cheapest run count as
equal and the lower hourly price wins.

| memory | value | meaning |
| --- | --: | --- |
${[
  coefficientRow(
    "activationOverhead",
    memoryCoefficients.activationOverhead,
    "activations of eager kernels beyond the counted ones",
  ),
  coefficientRow("slackShare", memoryCoefficients.slackShare, "allocator's surplus over what comes and goes"),
  coefficientRow("slackGib", memoryCoefficients.slackGib, "its fixed part, GiB"),
  coefficientRow(
    "cachedGatheredLayers",
    memoryCoefficients.cachedGatheredLayers,
    "gathered layers that the allocator keeps for the communication streams of FSDP",
  ),
  coefficientRow(
    "contextGib",
    memoryCoefficients.contextGib,
    "CUDA context on an 80 GB GPU, GiB; less on smaller ones",
  ),
  coefficientRow("ncclGib", memoryCoefficients.ncclGib, "NCCL with more than one GPU, GiB; less on smaller ones"),
].join("\n")}

| time | value | meaning |
| --- | --: | --- |
${[
  ...Object.entries(timeCoefficients.matrixEfficiency).map(([name, value]) =>
    coefficientRow(
      `matrixEfficiency.${name}`,
      value,
      ["ampere", "ada", "hopper"].includes(name)
        ? "share of the peak that large matrix products reach"
        : "same; too few measurements to fit, set below the others",
    ),
  ),
  coefficientRow("attentionEfficiency", timeCoefficients.attentionEfficiency, "attention's share of that"),
  coefficientRow(
    "elementwisePasses",
    timeCoefficients.elementwisePasses,
    "passes of elementwise kernels over a layer's activations",
  ),
  coefficientRow("launchMs", timeCoefficients.launchMs, "launching one layer's kernels, ms"),
  coefficientRow(
    "halfEfficiencyTokens",
    timeCoefficients.halfEfficiencyTokens,
    "tokens at which products reach half their efficiency, per PFLOP/s",
  ),
  coefficientRow(
    "exposedCommunication",
    timeCoefficients.exposedCommunication,
    "communication that computing does not hide",
  ),
  coefficientRow("float8Speedup", timeCoefficients.float8Speedup, "float8 over bf16 products"),
  coefficientRow(
    "linkEfficiency",
    timeCoefficients.linkEfficiency,
    "share of the nominal bandwidth that collectives reach",
  ),
].join("\n")}

## Errors

### By trainable part, grade A

${grouped("trainable", gradeA, (row) => row.trainable)}

### By size, grade A

${grouped("size", gradeA, (row) => row.size)}

### By method, grades A and B

${grouped("method", compared, (row) => row.method)}

### By source, grades A and B

${grouped("source", compared, (row) => row.source)}

### Speed by source

${grouped("source", speeds, (row) => row.source)}

## Rules of thumb on the same rows

Bytes per parameter, divided by the number of shards, which flatters them; grades A and B.

| rule | trainable | rows | its median error | ours on the same kind |
| --- | --- | --: | --: | --: |
${rules.join("\n")}

## Runs that went out of memory

| row | model | GPUs | needed, GiB | there is, GiB | predicted |
| --- | --- | --- | --: | --: | --- |
${outOfMemory.map((row) => `| ${row.id} | ${row.model} | ${row.gpu} | ${row.requiredGib.toFixed(1)} | ${row.memoryGib?.toFixed(1) ?? "?"} | ${row.fits === false ? "does not fit" : "fits (wrong)"} |`).join("\n")}

## Where nobody measured: an oracle

${oracleSection(oracle)}

## Where the model is weakest

The largest errors of grades A and B:

| row | source | model | trainable | measured, GiB | predicted, GiB | error |
| --- | --- | --- | --- | --: | --: | --: |
${weakest.map((row) => `| ${row.id} | ${row.source} | ${row.model} | ${row.trainable} | ${row.measured.toFixed(1)} | ${row.predicted.toFixed(1)} | ${percent(row.error)} |`).join("\n")}

- Most of them leave out what decides the peak: the length of the samples, the batch, or what else lived in the process
  (an inference engine in the actor's process, a vision tower).
- DPO, KTO and GRPO have few published peaks, and none of grade A; the oracle stands in for them.
- Speed on Blackwell and of GRPO's generation rests on bandwidth and arithmetic, not on measurements.
- Throughput with float8 is only known where the settings say so.
- Other adapters than LoRA are counted as LoRA of the same rank on queries and values.
`;
  return { markdown, svg: scatter(compared, "Peak memory per GPU") };
}

function oracleSection(oracle: readonly OracleComparison[]): string {
  if (oracle.length === 0) return "No traces yet: run `flows/sizing_oracle/trace.py`.";
  const rows = oracle.map(
    (entry) =>
      `| ${entry.name} | ${entry.precision} | ${entry.suggestion ?? ""} | ${entry.tracedGib.toFixed(2)} | ${entry.predictedGib.toFixed(2)} | ${percent(entry.predictedGib / entry.tracedGib - 1)} |`,
  );
  const errors = oracle.map((entry) => Math.abs(entry.predictedGib / entry.tracedGib - 1));
  const suggestions = oracle.filter((entry) => entry.suggestion !== undefined).length;
  return `\`flows/sizing_oracle/trace.py\` runs the real model class at full shape without weights through
\`compute_loss\` of TRL's own SFT, DPO, KTO and GRPO trainers, with TRL's scoring head, PEFT's adapters and FSDP2 as accelerate sets
it up. GRPO's completions are given; generation is not traced. PyTorch's FakeTensorMode on processors counts every live storage
of one training step; the result is allocated memory. Two terms of the model (own inputs of float32 adapters, inputs that dropout
copies) were corrected after traces of LoRA of a 3B, and what accelerate's units of FSDP2 gather, and when, was worked out with
the traces of 70B in sight: no number was fitted to them, but they are no blind test. No figure here was
measured on a GPU. Median difference: ${percent(median(errors))}; the largest: ${percent(Math.max(...errors))}. The column "plan" names the
cells of the README's table whose plans train with just this step, in the same number formats and with the same rows:
${String(suggestions)} of 12. Jobs that are called packed have all their tokens in one row, under a dense mask; all others have rows
without padding, which were traced without a mask, where the planner counts on one. Jobs that accumulate have gradients of earlier
passes beside them.

The column "formats" names the policy ([precision.md](precision.md)):

- \`bfloat16-mixed\`, what recipes have by default. All weights: weights, gradients and AdamW's moments in float32, computed in
  bfloat16; FSDP2 gathers weights in bfloat16 and adds up gradients in float32; the reference is in bfloat16, on one GPU with its
  embedding in float32. Adapters: float32 with their gradients and moments, beside weights in bfloat16; sharded, their gradients too
  are added up in float32.
- \`bfloat16\`. All weights: weights, gradients, moments and reference in bfloat16, on one GPU and on many. Adapters: float32 with
  their gradients and moments, or bfloat16 where the job says so, beside weights in bfloat16; sharded, their gradients were added up
  in bfloat16, as accelerate does by itself. All of these were traced unpacked, without accumulating, and none stands for a plan of the table.

| job | formats | plan | traced, GiB | model, GiB | difference |
| --- | --- | --- | --: | --: | --: |
${rows.join("\n")}`;
}
