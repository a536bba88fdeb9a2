import {
  memoryCoefficients,
  timeCoefficients,
  type MemoryCoefficients,
  type TimeCoefficients,
} from "../sizing/coefficients";
import { gpuByKey } from "../catalog/gpus";
import { estimateMemory } from "../sizing/memory";
import { estimateRow } from "../sizing/rows/answer";
import { rowFields } from "../sizing/rows/fields";
import { interpretRow, RowError, type InterpretedRow } from "../sizing/rows/interpret";
import { estimateStepTime } from "../sizing/throughput";
import { measuredRows } from "./measurements";

/** One measured run and what the model says of it. */
export interface Comparison {
  readonly id: string;
  readonly source: string;
  readonly grade: string;
  readonly method: string;
  readonly trainable: string;
  readonly model: string;
  readonly size: string;
  readonly measured: number;
  readonly predicted: number;
  /** Signed relative error. */
  readonly error: number;
}

export type Measured = Record<string, string>;

/** The columns that the estimator may see: nothing measured, no source, no note. */
export const asked = (row: Measured): Record<string, string> =>
  Object.fromEntries(rowFields.map((field) => [field, row[field] ?? ""]));

const sizeOf = (parameters: number): string =>
  parameters < 2
    ? "below 2B"
    : parameters < 5
      ? "2-5B"
      : parameters < 20
        ? "5-20B"
        : parameters < 50
          ? "20-50B"
          : "50B and more";

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The smallest value that at least this share of the values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

const belowFloor = (row: Measured): boolean => /BELOW|explained/.test(row.floor_check ?? "");

/** Rows with a measured peak that do not contradict their own settings. */
export const peakRows = (rows: readonly Measured[] = measuredRows()): Measured[] =>
  rows.filter((row) => row.outcome === "ok" && row.peak_gib !== "" && !belowFloor(row));

/** Grade A rows whose floor was checked: what the targets are about. */
export const heldTo = (row: Measured): boolean => row.grade === "A" && row.floor_check === "ok";

const interpretations = new WeakMap<Measured, InterpretedRow | null>();

/** What a row says, worked out once for the many coefficients that a fit tries; null for a row that cannot be used. */
function interpretedOnce(row: Measured): InterpretedRow | null {
  let known = interpretations.get(row);
  if (known === undefined) {
    try {
      known = interpretRow(asked(row));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      known = null;
    }
    interpretations.set(row, known);
  }
  return known;
}

/** Compares peaks; rows that the estimator cannot use are left out and counted by the caller. */
export function comparePeaks(
  rows: readonly Measured[],
  coefficients: MemoryCoefficients = memoryCoefficients,
): Comparison[] {
  const compared: Comparison[] = [];
  for (const row of rows) {
    const interpreted = interpretedOnce(row);
    if (interpreted === null) continue;
    const { workload, gpuMemoryGib, metric } = interpreted;
    const predicted = estimateMemory(workload, gpuMemoryGib ?? 80, coefficients).peakGib[metric];
    const measured = Number(row.peak_gib);
    compared.push({ ...describe(row), measured, predicted, error: predicted / measured - 1 });
  }
  return compared;
}

function describe(row: Measured): Omit<Comparison, "measured" | "predicted" | "error"> {
  const trainable = (row.trainable ?? "").toLowerCase();
  return {
    id: row.id ?? "",
    source: row.source_repo ?? "",
    grade: row.grade ?? "",
    method: row.method ?? "",
    trainable:
      trainable === "full"
        ? "full"
        : trainable === "qlora"
          ? "QLoRA"
          : trainable.startsWith("lora")
            ? "LoRA"
            : "other adapters",
    model: row.model ?? "",
    size: row.params_b === "" ? "not stated" : sizeOf(Number(row.params_b)),
  };
}

/** Rows with a measured speed. */
export const speedRows = (
  rows: readonly Measured[] = measuredRows(),
): { row: Measured; interpreted: InterpretedRow }[] =>
  rows
    .filter((row) => row.tok_s_gpu !== "" && row.grade !== "C")
    .map((row) => ({ row, interpreted: interpretRow(asked(row)) }));

/** Compares tokens per second and GPU. */
export function compareSpeeds(
  rows: readonly { row: Measured; interpreted: InterpretedRow }[],
  coefficients: TimeCoefficients = timeCoefficients,
): Comparison[] {
  return rows.map(({ row, interpreted }) => {
    const predicted = estimateStepTime(
      interpreted.workload,
      interpreted.gpu ?? gpuByKey("a100-80"),
      { fillShare: interpreted.fillShare, packed: interpreted.packed, float8: interpreted.float8 },
      coefficients,
    ).tokensPerSecondPerGpu;
    const measured = Number(row.tok_s_gpu);
    return { ...describe(row), measured, predicted, error: predicted / measured - 1 };
  });
}

const absolute = (comparisons: readonly Comparison[]): number[] => comparisons.map((entry) => Math.abs(entry.error));

/** Runs that ended out of memory: whether the model says that they do not fit. */
export function outOfMemoryRows(): {
  id: string;
  model: string;
  gpu: string;
  requiredGib: number;
  memoryGib: number | undefined;
  fits: boolean | null;
}[] {
  return measuredRows()
    .filter((row) => row.outcome === "OOM")
    .map((row) => {
      const estimate = estimateRow(asked(row));
      return {
        id: row.id ?? "",
        model: row.model ?? "",
        gpu: `${row.num_gpus === "" ? "1" : (row.num_gpus ?? "1")} x ${row.gpu ?? ""}`,
        requiredGib: estimate.memory.requiredGib,
        memoryGib: estimate.gpuMemoryGib,
        fits: estimate.fits,
      };
    });
}

const memoryGrid: Readonly<Record<keyof MemoryCoefficients, readonly number[]>> = {
  activationOverhead: [1, 1.05, 1.08, 1.1, 1.15],
  slackShare: [0.03, 0.06, 0.1],
  slackGib: [0.1, 0.2, 0.3, 0.4, 0.5],
  cachedGatheredLayers: [2, 4, 6, 8, 10],
  contextGib: [0.5, 0.8, 1, 1.2],
  ncclGib: [0.5, 1, 1.5],
};

/** Fits the memory coefficients on some rows by coordinate search from fixed starting values. */
export function fitMemory(rows: readonly Measured[]): MemoryCoefficients {
  let current: MemoryCoefficients = {
    activationOverhead: 1.05,
    slackShare: 0.06,
    slackGib: 0.3,
    cachedGatheredLayers: 6,
    contextGib: 0.8,
    ncclGib: 1,
  };
  const score = (coefficients: MemoryCoefficients): number => {
    const compared = comparePeaks(rows, coefficients);
    const a = absolute(compared.filter((entry) => entry.grade === "A"));
    const b = absolute(compared.filter((entry) => entry.grade === "B"));
    return (a.length > 0 ? median(a) / 0.08 + quantile(a, 0.9) / 0.2 : 0) + (b.length > 0 ? median(b) / 0.15 : 0);
  };
  for (const name of Object.keys(memoryGrid) as (keyof MemoryCoefficients)[]) {
    let best = current;
    let bestScore = score(current);
    for (const value of memoryGrid[name]) {
      const candidate = { ...current, [name]: value };
      const candidateScore = score(candidate);
      if (candidateScore < bestScore - 1e-9) {
        best = candidate;
        bestScore = candidateScore;
      }
    }
    current = best;
  }
  return current;
}

/** Fits the time coefficients on some rows by coordinate search. */
export function fitTime(rows: readonly { row: Measured; interpreted: InterpretedRow }[]): TimeCoefficients {
  let current = timeCoefficients;
  const score = (coefficients: TimeCoefficients): number => {
    const compared = compareSpeeds(rows, coefficients);
    const bySource = Object.values(groupBy(compared, (entry) => entry.source)).map((group) =>
      Math.min(1, median(absolute(group))),
    );
    return 3 * median(absolute(compared)) + bySource.reduce((a, b) => a + b, 0) / Math.max(1, bySource.length);
  };
  const attempt = (candidates: readonly TimeCoefficients[]): void => {
    let bestScore = score(current);
    for (const candidate of candidates) {
      const candidateScore = score(candidate);
      if (candidateScore < bestScore - 1e-9) {
        current = candidate;
        bestScore = candidateScore;
      }
    }
  };
  for (const architecture of ["ampere", "ada", "hopper"] as const) {
    const base = current;
    attempt(
      [0.85, 0.93, 1.07, 1.15].map((factor) => ({
        ...base,
        matrixEfficiency: { ...base.matrixEfficiency, [architecture]: base.matrixEfficiency[architecture] * factor },
      })),
    );
  }
  for (const name of [
    "attentionEfficiency",
    "elementwisePasses",
    "launchMs",
    "halfEfficiencyTokens",
    "exposedCommunication",
  ] as const) {
    const base = current;
    attempt([0.7, 0.85, 1.15, 1.4].map((factor) => ({ ...base, [name]: base[name] * factor })));
  }
  return current;
}

export function groupBy<T>(items: readonly T[], key: (item: T) => string): Record<string, T[]> {
  const groups: Record<string, T[]> = {};
  for (const item of items) (groups[key(item)] ??= []).push(item);
  return groups;
}

/** Sources dealt to folds so that each source is left out once; large sources first, each to the smallest fold. */
export function foldsBySource(rows: readonly Measured[], folds: number): string[][] {
  const counts = Object.entries(groupBy(rows, (row) => row.source_repo ?? "")).sort(
    (a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0]),
  );
  const dealt = Array.from({ length: folds }, () => ({ sources: [] as string[], rows: 0 }));
  for (const [source, members] of counts) {
    const smallest = dealt.reduce((a, b) => (b.rows < a.rows ? b : a));
    smallest.sources.push(source);
    smallest.rows += members.length;
  }
  return dealt.map((fold) => fold.sources);
}

/** Errors of rows whose sources took no part in fitting the coefficients. */
export function heldOutPeaks(): readonly Comparison[] {
  return (knownHeldOutPeaks ??= comparedHeldOutPeaks(5));
}

/** A fit for each fold: a second, and the same answer each time. */
let knownHeldOutPeaks: readonly Comparison[] | undefined;

function comparedHeldOutPeaks(folds: number): Comparison[] {
  const rows = peakRows().filter((row) => row.grade === "A" || row.grade === "B");
  return foldsBySource(rows, folds).flatMap((sources) => {
    const coefficients = fitMemory(rows.filter((row) => !sources.includes(row.source_repo ?? "")));
    return comparePeaks(
      rows.filter((row) => sources.includes(row.source_repo ?? "")),
      coefficients,
    );
  });
}

/** Same for speeds. */
export function heldOutSpeeds(folds = 5): Comparison[] {
  const rows = speedRows();
  return foldsBySource(
    rows.map(({ row }) => row),
    folds,
  ).flatMap((sources) => {
    const coefficients = fitTime(rows.filter(({ row }) => !sources.includes(row.source_repo ?? "")));
    return compareSpeeds(
      rows.filter(({ row }) => sources.includes(row.source_repo ?? "")),
      coefficients,
    );
  });
}

/** Rules of thumb in bytes per parameter, over the shards, that people size with. */
export const rulesOfThumb: readonly { readonly name: string; readonly bytes: Readonly<Record<string, number>> }[] = [
  { name: "accelerate estimate-memory: 8 bytes", bytes: { full: 8, LoRA: 8, QLoRA: 8 } },
  { name: "LLaMA-Factory's table: 18, 2, 0.5 bytes", bytes: { full: 18, LoRA: 2, QLoRA: 0.5 } },
  { name: "mixed-precision Adam: 16, 2, 0.55 bytes", bytes: { full: 16, LoRA: 2, QLoRA: 0.55 } },
];

/** The rule's error on the same rows, its figure divided by the number of shards. */
export function compareRule(rows: readonly Measured[], bytes: Readonly<Record<string, number>>): Comparison[] {
  const compared: Comparison[] = [];
  for (const row of rows) {
    const description = describe(row);
    const perParameter = bytes[description.trainable];
    if (perParameter === undefined || row.params_b === "") continue;
    const shards = /fsdp|zero/i.test(row.sharding ?? "") ? Math.max(1, Number(row.num_gpus) || 1) : 1;
    const predicted = (Number(row.params_b) * 1e9 * perParameter) / shards / 2 ** 30;
    const measured = Number(row.peak_gib);
    compared.push({ ...description, measured, predicted, error: predicted / measured - 1 });
  }
  return compared;
}
