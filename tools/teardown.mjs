import "./node-version.mjs";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { cacheDirectory, layout, root, stackLayout } from "./checkout.mjs";
import { readCommandLine } from "./command-line.mjs";
import { isListening, recordedBy } from "./leftovers.mjs";
import { Problem, runMain } from "./problem.mjs";
import { endProcess, startTimeOf } from "./process-identity.mjs";
import { formatSeconds } from "./progress.mjs";
import { destroyParameters } from "./pulumi-arguments.mjs";
import { requireBootstrap } from "./set-up.mjs";
import { pulumiInTerminal, recoverStack, removeStack, resourcesOf, stackExists } from "./stack.mjs";
import { forgetSalt, isLocal } from "./stack-configuration.mjs";
import { locksOf } from "./stack-locks.mjs";
import { formatBytes } from "./tool-cache.mjs";

/**
 * `npm run teardown -- <stack>`: destroys a stack of this checkout, then looks for itself whether anything is left. What an
 * interrupted command has left is cleared too, and a second run finds nothing to do.
 */

/**
 * @param {string} directory
 * @returns {number} bytes of all files below it
 */
function sizeOf(directory) {
  let bytes = 0;
  for (const entry of existsSync(directory) ? readdirSync(directory, { withFileTypes: true }) : []) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(file);
    else if (entry.isFile()) bytes += statSync(file).size;
  }
  return bytes;
}

/**
 * Folders without a file in them go, from the innermost on.
 *
 * @param {string} directory
 */
function removeEmptyFolders(directory) {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(path.join(directory, entry.name));
  }
  if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}

/**
 * Destroys the stack and removes it.
 *
 * @param {string} stack
 * @returns {Promise<string[]>} what was deleted
 */
async function destroy(stack) {
  if (!existsSync(path.join(layout.pulumiState, ".pulumi"))) return [];
  await requireBootstrap(isLocal(stack) ? "everything" : "infrastructure");
  if (!(await stackExists(stack))) return [];
  await recoverStack(stack, console.log);
  const resources = await resourcesOf(stack);
  const status = await pulumiInTerminal(stack, destroyParameters(stack, isLocal(stack)));
  if (status !== 0) {
    throw new Problem(`pulumi destroy failed (exit status ${status}); stack ${stack} is still there.`, [
      "Mend the cause that Pulumi names above, then run the same command again.",
    ]);
  }
  await removeStack(stack);
  return resources.map(({ type, name }) => `${name} (${type})`);
}

await runMain(async () => {
  const { positionals } = readCommandLine("npm run teardown [-- <stack>]", { options: {}, words: 1 });
  const stack = positionals[0] ?? "local";
  const begin = performance.now();
  const { directory, processes, runs, cache } = stackLayout(stack);
  // Destroying removes the records.
  const recorded = recordedBy(stack);
  const before = sizeOf(directory);
  const deleted = await destroy(stack);
  forgetSalt(stack);

  const known = [...recorded, ...recordedBy(stack)];
  for (const { name, live } of known) {
    for (const { pid } of live()) {
      console.log(`Ending process ${pid} of "${name}", which an interrupted command has left.`);
      await endProcess({ pid, startTime: startTimeOf(pid) ?? "" });
    }
  }

  /** @type {string[]} */
  const left = [];
  for (const { name, port, live } of known) {
    for (const { pid, command } of live()) left.push(`process ${pid} of "${name}": ${command}`);
    if (port !== undefined && (await isListening(port))) left.push(`port ${port} of "${name}" still answers`);
  }
  for (const lock of locksOf(stack)) left.push(`a lock of process ${lock.pid} on ${lock.hostname}`);
  if (left.length > 0) {
    throw new Problem(`Left of stack ${stack}:`, [
      ...left,
      "Run the same command again; what then is still there must be ended by hand.",
    ]);
  }

  // What was interrupted before Pulumi knew of it is in no state.
  for (const folder of [processes, runs, cache]) rmSync(folder, { recursive: true, force: true });
  removeEmptyFolders(directory);
  const after = sizeOf(directory);
  console.log(
    deleted.length === 0 && before === after
      ? `There is nothing of stack ${stack} to delete.`
      : `Deleted: ${[...deleted, `the state of stack ${stack}`, `${formatBytes(before - after)} below ${path.relative(root, directory)}`].join(", ")}.`,
  );
  console.log(
    `Checked: no process, no open port and no lock of stack ${stack} is left (${formatSeconds((performance.now() - begin) / 1000)}).`,
  );
  if (existsSync(directory))
    console.log(`Stays: models and metrics in ${path.relative(root, directory)} (${formatBytes(after)}).`);
  console.log(
    `Stays for the next time: tools in ${cacheDirectory()}, Python environments in ${path.relative(root, layout.python)}.`,
  );
  return 0;
});
