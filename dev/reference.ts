import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../machine/checkout.mjs";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { componentPages, pagesFolder } from "./componentPages";
import { staleFiles } from "./staleFiles";

/**
 * `npm run reference`: writes the reference of the components, docs/components/, from the comments in their sources. With `--check` it
 * only says what is stale. Either way it says what the comments lack.
 */
async function main(isCheck: boolean): Promise<number> {
  mkdirSync(join(root, pagesFolder), { recursive: true });
  const { pages, problems } = await componentPages();
  const stale = staleFiles(pages, pagesFolder);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  for (const { file, problem } of stale) {
    const text = pages.get(file);
    if (isCheck) process.stdout.write(`${file} ${problem}\n`);
    else if (text === undefined) rmSync(join(root, file));
    else writeFileSync(join(root, file), text);
  }
  if (isCheck && stale.length > 0) process.stdout.write("`npm run reference` mends the pages.\n");
  if (!isCheck) {
    const names = stale.map(({ file }) => `  ${file}\n`).join("");
    process.stdout.write(stale.length === 0 ? "All pages are as the sources say.\n" : `Written:\n${names}`);
  }
  return problems.length > 0 || (isCheck && stale.length > 0) ? 1 : 0;
}

void runMain(() => {
  const { values } = readCommandLine("npm run reference [-- --check]", { options: { check: { type: "boolean" } } });
  return main(values.check === true);
});
