import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { readmeWithCost, readmeWithTable } from "./readmePage";

/** `npm run readme-table`: writes the README's tables anew. */

const file = join(__dirname, "..", "README.md");

async function main(): Promise<number> {
  writeFileSync(file, await readmeWithCost(await readmeWithTable(readFileSync(file, "utf8"))));
  process.stdout.write("Written: README.md\n");
  return 0;
}

void runMain(() => {
  readCommandLine("npm run readme-table", { options: {} });
  return main();
});
