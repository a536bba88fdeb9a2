import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(__dirname, "measurements");

/** A cell, in quotes or without, and what ends it. */
const cellPattern = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|\r|$)/g;

/** Reads comma-separated text with quoted fields into one record per line. */
export function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain = "", end] of text.matchAll(cellPattern)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ",") continue;
    // Blank lines, and what stands behind the last one, are no rows.
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  const [header = [], ...records] = rows;
  return records.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ""])));
}

/** The measured table: what people published, with sources. Only benchmarks and tests read it. */
export const measuredRows = (): Record<string, string>[] =>
  parseCsv(readFileSync(join(folder, "gpu-memory-measured.csv"), "utf8"));

/** Recipes that SageMaker HyperPod publishes, with the instances that they name. */
export const hyperpodRows = (): Record<string, string>[] =>
  parseCsv(readFileSync(join(folder, "hyperpod-recipes.csv"), "utf8"));
