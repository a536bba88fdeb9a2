import { readFileSync } from "node:fs";
import type { SealedLocalOutputs } from "../contracts/stackOutputs";

/** The header that a file holds as a line. */
function headersIn(file: string | null): [string, string][] {
  const line = file === null ? null : /^([^:]+):\s*(.*)$/m.exec(readFileSync(file, "utf8"));
  return line?.[1] === undefined ? [] : [[line[1], line[2] ?? ""]];
}

/** Asks the endpoint for one token. Resolves to what is wrong, or undefined when it has answered now or there is none. */
export async function endpointProblem({ endpoint }: Pick<SealedLocalOutputs, "endpoint">): Promise<string | undefined> {
  if (endpoint === null) return undefined;
  try {
    const response = await fetch(`${endpoint.url}/chat/completions`, {
      method: "POST",
      headers: [["content-type", "application/json"], ...headersIn(endpoint.headerFile)],
      body: JSON.stringify({
        model: endpoint.model,
        messages: [{ role: "user", content: "1 plus 1?" }],
        max_tokens: 1,
      }),
      signal: AbortSignal.timeout(30_000),
    });
    return response.ok ? undefined : `HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`;
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
}

const rounded = (value: number | null): string => (value === null ? "-" : Number(value.toPrecision(3)).toString());

/** The gain, and how far chance may have moved it. */
function gain({ before, after, gainError }: SealedLocalOutputs["stages"][number]): string {
  if (before === null || after === null) return "-";
  return `${rounded(after - before)}${gainError === null ? "" : ` ± ${rounded(gainError)}`}`;
}

/** Columns padded to the same width. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** The short text at the end of `npm run quickstart`. */
export function formatSummary(stack: string, { stages, endpoint, metaflowConfig }: SealedLocalOutputs): string {
  const lines = table([
    ["stage", "method", "status", "metric", "before", "after", "gain", "minutes", "model"],
    ...stages.map((stage) => [
      stage.name,
      stage.method.toUpperCase(),
      stage.status,
      stage.metric ?? "-",
      rounded(stage.before),
      rounded(stage.after),
      gain(stage),
      rounded(stage.minutes),
      stage.modelUri ?? "-",
    ]),
  ]);
  const cards = stages.flatMap((stage) => stage.cards.map((card) => `  ${card}`));
  if (cards.length > 0) lines.push("", "Cards (open in a browser):", ...cards);
  if (endpoint !== null)
    lines.push(
      "",
      `Endpoint: ${endpoint.url} serves the model "${endpoint.model}". Ask it, from here:`,
      `  ${endpoint.curl}`,
    );
  lines.push(
    "",
    `Metaflow: ${metaflowConfig.METAFLOW_DATASTORE_SYSROOT_S3 ?? "the store"} (a shell with its client: npm run shell -- ${stack})`,
    `Tear down: npm run teardown -- ${stack}`,
  );
  return lines.join("\n");
}
