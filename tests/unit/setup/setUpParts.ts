import * as fs from "node:fs";
import * as path from "node:path";
import type { Part } from "../../../setup/progress.mjs";

/** What a part of the set-up did and said. */
export interface Outcome {
  readonly said: string;
  readonly remark: string | undefined;
}

/** Runs a part as the set-up does when `isDone` has said no. */
export async function runPart(part: Part, logFile: string): Promise<Outcome> {
  fs.mkdirSync(path.dirname(logFile), { recursive: true });
  const said: string[] = [];
  const remark = await part.run({ logFile, report: (line) => said.push(line), doing: () => undefined });
  return { said: said.join("\n"), remark };
}

/** A command for a folder on PATH, as a script of the POSIX shell. */
export function command(folder: string, name: string, script: string): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
