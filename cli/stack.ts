import { chmodSync, existsSync } from "node:fs";
import { hostname } from "node:os";
import * as path from "node:path";
import { withoutAws } from "../machine/environment.mjs";
import { endProcess, processesWithVariable, type RunningProcess, runningProcesses } from "../machine/processes.mjs";
import { removalProblem } from "../machine/removal";
import { layout, root, stackLayout } from "../machine/checkout.mjs";
import { lastLines, runCommand, runInTerminal } from "../setup/command.mjs";
import { passphraseSource, pulumiEnvironment } from "../setup/environment.mjs";
import { Problem } from "../setup/problem.mjs";
import { engineDirectory } from "../setup/pulumi-engine.mjs";
import { settleIncarnations } from "./incarnations";
import { explainFailure } from "./pulumiFailure";
import { configurationFile, folderForNewStack, forgetSalt, isLocal, keepSalt } from "./stackConfiguration";
import { lockProblem, stackLocks } from "./stackLocks";
import { requireStackName } from "./stackName";
import { DamagedState, readState } from "./stackState";

/** Pulumi's command line, for one stack of this checkout. */

export const pulumiCommand = path.join(engineDirectory, "pulumi");

function restoreSalt(stack: string): void {
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
 * @param stack @throws {Problem}
 */
export function requireOwnFolder(stack: string): void {
  const problem = removalProblem(layout.state, path.join(stackLayout(stack).directory, "entry"));
  if (problem === undefined) return;
  throw new Problem(`The files of stack ${stack} cannot lie there: ${problem}.`, [
    "Put a folder in the place of the link. For a larger disk, mount it there, or move the whole checkout to it.",
  ]);
}

/** The environment for commands on one stack. */
export function stackEnvironment(stack: string): NodeJS.ProcessEnv {
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

export function explain(stack: string, errors: string, environment: NodeJS.ProcessEnv): string | undefined {
  return explainFailure(errors, {
    stack,
    passphraseSource: passphraseSource(environment),
    stateDirectory: layout.state,
  });
}

/**
 * Runs Pulumi in the terminal, where it shows its progress; what went wrong is explained below it.
 *
 * @returns exit status
 */
export async function pulumiInTerminal(
  stack: string,
  parameters: readonly string[],
  { cwd = root, environment = stackEnvironment(stack) }: { cwd?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<number> {
  const { status, errors } = await runInTerminal(pulumiCommand, parameters, { cwd, environment });
  const explanation = status === 0 ? undefined : explain(stack, errors, environment);
  if (explanation !== undefined) process.stderr.write(`\n${explanation}\n`);
  return status;
}

/**
 * Runs Pulumi and returns what it wrote to standard output.
 *
 * @param options @throws {Problem} when it fails
 */
async function pulumi(stack: string, parameters: readonly string[], options: { input?: string } = {}): Promise<string> {
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

/** Makes the stack unless it is there, without a trace in its committed configuration file. */
export async function ensureStack(stack: string): Promise<void> {
  requireOwnFolder(stack);
  if (readState(stack) !== undefined) return;
  requireStackName(stack);
  const folder = folderForNewStack(stack);
  const where = folder === undefined ? [] : ["-C", folder];
  await pulumi(stack, [...where, "stack", "init", stack, "--no-select"]);
}

/** Resources of a stack that stand for something: components and providers are left out. */
export function resourcesOf(stack: string): { type: string; name: string }[] {
  return (readState(stack)?.resources ?? []).flatMap(({ urn, custom, type }) =>
    custom === true && !type.startsWith("pulumi:")
      ? [{ type: type.split(":").at(-1) ?? type, name: urn.split("::").at(-1) ?? urn }]
      : [],
  );
}

export async function removeStack(stack: string): Promise<void> {
  await pulumi(stack, ["stack", "rm", stack, "--yes", "--preserve-config"]);
  forgetSalt(stack);
}

/**
 * Plugins whose engine was killed: they cannot know, and some go on with what they were doing.
 */
function orphanedPlugins(): RunningProcess[] {
  const all = new Map(runningProcesses().map((process) => [process.pid, process]));
  const hasEngine = (pid: number): boolean => {
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
 * @param print @throws {Problem} when a command that lives holds the stack, or what was interrupted in a cloud has to be looked at
 */
export async function recoverStack(stack: string, print: (line: string) => void): Promise<void> {
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
  const exported = await pulumi(stack, ["stack", "export", "--stack", stack]);
  const document = JSON.parse(exported) as { deployment?: { pending_operations?: unknown[] } };
  if (document.deployment === undefined) return;
  document.deployment.pending_operations = [];
  await pulumi(stack, ["stack", "import", "--stack", stack], { input: JSON.stringify(document) });
}

export function interruptedProblem(stack: string, operations: readonly string[]): Problem {
  return new Problem(`An earlier command on stack ${stack} was interrupted, and nobody knows how these ended:`, [
    ...operations,
    "Look in the account whether they exist: what is there and not in the state is paid for and never destroyed.",
    `Then have Pulumi ask about each: npm run pulumi -- refresh -s ${stack}`,
  ]);
}

/** The outputs of a stack, secrets and all. */
export async function readOutputs(stack: string): Promise<Record<string, unknown>> {
  const outputs = await pulumi(stack, ["stack", "output", "--stack", stack, "--json", "--show-secrets"]);
  return JSON.parse(outputs) as Record<string, unknown>;
}
