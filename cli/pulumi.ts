import { hostname } from "node:os";
import * as path from "node:path";
import { root } from "../machine/checkout.mjs";
import { runCommand } from "../setup/command.mjs";
import { pulumiEnvironment } from "../setup/environment.mjs";
import { runMain } from "../setup/problem.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import { withPolicies } from "./policies";
import { projectFolder } from "./projectFolder";
import { type PulumiArguments, readPulumiArguments } from "./pulumiArguments";
import {
  asksForHelp,
  isDeployment,
  isPlainInitialization,
  isWholeUp,
  type Operation,
  operationOf,
  removesStack,
  stackOperand,
  worksOnResources,
} from "./pulumiCommands";
import { ensureStack, pulumiCommand, pulumiInTerminal, recoverStack } from "./stack";
import { forgetSalt, isLocal, needsInitialization } from "./stackConfiguration";
import { lockProblem, stackLocks } from "./stackLocks";
import { requireStack, requireStackName } from "./stackName";
import { readState } from "./stackState";
import { endStrayRuns } from "./strayRuns";

/**
 * `npm run pulumi -- …`, and `pulumi` in `npm run shell`: Pulumi with this checkout's engine, state and configuration.
 * A stack that has a file in stacks/ is made when it is first used, so that `up` and `preview` work in a fresh checkout.
 * Stacks on AWS are checked against the policy pack in policy/ by both.
 */

/**
 * Refuses a name that is none of a stack, before Pulumi or this project makes a path of it.
 *
 * @param given by `--stack`, or the environment
 * @throws {Problem}
 */
function checkNames(words: readonly string[], given: string | undefined): void {
  const { name, isNew } = stackOperand(words);
  const named = name ?? given;
  if (isNew && named) requireStackName(named);
  else if (!isNew && name !== undefined) requireStack(name);
  else if (given) requireStack(given);
}

/**
 * The stack that a command works on.
 *
 * @param given by `--stack`, or the environment
 * @returns undefined where none is selected
 */
async function stackInUse(words: readonly string[], given: string | undefined): Promise<string | undefined> {
  const operation = operationOf(words);
  if (operation === "stack init" || operation === "stack rm") {
    const { name } = stackOperand(words);
    if (name !== undefined) return name;
  }
  if (given) return given;
  const { status, output } = await runCommand(pulumiCommand, ["stack", "--show-name", "--non-interactive"], {
    environment: pulumiEnvironment(),
    cwd: root,
    stdoutOnly: true,
  });
  return status === 0 ? output.trim() : undefined;
}

/**
 * Taking the lock from a command that lives lets the next one work on the same state beside it.
 *
 * @throws {Problem}
 */
function requireNoLivingHolder(stack: string): void {
  const here = stackLocks(stack).held.filter((lock) => lock.hostname === hostname());
  if (here.length > 0) throw lockProblem(stack, here, hostname());
}

/** What a command needs of this checkout: a local stack trains and serves here. */
const extentFor = (stack: string | undefined): "everything" | "infrastructure" =>
  stack && isLocal(stack) ? "everything" : "infrastructure";

/** Makes the stack if it is to be deployed for the first time, and mends what an interrupted command has left of it. */
async function makeReady(stack: string, operation: Operation | undefined): Promise<void> {
  if (isDeployment(operation) && needsInitialization(stack)) await ensureStack(stack);
  // A preview takes no lock, and none keeps it from running.
  const mayRecover = worksOnResources(operation) && !(operation === "preview" && stackLocks(stack).held.length > 0);
  if (mayRecover && isLocal(stack) && readState(stack) !== undefined) await recoverStack(stack, console.error);
}

/** What is to be done after a command that has succeeded. */
async function tidyUp(stack: string, line: PulumiArguments): Promise<void> {
  if (isWholeUp(line) && isLocal(stack)) await endStrayRuns(stack, console.error);
  if (removesStack(line)) forgetSalt(stack);
}

/**
 * Runs a command of Pulumi on a stack of this checkout, with what goes before it and after.
 *
 * @param parameters the command line, which is about `line`
 * @returns exit status
 */
async function runOnStack(stack: string, line: PulumiArguments, parameters: readonly string[]): Promise<number> {
  if (isPlainInitialization(line) && needsInitialization(stack)) {
    await ensureStack(stack);
    if (line.flags.includes("--no-select")) return 0;
    return pulumiInTerminal(stack, ["stack", "select", stack], { cwd: process.cwd() });
  }
  await makeReady(stack, operationOf(line.words));
  const [command = ""] = line.words;
  const status = await pulumiInTerminal(stack, withPolicies(stack, command, parameters), { cwd: process.cwd() });
  if (status === 0) await tidyUp(stack, line);
  return status;
}

/** Runs Pulumi as it is called, with nothing of a stack of this checkout. */
const runAsItIs = (parameters: readonly string[], named = ""): Promise<number> =>
  pulumiInTerminal(named, parameters, { cwd: process.cwd(), environment: pulumiEnvironment() });

void runMain(async () => {
  const parameters = process.argv.slice(2);
  const line = readPulumiArguments(parameters);
  const { words, stack: named, directory = "." } = line;
  // Another project's stacks are its own: those outside of the checkout, and those of its examples.
  const isOurs = projectFolder(path.resolve(directory)) === root;
  // An explanation is about no stack, and what follows a command that has done something must not follow it.
  if (asksForHelp(line)) {
    await requireBootstrap("infrastructure", console.error);
    return runAsItIs(parameters);
  }
  const given = named ?? process.env.PULUMI_STACK;
  if (isOurs) checkNames(words, given);
  const extent = extentFor(isOurs ? given : undefined);
  // Standard output belongs to Pulumi: it may be JSON that another program reads.
  await requireBootstrap(extent, console.error);
  const operation = operationOf(words);
  // `config` is for the committed file itself.
  if (!isOurs || words.length === 0 || operation === "config") return runAsItIs(parameters, named);
  const stack = await stackInUse(words, given);
  if (stack === undefined) return runAsItIs(parameters);
  if (operation === "cancel") requireNoLivingHolder(stackOperand(words).name ?? stack);
  if (extent !== "everything" && isLocal(stack)) await requireBootstrap("everything", console.error);
  return runOnStack(stack, line, parameters);
});
