import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { flowsDirectory } from "../../machine/layout";
import type { MethodName } from "../../methods";
import { canonical } from "../../provider/handler";

/** Hash of a value: the same for equal values, whatever the order of their keys. */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

/** Code and task files below a folder, sorted; documentation, caches and the driver do not change what a run computes. */
function codeFiles(directory: string): string[] {
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(directory, entry.name);
      if (entry.isDirectory()) return ["__pycache__", "driver"].includes(entry.name) ? [] : codeFiles(file);
      return /\.(?:py|yaml|jinja|html)$/.test(entry.name) ? [file] : [];
    })
    .sort();
}

/** Hash of all code that a method's run executes: its flow and the shared library. */
export function flowCodeHash(method: MethodName, directory: string = flowsDirectory): string {
  const hash = createHash("sha256");
  for (const folder of [method, "posttraining"]) {
    for (const file of codeFiles(path.join(directory, folder))) {
      hash.update(path.relative(directory, file)).update("\0").update(fs.readFileSync(file)).update("\0");
    }
  }
  return hash.digest("hex");
}
