import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import { withoutAws } from "../machine/environment.mjs";
import { layout, pythonOf } from "../machine/checkout.mjs";
import { exitStatus } from "../setup/command.mjs";
import { pulumiEnvironment, withPython } from "../setup/environment.mjs";
import { Problem, runMain } from "../setup/problem.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import {
  clusterAccess,
  type ClusterAccess,
  type Forwarding,
  kubeconfigVariables,
  noCluster,
  portForwardCommands,
  startPortForwards,
} from "./portForwards";
import { readShellArguments, usage } from "./shellArguments";
import { clientCache, exportLines, stackVariables } from "./shellEnvironment";
import { committedFile, isLocal } from "./stackConfiguration";
import { requireStack } from "./stackName";
import { readStackOutputs } from "./stackOutputs";
import { readState } from "./stackState";

/**
 * `npm run shell -- <stack>`: a shell in which `pulumi` works on this checkout's stacks and `python` has Metaflow set up for
 * the stack; services of a stack in a cluster are forwarded to this machine while it is open. `--print` prints lines to evaluate
 * instead: eval "$(npm run -s shell -- local --print)".
 */

/**
 * Start-up files make a search path of their own. This has them run and then puts this project's folders first again.
 *
 * @param shell path of the user's shell
 */
function startUp(shell: string): { parameters: string[]; variables: NodeJS.ProcessEnv } {
  const directory = path.join(layout.state, "shell");
  const again = 'export PATH="$POSTTRAINING_PATH:$PATH"\n';
  switch (path.basename(shell)) {
    case "bash": {
      const file = path.join(directory, "bashrc");
      mkdirSync(directory, { recursive: true });
      writeFileSync(file, `[ -f ~/.bashrc ] && . ~/.bashrc\n${again}PS1="($PULUMI_STACK) $PS1"\n`);
      return { parameters: ["--rcfile", file, "-i"], variables: {} };
    }
    case "zsh": {
      mkdirSync(directory, { recursive: true });
      const home = process.env.ZDOTDIR ?? homedir();
      writeFileSync(
        path.join(directory, ".zshrc"),
        `ZDOTDIR='${home.replaceAll("'", String.raw`'\''`)}'\n[ -f "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"\n${again}PS1="($PULUMI_STACK) $PS1"\n`,
      );
      return { parameters: ["-i"], variables: { ZDOTDIR: directory } };
    }
    default:
      return { parameters: [], variables: {} };
  }
}

/**
 * Forwards the stack's services. A person gets a shell without them, too: it may be what mends them. A command would only fail later.
 */
async function forward(
  stack: string,
  access: ClusterAccess,
  environment: NodeJS.ProcessEnv,
  interactive: boolean,
): Promise<Forwarding> {
  try {
    return await startPortForwards({ stack, access, environment, print: console.error, interactive });
  } catch (error) {
    if (!interactive || !(error instanceof Problem)) throw error;
    console.error(`\n${error.message}\nThe shell opens without the services of the cluster.\n`);
    return { end: () => Promise.resolve() };
  }
}

type Outputs = Awaited<ReturnType<typeof readStackOutputs>>;

/** @throws {Problem} */
function requireCommittedStack(stack: string): void {
  requireStack(stack);
  if (!existsSync(committedFile(stack)))
    throw new Problem(`There is no stack ${stack}: ${committedFile(stack)} does not exist.`);
}

/** The stack's outputs. A shell makes nothing: it may be opened to look at what an interrupted command has left. */
async function outputsOf(stack: string): Promise<Outputs> {
  if (readState(stack) !== undefined) return readStackOutputs(stack);
  console.error(`Stack ${stack} is not there: nothing of it is set up. npm run pulumi -- up -s ${stack} makes it.`);
  return undefined;
}

/** The environment of what runs in the shell. */
function shellEnvironment(stack: string, outputs: Outputs, access: ClusterAccess): NodeJS.ProcessEnv {
  const own = isLocal(stack) ? withoutAws(pulumiEnvironment()) : pulumiEnvironment();
  return {
    ...withPython({ ...own, ...(isLocal(stack) ? clientCache(stack) : {}), ...stackVariables(outputs) }),
    PYTHONPATH: layout.flows,
    ...kubeconfigVariables(stack, access),
    PULUMI_STACK: stack,
  };
}

/** Standard output is what the shell that asks evaluates; what a person is to read goes beside it. */
function printLines(environment: NodeJS.ProcessEnv, access: ClusterAccess): void {
  console.log(exportLines(process.env, environment).join("\n"));
  const commands = portForwardCommands(access);
  if (commands.length > 0) console.error(["The services are reached while these run:", ...commands].join("\n"));
}

interface Program {
  readonly file: string;
  readonly parameters: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** The user's own shell, which keeps this project's folders first. */
function userShell(environment: NodeJS.ProcessEnv): Program {
  const file = process.env.SHELL ?? "/bin/sh";
  const { parameters, variables } = startUp(file);
  const known = (process.env.PATH ?? "").split(path.delimiter);
  const added = (environment.PATH ?? "").split(path.delimiter).filter((entry) => !known.includes(entry));
  return {
    file,
    parameters,
    environment: { ...environment, ...variables, POSTTRAINING_PATH: added.join(path.delimiter) },
  };
}

/** Says to a person what the shell has. */
function greet(stack: string, outputs: Outputs, { OPENAI_BASE_URL: endpoint }: NodeJS.ProcessEnv): void {
  console.error(
    `Shell for stack ${stack}: pulumi, python (${pythonOf("train")}) and Metaflow are set up. Leave with exit.`,
  );
  if (endpoint !== undefined && outputs?.kind === "local" && outputs.endpointEnvironment !== null)
    console.error(`The endpoint is $OPENAI_BASE_URL (${endpoint}), its key $OPENAI_API_KEY.`);
}

/**
 * Runs a program in this terminal, until it ends.
 *
 * @returns exit status
 */
function runHere({ file, parameters, environment }: Program): Promise<number> {
  const child = spawn(file, parameters, { stdio: "inherit", env: environment });
  // The handlers of earlier commands (command.mjs) would end this process, and with it the forwarding, before its child.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    // Ctrl-C reaches the child from the terminal as well.
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once("error", () => {
      reject(new Problem(`${file} cannot be started.`));
    });
    child.once("close", (status, signal) => {
      resolve(exitStatus(status, signal));
    });
  });
}

void runMain(async () => {
  const wanted = readShellArguments(process.argv.slice(2));
  if (wanted === "help") {
    console.log(`Usage: ${usage}`);
    return 0;
  }
  const { stack, print, command } = wanted;
  requireCommittedStack(stack);
  await requireBootstrap(isLocal(stack) ? "everything" : "infrastructure", console.error);
  const outputs = await outputsOf(stack);
  const access = outputs?.kind === "platform" ? clusterAccess(outputs) : noCluster;
  const environment = shellEnvironment(stack, outputs, access);
  if (print) {
    printLines(environment, access);
    return 0;
  }
  const shell = userShell(environment);
  const [file, ...parameters] = command;
  const interactive = file === undefined;
  const forwarding = await forward(stack, access, environment, interactive);
  if (interactive) greet(stack, outputs, environment);
  return runHere(interactive ? shell : { file, parameters, environment }).finally(forwarding.end);
});
