import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { documentWithFaults } from "./reliabilityPage";

/** `npm run reliability-table`: writes what the fault campaign has seen (bench/results/faults.json) into docs/reliability.md. */

const document = join(__dirname, "..", "docs", "reliability.md");

async function main(): Promise<number> {
  writeFileSync(document, await documentWithFaults(readFileSync(document, "utf8")));
  process.stdout.write("Written: docs/reliability.md\n");
  return 0;
}

void runMain(() => {
  readCommandLine("npm run reliability-table", { options: {} });
  return main();
});
