import { hostname } from "node:os";
import path from "node:path";
import { layout, root } from "./checkout.mjs";
import { lastLines, runCommand, runInTerminal } from "./command.mjs";
import { passphraseSource, pulumiEnvironment } from "./environment.mjs";
import { Problem } from "./problem.mjs";
import { endProcess, processesWithVariable, runningProcesses, startTimeOf } from "./process-identity.mjs";
import { engineDirectory } from "./pulumi-engine.mjs";
import { explainFailure } from "./pulumi-failure.mjs";
import { configurationFile, folderForNewStack, forgetSalt, isLocal } from "./stack-configuration.mjs";
import { lockProblem, stackLocks } from "./stack-locks.mjs";

/** Pulumi's command line, for one stack of this checkout. */

export const pulumiCommand = path.join(engineDirectory, "pulumi");

/**
 * The environment for commands on one stack.
 *
 * @param {string} stack
 * @returns {NodeJS.ProcessEnv}
 */
export function stackEnvironment(stack) {
  const file = configurationFile(stack);
  return {
    ...pulumiEnvironment(),
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

/** @param {string} stack */
export async function stackExists(stack) {
  /** @type {{ name: string }[]} */
  const stacks = JSON.parse(await pulumi(stack, ["stack", "ls", "--json"]));
  return stacks.some(({ name }) => name === stack);
}

/**
 * Makes the stack unless it is there, without a trace in its committed configuration file.
 *
 * @param {string} stack
 */
export async function ensureStack(stack) {
  if (await stackExists(stack)) return;
  const folder = folderForNewStack(stack);
  const where = folder === undefined ? [] : ["-C", folder];
  await pulumi(stack, [...where, "stack", "init", stack, "--no-select"]);
}

/**
 * Resources of a stack that stand for something: components and providers are left out.
 *
 * @param {string} stack
 * @returns {Promise<{ type: string, name: string }[]>}
 */
export async function resourcesOf(stack) {
  /** @type {{ deployment?: { resources?: { urn: string, custom?: boolean, type: string }[] } }} */
  const { deployment } = JSON.parse(await pulumi(stack, ["stack", "export", "--stack", stack]));
  return (deployment?.resources ?? []).flatMap(({ urn, custom, type }) =>
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
      /pulumi-(?:language|resource|analyzer)-|@pulumi\/pulumi\/cmd\/|\/provider\/main\.ts/.test(command) &&
      !hasEngine(parent),
  );
}

/**
 * Clears away what a Pulumi command that was killed has left: its lock, its plugins, and operations of which the state does
 * not know how they ended. Every resource here finds again what an interrupted creation has made, so these may be forgotten.
 *
 * @param {string} stack
 * @param {(line: string) => void} print
 * @throws {Problem} when a command that lives holds the stack
 */
export async function recoverStack(stack, print) {
  const { held, dead } = stackLocks(stack);
  if (held.length > 0) throw lockProblem(stack, held, hostname());
  for (const orphan of orphanedPlugins()) {
    print(`Ending process ${orphan.pid}, a plugin of a Pulumi command that was killed.`);
    await endProcess({ pid: orphan.pid, startTime: startTimeOf(orphan.pid) ?? "" });
  }
  if (dead.length > 0) {
    print(
      `Removing the lock of process ${dead.map(({ pid }) => pid).join(", ")}, which was killed while it worked on stack ${stack}.`,
    );
    await pulumi(stack, ["cancel", "--yes", stack]);
  }
  const state = await pulumi(stack, ["stack", "export", "--stack", stack]);
  /** @type {{ deployment?: { pending_operations?: { type: string, resource: { urn: string } }[] } }} */
  const document = JSON.parse(state);
  const pending = document.deployment?.pending_operations ?? [];
  if (pending.length === 0 || document.deployment === undefined) return;
  for (const { type, resource } of pending) {
    print(
      `An earlier command was interrupted while ${type} ${resource.urn.split("::").slice(2).join(" ")}; it is looked at anew.`,
    );
  }
  document.deployment.pending_operations = [];
  await pulumi(stack, ["stack", "import", "--stack", stack], { input: JSON.stringify(document) });
}

/**
 * @param {string} stack
 * @param {boolean} showSecrets
 * @returns {Promise<Record<string, unknown>>}
 */
export async function readOutputs(stack, showSecrets) {
  const secrets = showSecrets ? ["--show-secrets"] : [];
  return JSON.parse(await pulumi(stack, ["stack", "output", "--stack", stack, "--json", ...secrets]));
}
