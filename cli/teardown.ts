import { type Dirent, existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import * as path from "node:path";
import { formatSeconds } from "../machine/duration.mjs";
import type { RunningProcess } from "../machine/processes.mjs";
import { removeBelow, removeEntries } from "../machine/removal";
import { anyOf, metaflowFiles, modelServerFiles, processFiles, runRecords, storeFolders } from "../machine/stackFiles";
import { cacheDirectory, layout, root, stackLayout } from "../machine/checkout.mjs";
import { readCommandLine } from "../setup/command-line.mjs";
import { Problem, runMain } from "../setup/problem.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import { formatBytes } from "../setup/tool-cache.mjs";
import {
  endLeftovers,
  joinRecords,
  leftLines,
  lookAtMachine,
  noticeLines,
  recordsOf,
  type StackRecords,
} from "./leftovers";
import { destroyParameters } from "./pulumiArguments";
import { pulumiInTerminal, recoverStack, removeStack, resourcesOf } from "./stack";
import { forgetSalt, isLocal, kindOf, projectName, removesData, saltFile, wasMade } from "./stackConfiguration";
import { lockProblem, stackLocks } from "./stackLocks";
import { knownStacks, requireStack } from "./stackName";
import { DamagedState, readState, setStateAside, stateFile } from "./stackState";

/**
 * `npm run teardown -- <stack>`: destroys a stack of this checkout, then looks for itself whether anything is left. What an
 * interrupted command has left is cleared too, and a second run finds nothing to do.
 *
 * `--without-state`: for a local stack whose state or passphrase is lost. What its records and the machine know is ended and
 * removed, without Pulumi.
 */

/** @returns bytes of all files below it */
function sizeOf(directory: string): number {
  let bytes = 0;
  for (const entry of entriesOf(directory)) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(file);
    else bytes += lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** What a folder holds. What lives may remove any of it in the next moment, and the folder itself. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Folders without a file in them go, from the innermost on. */
function removeEmptyFolders(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(path.join(directory, entry.name));
  }
  if (readdirSync(directory).length === 0) removeBelow(layout.state, directory);
}

/**
 * Destroys the stack and removes it.
 *
 * @returns what was deleted
 */
async function destroy(stack: string): Promise<string[]> {
  if (readState(stack) === undefined) return [];
  await requireBootstrap(isLocal(stack) ? "everything" : "infrastructure");
  await recoverStack(stack, console.log);
  const resources = resourcesOf(stack);
  const status = await pulumiInTerminal(stack, destroyParameters(stack, isLocal(stack)));
  if (status !== 0) {
    throw new Problem(`pulumi destroy failed (exit status ${status}); stack ${stack} is still there.`, [
      "Mend the cause that Pulumi names above, then run the same command again.",
      ...(isLocal(stack) ? [withoutStateHint(stack)] : []),
    ]);
  }
  // Pulumi ends well, too, when it was stopped by Ctrl-C.
  const still = resourcesOf(stack).map(({ type, name }) => `${name} (${type})`);
  if (still.length > 0) {
    throw new Problem(`The teardown was interrupted; of stack ${stack} there still is: ${still.join(", ")}.`, [
      "Run the same command again.",
    ]);
  }
  await removeStack(stack);
  return [...resources.map(({ type, name }) => `${name} (${type})`), `the state of stack ${stack}`];
}

const withoutStateHint = (stack: string): string =>
  `If its state or its passphrase is lost: npm run teardown -- ${stack} --without-state ends it by its records and what the machine shows.`;

/** Removes what the stack's records are, and nothing that somebody else has put beside them. */
function removeRecords(stack: string): void {
  const { processes, runs, cache, rehearsals } = stackLayout(stack);
  for (const name of existsSync(processes) ? readdirSync(processes) : []) {
    removeEntries(layout.state, path.join(processes, name), anyOf(processFiles, modelServerFiles));
  }
  removeEntries(layout.state, runs, runRecords);
  // What rehearsed a recipe first and failed, or was interrupted. Its report is the checkout's, and says nothing of this stack.
  removeEntries(layout.state, rehearsals, runRecords);
  removeBelow(layout.state, cache);
}

/** Ends what the stack has started and no resource of it stands for, each told. */
function endWhatLives(stack: string, records: StackRecords): Promise<RunningProcess[]> {
  for (const { process: found } of lookAtMachine(stack, records).ours) {
    console.log(`Ending process ${found.pid}, which an interrupted command has left: ${found.command.slice(0, 120)}`);
  }
  return endLeftovers(stack, records);
}

/** Ends a stack of this machine without Pulumi. */
async function endWithoutState(stack: string, records: StackRecords, reason: string): Promise<string[]> {
  const { held } = stackLocks(stack);
  if (held.length > 0) throw lockProblem(stack, held, hostname());
  console.log(`${reason} Stack ${stack} is ended by its records and by what this machine shows.`);
  const left = await endWhatLives(stack, records);
  if (left.length > 0) {
    throw new Problem(
      `Processes of stack ${stack} do not end:`,
      left.map(({ pid, command }) => `${pid}: ${command}`),
    );
  }
  const { metaflow, store } = stackLayout(stack);
  removeEntries(layout.state, metaflow, metaflowFiles);
  if (removesData(stack)) removeEntries(layout.state, store, storeFolders);
  const aside = setStateAside(stack);
  if (aside !== undefined) console.log(`Its state lies in ${path.relative(root, aside)} now.`);
  removeBelow(layout.state, path.join(layout.pulumiState, ".pulumi", "locks", "organization", projectName(), stack));
  return ["what was recorded of it"];
}

const hasState = (stack: string): boolean => existsSync(stateFile(stack));

function lostStateProblem(stack: string): Problem {
  const history = path.join(layout.pulumiState, ".pulumi", "history", projectName(), stack);
  return new Problem(
    `The state of stack ${stack}, ${path.relative(root, stateFile(stack))}, is gone, and only it knows what is in the cloud.`,
    [
      existsSync(`${stateFile(stack)}.bak`)
        ? `Restore the one before: cp ${path.relative(root, stateFile(stack))}.bak ${path.relative(root, stateFile(stack))}`
        : `Restore it from a copy of yours, or from ${path.relative(root, history)}.`,
      `Then have Pulumi look: npm run pulumi -- refresh -s ${stack}`,
      `If nothing of it is left in the cloud, say so by removing ${path.relative(root, saltFile(stack))}.`,
    ],
  );
}

async function end(stack: string, records: StackRecords, withoutState: boolean): Promise<string[]> {
  const onThisMachine = isLocal(stack) || (kindOf(stack) === undefined && existsSync(stackLayout(stack).directory));
  if (withoutState) {
    if (!onThisMachine) {
      throw new Problem(`Stack ${stack} has resources in a cloud, which no record on this machine knows.`, [
        "Restore its state; without --without-state this command says how.",
      ]);
    }
    return endWithoutState(stack, records, "Without its state:");
  }
  const hasRecords = records.leaders.length > 0 || records.marks.size > 0;
  // A stack that was made here and not removed had a state. One that is there and damaged is told below.
  if (!hasState(stack) && (wasMade(stack) || (onThisMachine && hasRecords))) {
    if (onThisMachine)
      return endWithoutState(stack, records, `No state knows of stack ${stack}, and there are records.`);
    throw lostStateProblem(stack);
  }
  try {
    return await destroy(stack);
  } catch (error) {
    if (!(error instanceof DamagedState) || !onThisMachine) throw error;
    return endWithoutState(stack, records, `${error.message}\n`);
  }
}

void runMain(async () => {
  const { positionals, values } = readCommandLine("npm run teardown -- <stack> [--without-state]", {
    options: { "without-state": { type: "boolean", default: false } },
    words: 1,
  });
  const [given] = positionals;
  if (given === undefined) {
    throw new Problem("Which stack? What is torn down is named.", [
      `npm run teardown -- <stack>; there are: ${knownStacks().join(", ")}`,
    ]);
  }
  const stack = requireStack(given);
  const begin = performance.now();
  const { directory } = stackLayout(stack);
  // Destroying removes the records.
  const recorded = recordsOf(stack);
  for (const damage of recorded.damaged)
    console.log(`A record cannot be read, the machine is asked instead: ${damage}`);
  const before = sizeOf(directory);
  const deleted = await end(stack, recorded, values["without-state"]);
  forgetSalt(stack);

  const records = joinRecords(recorded, recordsOf(stack));
  await endWhatLives(stack, records);
  const findings = lookAtMachine(stack, records);
  const { held, dead } = stackLocks(stack);
  const left = [
    ...leftLines(findings),
    ...[...held, ...dead].map((lock) => `a lock of process ${lock.pid} on ${lock.hostname}`),
  ];
  if (left.length > 0) {
    throw new Problem(`Left of stack ${stack}:`, [
      ...left,
      "Run the same command again; what then is still there must be ended by hand.",
    ]);
  }

  // What was interrupted before Pulumi knew of it is in no state.
  removeRecords(stack);
  for (const folder of records.temporaryFolders) rmSync(folder, { recursive: true, force: true });
  removeEmptyFolders(directory);
  const after = sizeOf(directory);
  console.log(
    deleted.length === 0 && before === after
      ? `There is nothing of stack ${stack} to delete.`
      : `Deleted: ${[...deleted, `${formatBytes(before - after)} below ${path.relative(root, directory)}`].join(", ")}.`,
  );
  for (const line of noticeLines(findings)) console.log(line);
  console.log(
    `Checked: no process, no open port and no lock of stack ${stack} is left (${formatSeconds((performance.now() - begin) / 1000)}). Looked at: its records, and every process's environment, working folder, open files and ports.`,
  );
  if (existsSync(directory)) {
    console.log(
      `Stays in ${path.relative(root, directory)} (${formatBytes(after)}): ${readdirSync(directory).join(", ")}.`,
    );
  }
  const reports = existsSync(layout.rehearsals)
    ? `, reports of rehearsals in ${path.relative(root, layout.rehearsals)}`
    : "";
  console.log(
    `Stays for the next time: tools in ${cacheDirectory()}, Python environments in ${path.relative(root, layout.python)}${reports}.`,
  );
  return 0;
});
