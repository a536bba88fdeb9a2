import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { describe, expect, it, vi } from "vitest";
import {
  asked,
  comparePeaks,
  compareSpeeds,
  heldOutPeaks,
  heldTo,
  median,
  outOfMemoryRows,
  peakRows,
  quantile,
  speedRows,
} from "../../../bench/evaluation";
import { hyperpodCases, hyperpodCosts } from "../../../bench/hyperpod";
import { measuredRows, parseCsv } from "../../../bench/measurements";
import { isStepOf, oracleComparison, plannedCells, type PlannedCell, type Trace } from "../../../bench/oracle";
import { sizingDocument } from "../../../bench/sizingPage";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const root = join(__dirname, "..", "..", "..");

const magnitude = (rows: readonly { error: number }[]): number[] => rows.map((row) => Math.abs(row.error));

describe("the planner against published measurements", () => {
  const gradeA = comparePeaks(peakRows().filter(heldTo));

  it("is within 8% in the median and 20% at the 90th percentile on grade A", () => {
    expect(gradeA.length).toBeGreaterThanOrEqual(120);
    expect(median(magnitude(gradeA))).toBeLessThanOrEqual(0.08);
    expect(quantile(magnitude(gradeA), 0.9)).toBeLessThanOrEqual(0.2);
  });

  it("is within 15% in the median on grade B", () => {
    const gradeB = comparePeaks(peakRows().filter((row) => row.grade === "B"));
    expect(gradeB.length).toBeGreaterThanOrEqual(95);
    expect(median(magnitude(gradeB))).toBeLessThanOrEqual(0.15);
  });

  it("is nearly as good on sources that took no part in the fit", () => {
    const ids = new Set(gradeA.map((row) => row.id));
    const held = heldOutPeaks().filter((row) => ids.has(row.id));
    expect(median(magnitude(held))).toBeLessThanOrEqual(0.08);
    expect(quantile(magnitude(held), 0.9)).toBeLessThanOrEqual(0.21);
  });

  it("predicts that every run that went out of memory does not fit", () => {
    const rows = outOfMemoryRows();
    expect(rows).toHaveLength(18);
    expect(rows.filter((row) => row.fits !== false)).toEqual([]);
  });

  it("is within 20% in the median on throughput", () => {
    expect(median(magnitude(compareSpeeds(speedRows())))).toBeLessThanOrEqual(0.2);
  });

  it("predicts that HyperPod's recipes fit where they say, but for the two that docs/sizing.md names", () => {
    const cases = hyperpodCases();
    expect(cases.length).toBeGreaterThan(400);
    const wrong = cases
      .filter((entry) => !entry.fits)
      .map((entry) => `${entry.model} ${entry.method} ${entry.instance.name}`);
    expect(wrong.sort()).toEqual([
      "Qwen/Qwen2.5-32B-Instruct dpo g6.48xlarge",
      "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B dpo g6.48xlarge",
    ]);
  });

  it("plans at least nine of ten of HyperPod's jobs for no more an hour than the cheapest instance that they name", () => {
    const costs = hyperpodCosts();
    const met = costs.filter(
      (entry) => entry.ours !== undefined && entry.ours.usdPerHour <= entry.theirUsdPerHour * 1.00001,
    );
    expect(met.length / costs.length).toBeGreaterThanOrEqual(0.9);
    expect(costs.filter((entry) => entry.within === undefined)).toEqual([]);
  });

  it("shows the estimator no measured column", () => {
    const seen = Object.keys(asked(measuredRows()[0] ?? {}));
    for (const hidden of [
      "peak_gib",
      "peak_value",
      "tok_s_gpu",
      "s_per_step",
      "mfu",
      "outcome",
      "notes",
      "source_repo",
      "floor_check",
    ])
      expect(seen).not.toContain(hidden);
  });
});

describe("the planner against traced training steps", () => {
  const traced = oracleComparison();

  it.each(traced)("is within 5% for $name", ({ tracedGib, predictedGib }) => {
    expect(Math.abs(predictedGib / tracedGib - 1)).toBeLessThan(0.05);
  });

  it("covers every method with adapters and with all weights, on one GPU and on many", () => {
    for (const method of ["SFT", "DPO", "GRPO"])
      for (const trainable of ["LoRA", "all weights"])
        for (const sharded of [false, true])
          expect(
            traced.some(
              ({ name }) => name.startsWith(method) && name.includes(trainable) && name.includes("ranks") === sharded,
            ),
            `${method}, ${trainable}, sharded: ${String(sharded)}`,
          ).toBe(true);
  });
});

describe("a trace that stands for a plan of the README's table", () => {
  const cells = plannedCells();

  const cellNamed = (name: string): PlannedCell => {
    const cell = cells.find((each) => each.name === name);
    if (cell === undefined) throw new Error(`${name}: the README's table has no such plan`);
    return cell;
  };

  /** A trace of the step of a cell's plan. */
  function traceOf({ name, recipe, plan }: PlannedCell): Trace {
    const gpus = (plan.nodes - plan.generationNodes) * plan.gpusPerNode;
    const { trainable, sequence } = recipe;
    return {
      name,
      method: recipe.method,
      model: recipe.model.shape ?? recipe.model.base,
      trainable: trainable.kind === "full" ? "full" : "lora",
      rank: trainable.kind === "full" ? 0 : trainable.rank,
      sequenceTokens: sequence.maxLength,
      completionTokens: sequence.maxCompletionLength ?? sequence.maxLength,
      microBatch: plan.microBatch,
      checkpointing: plan.activationCheckpointing,
      reference: recipe.method !== "dpo" ? "none" : trainable.kind === "full" ? "separate" : "adapter-off",
      shards: plan.sharding === "fsdp2" ? gpus : 1,
      dropout: 0,
      adapterBytes: 4,
      precision: "bfloat16-mixed",
      packed: recipe.method === "sft",
      attention: "sdpa",
      accumulates: plan.gradientAccumulation > 1,
      targets: "all-linear",
      peakGib: 1,
      byCategoryGib: {},
    };
  }

  it.each(cells)("is of the same step: $name", (cell) => {
    const trace = traceOf(cell);
    expect(cells.filter((each) => isStepOf(trace, each)).map(({ name }) => name)).toEqual([cell.name]);
  });

  it.each(cells)("has the number formats of the plan: $name", (cell) => {
    expect(isStepOf({ ...traceOf(cell), precision: "bfloat16" }, cell)).toBe(false);
  });

  it.each<[string, Partial<Trace>]>([
    ["SFT 3B full", { packed: false }],
    ["SFT 70B LoRA", { packed: false }],
    ["SFT 70B full", { attention: "flash" }],
    ["DPO 3B full", { accumulates: false }],
    ["DPO 3B full", { reference: "precomputed" }],
    ["DPO 70B LoRA", { adapterBytes: 2 }],
    ["GRPO 70B LoRA", { rank: 16 }],
    ["GRPO 3B LoRA", { dropout: 0.05 }],
  ])("%s: not with %j", (name, change) => {
    const cell = cellNamed(name);
    expect(isStepOf({ ...traceOf(cell), ...change }, cell)).toBe(false);
  });

  it("is none of those in bfloat16 alone, for all plans mix formats", () => {
    const narrow = oracleComparison().filter(({ precision }) => precision === "bfloat16");
    expect(narrow.length).toBeGreaterThan(0);
    expect(narrow.filter(({ suggestion }) => suggestion !== undefined)).toEqual([]);
  });
});

describe("docs/sizing.md", () => {
  it("is what the benchmark finds today; `npm run bench:sizing` writes it anew", async () => {
    const { markdown, svg } = await sizingDocument();
    expect(readFileSync(join(root, "docs", "sizing.md"), "utf8")).toBe(
      await format(markdown, { parser: "markdown", printWidth: 120 }),
    );
    expect(readFileSync(join(root, "docs", "sizing.svg"), "utf8")).toBe(svg);
  });
});

describe("the reader of comma-separated tables", () => {
  it("reads quotes, commas and line ends inside fields", () => {
    expect(parseCsv('a,b\r\n"x, ""y""","1\n2"\n3,\n')).toEqual([
      { a: 'x, "y"', b: "1\n2" },
      { a: "3", b: "" },
    ]);
  });
});
