import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readmeWithCost, readmeWithTable } from "./readmePage";

/** `npm run readme-table`: writes the README's tables anew. */

const file = join(__dirname, "..", "README.md");

async function main(): Promise<void> {
  writeFileSync(file, await readmeWithCost(await readmeWithTable(readFileSync(file, "utf8"))));
  process.stdout.write("Written: README.md\n");
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
