import { hostname } from "node:os";
import * as path from "node:path";
import { root } from "../machine/checkout.mjs";
import { runCommand } from "../setup/command.mjs";
import { pulumiEnvironment } from "../setup/environment.mjs";
import { runMain } from "../setup/problem.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import { isDeployment, withPolicies } from "./policies";
import { projectFolder } from "./projectFolder";
import { readPulumiArguments } from "./pulumiArguments";
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
 * The stack that a command works on.
 *
 * @param named by `--stack`
 */
async function stackInUse(named: string | undefined): Promise<string | undefined> {
  const given = named ?? process.env.PULUMI_STACK;
  if (given) return given;
  const { status, output } = await runCommand(pulumiCommand, ["stack", "--show-name", "--non-interactive"], {
    environment: pulumiEnvironment(),
    cwd: root,
    stdoutOnly: true,
  });
  return status === 0 ? output.trim() : undefined;
}

/**
 * Refuses a name that is none of a stack, before Pulumi or this project makes a path of it.
 *
 * @param named by `--stack`
 * @throws {Problem}
 */
function checkNames([command, subcommand, third]: readonly string[], named: string | undefined): void {
  const given = named ?? process.env.PULUMI_STACK;
  const isNew = command === "stack" && ["init", "new", "rename"].includes(subcommand ?? "");
  const isOld = command === "stack" && ["rm", "remove", "delete", "select"].includes(subcommand ?? "");
  if (isNew && (third ?? given)) requireStackName(third ?? given ?? "");
  else if (isOld && third !== undefined) requireStack(third);
  else if (command === "cancel" && subcommand !== undefined) requireStack(subcommand);
  else if (given) requireStack(given);
}

/**
 * Taking the lock from a command that lives lets the next one work on the same state beside it.
 *
 * @param stack @throws {Problem}
 */
function requireNoLivingHolder(stack: string): void {
  const here = stackLocks(stack).held.filter((lock) => lock.hostname === hostname());
  if (here.length > 0) throw lockProblem(stack, here, hostname());
}

/** Commands that Pulumi refuses, or warns about at each one, while something of an interrupted one is left. */
const changesState = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "down", "dn"]);

void runMain(async () => {
  const parameters = process.argv.slice(2);
  const { words, stack: named, directory, flags } = readPulumiArguments(parameters);
  // Another project's stacks are its own: those outside of the checkout, and those of its examples.
  const elsewhere = projectFolder(path.resolve(directory ?? ".")) !== root;
  const [command, subcommand] = words;
  // An explanation is about no stack, and what follows a command that has done something must not follow it.
  if (flags.includes("--help") || flags.includes("-h")) {
    await requireBootstrap("infrastructure", console.error);
    return pulumiInTerminal("", parameters, { cwd: process.cwd(), environment: pulumiEnvironment() });
  }
  if (!elsewhere) checkNames(words, named);
  const given = named ?? process.env.PULUMI_STACK;
  const extent = !elsewhere && given && isLocal(given) ? "everything" : "infrastructure";
  // Standard output belongs to Pulumi: it may be JSON that another program reads.
  await requireBootstrap(extent, console.error);
  // `config` is for the committed file itself.
  if (elsewhere || command === undefined || command === "config") {
    return pulumiInTerminal(named ?? "", parameters, { cwd: process.cwd(), environment: pulumiEnvironment() });
  }
  const isInitialization = command === "stack" && (subcommand === "init" || subcommand === "new");
  const isRemoval = command === "stack" && (subcommand === "rm" || subcommand === "remove" || subcommand === "delete");
  const stack = (isInitialization || isRemoval ? words[2] : undefined) ?? (await stackInUse(named));
  if (stack === undefined)
    return pulumiInTerminal("", parameters, { cwd: process.cwd(), environment: pulumiEnvironment() });
  if (command === "cancel") requireNoLivingHolder(subcommand ?? stack);
  if (extent !== "everything" && isLocal(stack)) await requireBootstrap("everything", console.error);
  if (isInitialization && flags.every((flag) => flag === "--non-interactive") && needsInitialization(stack)) {
    await ensureStack(stack);
    return pulumiInTerminal(stack, ["stack", "select", stack], { cwd: process.cwd() });
  }
  if (isDeployment(command) && needsInitialization(stack)) await ensureStack(stack);
  // A preview takes no lock, and none keeps it from running.
  const isPreview = command === "preview" || command === "pre";
  const mayRecover = changesState.has(command) && !(isPreview && stackLocks(stack).held.length > 0);
  if (mayRecover && isLocal(stack) && readState(stack) !== undefined) await recoverStack(stack, console.error);
  const status = await pulumiInTerminal(stack, withPolicies(stack, command, parameters), { cwd: process.cwd() });
  const isWhole =
    (command === "up" || command === "update") && !flags.some((flag) => /^(?:-t|--(?:target|exclude).*)$/.test(flag));
  if (status === 0 && isWhole && isLocal(stack)) await endStrayRuns(stack, console.error);
  if (status === 0 && (isRemoval || (command === "destroy" && flags.includes("--remove")))) forgetSalt(stack);
  return status;
});
