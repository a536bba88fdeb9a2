import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(__dirname, "measurements");

/** Reads comma-separated text with quoted fields into one record per line. */
export function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        field += '"';
        i++;
      } else if (c === '"') quoted = false;
      else field += c ?? "";
    } else if (c === '"') quoted = true;
    else if (c === ",") {
      row.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      row.push(field);
      field = "";
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    } else field += c ?? "";
  }
  if (field !== "" || row.length > 0) {
    row.push(field);
    rows.push(row);
  }
  const header = rows[0] ?? [];
  return rows.slice(1).map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ""])));
}

/** The measured table: what people published, with sources. Only benchmarks and tests read it. */
export const measuredRows = (): Record<string, string>[] =>
  parseCsv(readFileSync(join(folder, "gpu-memory-measured.csv"), "utf8"));

/** Recipes that SageMaker HyperPod publishes, with the instances that they name. */
export const hyperpodRows = (): Record<string, string>[] =>
  parseCsv(readFileSync(join(folder, "hyperpod-recipes.csv"), "utf8"));
