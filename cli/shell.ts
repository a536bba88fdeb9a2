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

const usage = "npm run shell -- <stack> [--print | -- <command>]";

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

void runMain(async () => {
  const parameters = process.argv.slice(2);
  const print = parameters[1] === "--print";
  const stack = parameters[0];
  if (stack === "--help" || stack === "-h") {
    console.log(`Usage: ${usage}`);
    return 0;
  }
  const command = parameters[1] === "--" ? parameters.slice(2) : [];
  if (stack === undefined || stack.startsWith("-") || (parameters.length > (print ? 2 : 1) && command.length === 0)) {
    throw new Problem(`Usage: ${usage}`, [
      'For example: npm run shell -- local, or in the shell that you have: eval "$(npm run -s shell -- local --print)"',
    ]);
  }
  requireStack(stack);
  if (!existsSync(committedFile(stack)))
    throw new Problem(`There is no stack ${stack}: ${committedFile(stack)} does not exist.`);
  await requireBootstrap(isLocal(stack) ? "everything" : "infrastructure", console.error);
  // A shell makes nothing: it may be opened to look at what an interrupted command has left.
  const isUp = readState(stack) !== undefined;
  if (!isUp)
    console.error(`Stack ${stack} is not there: nothing of it is set up. npm run pulumi -- up -s ${stack} makes it.`);
  const outputs = isUp ? await readStackOutputs(stack) : undefined;
  const access = outputs?.kind === "platform" ? clusterAccess(outputs) : noCluster;
  const own = isLocal(stack) ? withoutAws(pulumiEnvironment()) : pulumiEnvironment();
  const environment: NodeJS.ProcessEnv = {
    ...withPython({ ...own, ...(isLocal(stack) ? clientCache(stack) : {}), ...stackVariables(outputs) }),
    PYTHONPATH: layout.flows,
    ...kubeconfigVariables(stack, access),
    PULUMI_STACK: stack,
  };
  if (print) {
    console.log(exportLines(process.env, environment).join("\n"));
    const commands = portForwardCommands(access);
    if (commands.length > 0) console.error(["The services are reached while these run:", ...commands].join("\n"));
    return 0;
  }
  const shell = process.env.SHELL ?? "/bin/sh";
  const { parameters: startUpParameters, variables } = startUp(shell);
  const known = (process.env.PATH ?? "").split(path.delimiter);
  const added = (environment.PATH ?? "").split(path.delimiter).filter((entry) => !known.includes(entry));
  const interactive = command.length === 0;
  const forwarding = await forward(stack, access, environment, interactive);
  if (interactive) {
    console.error(
      `Shell for stack ${stack}: pulumi, python (${pythonOf("train")}) and Metaflow are set up. Leave with exit.`,
    );
    if (
      environment.OPENAI_BASE_URL !== undefined &&
      outputs?.kind === "local" &&
      outputs.endpointEnvironment !== null
    ) {
      console.error(`The endpoint is $OPENAI_BASE_URL (${environment.OPENAI_BASE_URL}), its key $OPENAI_API_KEY.`);
    }
  }
  const [file = shell, ...rest] = interactive ? [shell, ...startUpParameters] : command;
  const child = spawn(file, rest, {
    stdio: "inherit",
    env: {
      ...environment,
      ...(interactive ? { ...variables, POSTTRAINING_PATH: added.join(path.delimiter) } : {}),
    },
  });
  // The handlers of earlier commands (command.mjs) would end this process, and with it the forwarding, before its child.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    // Ctrl-C reaches the child from the terminal as well.
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", () => {
      reject(new Problem(`${file} cannot be started.`));
    });
    child.once("close", (status, signal) => {
      resolve(exitStatus(status, signal));
    });
  });
  return ended.finally(forwarding.end);
});
