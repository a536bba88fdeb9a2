import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { endProcessesOf, isOfAnother } from "../machine/folderUsers";
import { isAlive } from "../machine/processes.mjs";
import { removeEntries } from "../machine/removal";
import { runRecords } from "../machine/stackFiles";
import { layout, stackLayout } from "../machine/checkout.mjs";
import { readState } from "./stackState";

/**
 * Runs that an `up` had started when it was killed, and whose stage is in the program no more: no state knows of them, so nothing
 * would ever end them.
 */

/**
 * True if the record's supervisor lives.
 *
 * @param directory of a run
 */
function isSupervised(directory: string): boolean {
  try {
    const { pid, started } = JSON.parse(readFileSync(path.join(directory, "supervisor.json"), "utf8")) as {
      readonly pid: number;
      readonly started: string;
    };
    return isAlive({ pid, startTime: started }) && !isOfAnother(pid, directory);
  } catch {
    return false;
  }
}

/**
 * Keys of live runs of which the stack's state knows nothing. Only to be asked after an `up` of the whole program: before that,
 * a run may be one that the next `up` finds again.
 */
export function strayRuns(stack: string): string[] {
  const { runs } = stackLayout(stack);
  if (!existsSync(runs)) return [];
  const known = new Set((readState(stack)?.resources ?? []).map(({ id }) => id));
  return readdirSync(runs).filter(
    (key) => runRecords.test(key) && !key.startsWith(".") && !known.has(key) && isSupervised(path.join(runs, key)),
  );
}

/** Ends them, and removes their records. */
export async function endStrayRuns(stack: string, print: (line: string) => void): Promise<void> {
  const { runs } = stackLayout(stack);
  for (const key of strayRuns(stack)) {
    print(`Ending run ${key}, which an interrupted command had started and which is of no stage any more.`);
    const left = await endProcessesOf(path.join(runs, key));
    if (left.length > 0)
      print(`  It does not end: ${left.map(({ pid, command }) => `${pid} (${command.slice(0, 80)})`).join(", ")}`);
    else removeEntries(layout.state, runs, new RegExp(`^\\.?${key}(?:\\.lock)?$`));
  }
}
