import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { planningMilliseconds, sizingDocument } from "./sizingPage";

/** `npm run bench:sizing`: writes docs/sizing.md with its figure, and prints how the planner stands against its targets. */

const documents = join(__dirname, "..", "docs");

async function main(): Promise<number> {
  const { markdown, svg } = await sizingDocument();
  writeFileSync(join(documents, "sizing.md"), await format(markdown, { parser: "markdown", printWidth: 120 }));
  writeFileSync(join(documents, "sizing.svg"), svg);
  const targets = /## Against the targets\n\n([\s\S]*?)\n\n/.exec(markdown)?.[1] ?? "";
  process.stdout.write(
    `${targets}\n\nPlanning one recipe over the whole catalog (processor time, median of 7, at most 50 ms):\n`,
  );
  for (const { recipe, milliseconds } of planningMilliseconds())
    process.stdout.write(`  ${recipe.padEnd(10)} ${milliseconds.toFixed(1)} ms\n`);
  return 0;
}

void runMain(() => {
  readCommandLine("npm run bench:sizing", { options: {} });
  return main();
});
