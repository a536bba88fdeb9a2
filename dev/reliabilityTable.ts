import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { documentWithFaults } from "./reliabilityPage";

/** `npm run reliability-table`: writes what the fault campaign has seen (bench/results/faults.json) into docs/reliability.md. */

const document = join(__dirname, "..", "docs", "reliability.md");

async function main(): Promise<void> {
  writeFileSync(document, await documentWithFaults(readFileSync(document, "utf8")));
  process.stdout.write("Written: docs/reliability.md\n");
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
