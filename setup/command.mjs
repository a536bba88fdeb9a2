import { spawn } from "node:child_process";
import { accessSync, constants as accessModes, createWriteStream, mkdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/** Children without a terminal that run now. @type {Set<ChildProcess>} */
const inBackground = new Set();
/** The child that has the terminal. @type {ChildProcess | undefined} */
let inTerminal;
let handlesSignals = false;

/** Whoever ends this process ends its children too. One that has the terminal winds down by itself; it is waited for. */
function handleSignals() {
  if (handlesSignals) return;
  handlesSignals = true;
  for (const [signal, status] of /** @type {const} */ ([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])) {
    process.on(signal, () => {
      for (const child of inBackground) {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
        } catch {
          // It ended in between.
        }
      }
      if (inTerminal === undefined) process.exit(status);
      // Ctrl-C reaches the child from the terminal as well.
      if (signal !== "SIGINT") inTerminal.kill(signal);
    });
  }
}

/**
 * The exit status that a shell gives for how a process has ended.
 *
 * @param {number | null} status
 * @param {NodeJS.Signals | null} signal that has ended it
 */
export const exitStatus = (status, signal) => status ?? (signal === null ? 1 : 128 + constants.signals[signal]);

/**
 * @typedef {object} Outcome
 * @property {number} status exit status; 127 when the command could not be started, 124 when it ran out of time
 * @property {string} output standard output and standard error, the last 100,000 characters
 */

/**
 * Runs a command to its end without a terminal.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.environment]
 * @param {string} [options.input] standard input
 * @param {string} [options.logFile] also gets the output; made anew
 * @param {(line: string) => void} [options.onLine] told each line of output as it comes
 * @param {number} [options.timeoutSeconds]
 * @param {boolean} [options.stdoutOnly] keep standard error out of `output`
 * @returns {Promise<Outcome>}
 */
export function runCommand(command, parameters, options = {}) {
  handleSignals();
  return new Promise((resolve) => {
    if (options.logFile !== undefined) mkdirSync(path.dirname(options.logFile), { recursive: true });
    const log = options.logFile === undefined ? undefined : createWriteStream(options.logFile);
    let output = "";
    let timedOut = false;
    const child = spawn(command, parameters, {
      cwd: options.cwd,
      env: options.environment ?? process.env,
      // A group of its own: what it starts ends with it.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    inBackground.add(child);
    const timer =
      options.timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
          }, options.timeoutSeconds * 1000);
    child.stdin.on("error", () => {
      // A child that does not read its input may close it.
    });
    child.stdin.end(options.input ?? "");
    for (const [stream, kept] of /** @type {const} */ ([
      [child.stdout, true],
      [child.stderr, options.stdoutOnly !== true],
    ])) {
      stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
        log?.write(text);
        if (kept) output = (output + text).slice(-100_000);
      });
      if (options.onLine !== undefined) createInterface({ input: stream }).on("line", options.onLine);
    }
    /** @param {number} status */
    const finish = (status) => {
      clearTimeout(timer);
      inBackground.delete(child);
      if (log === undefined) resolve({ status, output });
      else log.end(() => resolve({ status, output }));
    };
    child.once("error", (error) => {
      output += `${error.message}\n`;
      finish(127);
    });
    child.once("close", (status, signal) => {
      if (child.pid === undefined) return;
      if (timedOut) output += `\nstopped after ${options.timeoutSeconds} s\n`;
      else if (signal !== null) output += `\nended by ${signal}\n`;
      finish(timedOut ? 124 : (status ?? 1));
    });
  });
}

/**
 * Runs a command in the user's terminal, so that it can show progress and be interrupted there.
 *
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {{ cwd?: string, environment?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ status: number, errors: string }>} `errors`: what it wrote to standard error
 */
export function runInTerminal(command, parameters, options = {}) {
  handleSignals();
  return new Promise((resolve) => {
    let errors = "";
    const child = spawn(command, parameters, {
      cwd: options.cwd,
      env: options.environment ?? process.env,
      stdio: ["inherit", "inherit", "pipe"],
    });
    inTerminal = child;
    child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      process.stderr.write(text);
      errors = (errors + text).slice(-100_000);
    });
    /** @param {number} status */
    const finish = (status) => {
      inTerminal = undefined;
      resolve({ status, errors });
    };
    child.once("error", (error) => {
      errors += error.message;
      process.stderr.write(`${error.message}\n`);
      finish(127);
    });
    child.once("close", (status, signal) => {
      if (child.pid !== undefined) finish(exitStatus(status, signal));
    });
  });
}

/**
 * Path of the first file with that name on PATH that may be executed.
 *
 * @param {string} name
 * @param {{ searchPath?: string, except?: readonly string[] }} [options] `except`: folders to leave out
 * @returns {string | undefined}
 */
export function findCommand(name, { searchPath = process.env.PATH ?? "", except = [] } = {}) {
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory === "" || except.includes(path.resolve(directory))) continue;
    const file = path.join(directory, name);
    if (isExecutable(file)) return file;
  }
  return undefined;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, accessModes.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The last lines of a text, for people.
 *
 * @param {string} text
 * @param {number} count
 */
export function lastLines(text, count) {
  return text.trimEnd().split("\n").slice(-count);
}
