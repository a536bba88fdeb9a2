import * as fs from "node:fs";
import { readCommandLine } from "../../setup/command-line.mjs";
import { runMain } from "../../setup/problem.mjs";
import { stackNames } from "./documents";
import { countText } from "./dump";
import { dumpStack, goldenFile, stackText } from "./stacks";

/** `npm run golden`: writes what each stack registers anew. */
async function write(): Promise<number> {
  for (const name of stackNames) {
    const dump = await dumpStack(name);
    fs.writeFileSync(goldenFile(name), stackText(name, dump));
    process.stdout.write(`${name}: ${countText(dump.resources)}\n`);
  }
  return 0;
}

void runMain(() => {
  readCommandLine("npm run golden", { options: {} });
  return write();
});
