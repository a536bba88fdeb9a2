import { chmodSync, existsSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { layout, root, stackLayout } from "../setup/checkout.mjs";
import { lastLines, runCommand, runInTerminal } from "../setup/command.mjs";
import { passphraseSource, pulumiEnvironment } from "../setup/environment.mjs";
import { settleIncarnations } from "./incarnations.mjs";
import { Problem } from "../setup/problem.mjs";
import { withoutAws } from "../machine/environment.mjs";
import { endProcess, processesWithVariable, runningProcesses } from "../machine/processes.mjs";
import { removalProblem } from "../machine/removal.mjs";
import { engineDirectory } from "../setup/pulumi-engine.mjs";
import { explainFailure } from "./pulumi-failure.mjs";
import { configurationFile, folderForNewStack, forgetSalt, isLocal, keepSalt } from "./stack-configuration.mjs";
import { lockProblem, stackLocks } from "./stack-locks.mjs";
import { requireStackName } from "./stack-name.mjs";
import { DamagedState, readState } from "./stack-state.mjs";

/** Pulumi's command line, for one stack of this checkout. */

export const pulumiCommand = path.join(engineDirectory, "pulumi");

/** @param {string} stack */
function restoreSalt(stack) {
  try {
    const salt = readState(stack)?.salt;
    if (salt !== undefined) keepSalt(stack, salt);
  } catch (error) {
    // That the state is damaged is told by what needs it.
    if (!(error instanceof DamagedState)) throw error;
  }
}

/**
 * Refuses a stack whose files would lie outside of the checkout, behind a link: nothing there is this project's to remove.
 *
 * @param {string} stack
 * @throws {Problem}
 */
export function requireOwnFolder(stack) {
  const problem = removalProblem(layout.state, path.join(stackLayout(stack).directory, "entry"));
  if (problem === undefined) return;
  throw new Problem(`The files of stack ${stack} cannot lie there: ${problem}.`, [
    "Put a folder in the place of the link. For a larger disk, mount it there, or move the whole checkout to it.",
  ]);
}

/**
 * The environment for commands on one stack.
 *
 * @param {string} stack
 * @returns {NodeJS.ProcessEnv}
 */
export function stackEnvironment(stack) {
  restoreSalt(stack);
  const file = configurationFile(stack);
  const environment = pulumiEnvironment();
  return {
    // A local stack has a store of its own; a person's profile, region or endpoint would be mixed with its.
    ...(isLocal(stack) ? withoutAws(environment) : environment),
    ...(file === undefined ? {} : { PULUMI_OPTION_CONFIG_FILE: file }),
    // Pulumi downloads the plugin of every provider package that is installed, needed or not: hundreds of megabytes, or, where
    // there is no internet, five attempts at each command. A local stack needs this project's own alone.
    ...(isLocal(stack) ? { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" } : {}),
  };
}

/**
 * @param {string} stack
 * @param {string} errors
 * @param {NodeJS.ProcessEnv} environment
 */
export function explain(stack, errors, environment) {
  return explainFailure(errors, {
    stack,
    passphraseSource: passphraseSource(environment),
    stateDirectory: layout.state,
  });
}

/**
 * Runs Pulumi in the terminal, where it shows its progress; what went wrong is explained below it.
 *
 * @param {string} stack
 * @param {readonly string[]} parameters
 * @param {{ cwd?: string, environment?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} exit status
 */
export async function pulumiInTerminal(stack, parameters, { cwd = root, environment = stackEnvironment(stack) } = {}) {
  const { status, errors } = await runInTerminal(pulumiCommand, parameters, { cwd, environment });
  const explanation = status === 0 ? undefined : explain(stack, errors, environment);
  if (explanation !== undefined) process.stderr.write(`\n${explanation}\n`);
  return status;
}

/**
 * Runs Pulumi and returns what it wrote to standard output.
 *
 * @param {string} stack
 * @param {readonly string[]} parameters
 * @param {{ input?: string }} [options]
 * @throws {Problem} when it fails
 */
async function pulumi(stack, parameters, options = {}) {
  const environment = stackEnvironment(stack);
  let errors = "";
  const { status, output } = await runCommand(pulumiCommand, ["--non-interactive", ...parameters], {
    cwd: root,
    environment,
    input: options.input,
    stdoutOnly: true,
    onLine: (line) => (errors = `${errors}${line}\n`.slice(-20_000)),
  });
  if (status === 0) return output;
  throw new Problem(
    explain(stack, errors, environment) ?? `pulumi ${parameters.join(" ")} failed (exit status ${status}):`,
    lastLines(errors, 20),
  );
}

/**
 * Makes the stack unless it is there, without a trace in its committed configuration file.
 *
 * @param {string} stack
 */
export async function ensureStack(stack) {
  requireOwnFolder(stack);
  if (readState(stack) !== undefined) return;
  requireStackName(stack);
  const folder = folderForNewStack(stack);
  const where = folder === undefined ? [] : ["-C", folder];
  await pulumi(stack, [...where, "stack", "init", stack, "--no-select"]);
}

/**
 * Resources of a stack that stand for something: components and providers are left out.
 *
 * @param {string} stack
 * @returns {{ type: string, name: string }[]}
 */
export function resourcesOf(stack) {
  return (readState(stack)?.resources ?? []).flatMap(({ urn, custom, type }) =>
    custom === true && !type.startsWith("pulumi:")
      ? [{ type: type.split(":").at(-1) ?? type, name: urn.split("::").at(-1) ?? urn }]
      : [],
  );
}

/** @param {string} stack */
export async function removeStack(stack) {
  await pulumi(stack, ["stack", "rm", stack, "--yes", "--preserve-config"]);
  forgetSalt(stack);
}

/**
 * Plugins whose engine was killed: they cannot know, and some go on with what they were doing.
 */
function orphanedPlugins() {
  const all = new Map(runningProcesses().map((process) => [process.pid, process]));
  /** @param {number} pid @returns {boolean} */
  const hasEngine = (pid) => {
    const found = all.get(pid);
    return found !== undefined && (/(?:^|\/)pulumi\s/.test(`${found.command} `) || hasEngine(found.parent));
  };
  return processesWithVariable("PULUMI_HOME", layout.pulumiHome).filter(
    ({ command, parent }) =>
      /pulumi-(?:language|resource|analyzer)-|@pulumi\/pulumi\/cmd\/|\/provider\/plugin\/main\.ts/.test(command) &&
      !hasEngine(parent),
  );
}

/**
 * Clears away what a Pulumi command that was killed has left: its lock, its plugins, and operations of which the state does
 * not know how they ended. Every resource of a local stack finds again what an interrupted creation has made, so these may be
 * forgotten; one in a cloud may be there without anybody knowing of it, so those are told.
 *
 * @param {string} stack
 * @param {(line: string) => void} print
 * @throws {Problem} when a command that lives holds the stack, or what was interrupted in a cloud has to be looked at
 */
export async function recoverStack(stack, print) {
  requireOwnFolder(stack);
  const { held, dead } = stackLocks(stack);
  if (held.length > 0) throw lockProblem(stack, held, hostname());
  settleIncarnations(stack);
  // Files of before this was so may be for others to read; through this folder nobody gets to them.
  if (existsSync(stackLayout(stack).directory)) chmodSync(stackLayout(stack).directory, 0o700);
  for (const orphan of orphanedPlugins()) {
    print(`Ending process ${orphan.pid}, a plugin of a Pulumi command that was killed.`);
    await endProcess(orphan);
  }
  if (dead.length > 0) {
    print(
      `Removing the lock of process ${dead.map(({ pid }) => pid).join(", ")}, which was killed while it worked on stack ${stack}.`,
    );
    await pulumi(stack, ["cancel", "--yes", stack]);
  }
  const pending = readState(stack)?.pending ?? [];
  if (pending.length === 0) return;
  const told = pending.map(({ type, resource }) => `${type} ${resource.urn.split("::").slice(2).join(" ")}`);
  if (!isLocal(stack)) throw interruptedProblem(stack, told);
  for (const operation of told) print(`An earlier command was interrupted while ${operation}; it is looked at anew.`);
  /** @type {{ deployment?: { pending_operations?: unknown[] } }} */
  const document = JSON.parse(await pulumi(stack, ["stack", "export", "--stack", stack]));
  if (document.deployment === undefined) return;
  document.deployment.pending_operations = [];
  await pulumi(stack, ["stack", "import", "--stack", stack], { input: JSON.stringify(document) });
}

/**
 * @param {string} stack
 * @param {readonly string[]} operations
 */
export function interruptedProblem(stack, operations) {
  return new Problem(`An earlier command on stack ${stack} was interrupted, and nobody knows how these ended:`, [
    ...operations,
    "Look in the account whether they exist: what is there and not in the state is paid for and never destroyed.",
    `Then have Pulumi ask about each: npm run pulumi -- refresh -s ${stack}`,
  ]);
}

/**
 * The outputs of a stack, secrets and all.
 *
 * @param {string} stack
 * @returns {Promise<Record<string, unknown>>}
 */
export async function readOutputs(stack) {
  return JSON.parse(await pulumi(stack, ["stack", "output", "--stack", stack, "--json", "--show-secrets"]));
}
