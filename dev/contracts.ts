import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contracts } from "../contracts";
import { root } from "../machine/checkout.mjs";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { contractsFolder, pageFile, schemaFiles, typeFiles } from "./contractFiles/generated";
import { staleFiles } from "./staleFiles";

/**
 * `npm run contracts`: writes what is generated from contracts/: JSON Schemas and types for Python, the tables of
 * docs/contracts.md. With `--check` it only says what is stale.
 */
async function main(isCheck: boolean): Promise<number> {
  if (!isCheck) mkdirSync(join(root, contractsFolder), { recursive: true });
  const wanted = new Map([...(await schemaFiles(contracts)), ...typeFiles(contracts), ...(await pageFile(contracts))]);
  const stale = staleFiles(wanted, contractsFolder);
  for (const { file, problem } of stale) {
    const text = wanted.get(file);
    if (isCheck) process.stdout.write(`${file} ${problem}\n`);
    else if (text === undefined) rmSync(join(root, file));
    else writeFileSync(join(root, file), text);
  }
  if (!isCheck) {
    const names = stale.map(({ file }) => `  ${file}\n`).join("");
    process.stdout.write(stale.length === 0 ? "All files are as the contracts say.\n" : `Written:\n${names}`);
    return 0;
  }
  if (stale.length > 0) process.stdout.write("`npm run contracts` mends them.\n");
  return stale.length === 0 ? 0 : 1;
}

void runMain(() => {
  const { values } = readCommandLine("npm run contracts [-- --check]", { options: { check: { type: "boolean" } } });
  return main(values.check === true);
});
