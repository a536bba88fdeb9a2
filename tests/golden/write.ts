import * as fs from "node:fs";
import { stackNames } from "./documents";
import { countText } from "./dump";
import { dumpStack, goldenFile, stackText } from "./stacks";

/** `npm run golden`: writes what each stack registers anew. */
async function write(): Promise<void> {
  for (const name of stackNames) {
    const dump = await dumpStack(name);
    fs.writeFileSync(goldenFile(name), stackText(name, dump));
    process.stdout.write(`${name}: ${countText(dump.resources)}\n`);
  }
}

write().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
