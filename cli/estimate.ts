import { once } from "node:events";
import { parseArgs } from "node:util";
import { inputLines } from "../sizing/rows/inputLines";
import { rowFields } from "../sizing/rows/fields";
import { answerLine, answerText } from "../sizing/rows/answerLine";
import { numberFieldHelp } from "../sizing/rows/numbers";
import { endWithReader, failed } from "./commandOutcome";

const usage = `npm run -s estimate < rows.jsonl

Reads one JSON object a line and writes one answer a line: memory of one GPU by part, and what was assumed. A line that
cannot be used is answered with what is wrong with it; the rest goes on. Blank lines are passed over.

Fields, each of them text or left out: ${rowFields.join(", ")}
Numbers:
${numberFieldHelp.map(([field, expected]) => `  ${field.padEnd(16)} ${expected}`).join("\n")}
Words that a field takes: bench/measurements/gpu-memory-measured.csv`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h", default: false } } });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  for await (const lines of inputLines(process.stdin)) {
    const answers = lines.flatMap((line) => answerLine(line) ?? []);
    if (!process.stdout.write(answers.map(answerText).join(""))) await once(process.stdout, "drain");
  }
}

endWithReader();

main().catch((error: unknown) => {
  const { status, stderr } = failed(error, 1, usage);
  process.stderr.write(stderr);
  process.exitCode = status;
});
