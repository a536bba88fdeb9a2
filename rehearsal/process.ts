import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { layout } from "../machine/checkout.mjs";
import { endProcessesOf, ownerVariable } from "../machine/folderUsers";

/** A program that works in a folder of its own, and of which nothing lives on. */

export interface Program {
  /** The program and what it is told. */
  readonly command: readonly string[];
  /** Folder that it works in; processes are known by it. */
  readonly folder: string;
  /** Gets all of its output, as it comes. */
  readonly logFile: string;
  /** Told each line of its standard output. */
  readonly onLine: (line: string) => void;
  /** Ends it, with all that it has started. */
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
}

/** How a program has ended. */
export interface ProgramEnd {
  /** Null: it could not be started, or a signal has ended it. */
  readonly status: number | null;
  /** Its last lines of output. */
  readonly lines: readonly string[];
}

const lastLines = 25;

/**
 * Runs a program to its end, beside the flows. Whatever it has started is ended with it.
 *
 * @throws the reason of the signal where that has ended it.
 */
export async function runProgram(program: Program): Promise<ProgramEnd> {
  const { folder, signal } = program;
  const end = (): Promise<unknown> => endProcessesOf(folder);
  // An earlier one whose caller was killed.
  await end();
  signal.throwIfAborted();
  const log = createWriteStream(program.logFile, { flags: "a", mode: 0o600 });
  const lines: string[] = [];
  const [file = "", ...parameters] = program.command;
  const child = spawn(file, parameters, {
    cwd: layout.flows,
    env: environmentOf(program),
    // Ctrl-C in a terminal is the caller's: it ends the program by the signal.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const keep = (line: string): void => {
    log.write(`${line}\n`);
    lines.push(line);
    if (lines.length > lastLines) lines.shift();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    keep(line);
    program.onLine(line);
  });
  createInterface({ input: child.stderr }).on("line", keep);
  let ending: Promise<unknown> | undefined;
  const cancel = (): void => {
    ending ??= end();
  };
  signal.addEventListener("abort", cancel);
  try {
    const status = await new Promise<number | null>((resolve) => {
      child.once("error", (error) => {
        keep(error.message);
        resolve(null);
      });
      child.once("close", resolve);
    });
    await (ending ?? end());
    signal.throwIfAborted();
    return { status, lines };
  } finally {
    signal.removeEventListener("abort", cancel);
    log.end();
  }
}

/** A person's settings of Python and of Metaflow would lead elsewhere. */
function environmentOf({ environment, folder }: Program): NodeJS.ProcessEnv {
  const own = Object.entries(environment).filter(
    ([name]) => !/^(?:PYTHON|METAFLOW_|POSTTRAINING_DIRECTORY)/.test(name),
  );
  return { ...Object.fromEntries(own), PYTHONUTF8: "1", PYTHONUNBUFFERED: "1", [ownerVariable]: folder };
}
