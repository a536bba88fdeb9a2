import { createInterface } from "node:readline";
import { answerRow } from "../sizing/row";
import { endWithReader } from "./command-outcome";

/**
 * Reads one JSON object a line on standard input, in the words of the measured table, and writes one answer a line.
 * A line that cannot be used is answered with what is wrong with it; the rest goes on.
 */
async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  for await (const line of lines) {
    if (line.trim() === "") continue;
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stdout.write(`${JSON.stringify({ id: null, error: `not JSON: ${reason}` })}\n`);
      continue;
    }
    process.stdout.write(`${JSON.stringify(answerRow(parsed))}\n`);
  }
}

endWithReader();

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
