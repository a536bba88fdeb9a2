import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { thisMachine, usableHome } from "./home.mjs";

/** Where things lie on this machine; the table is in docs/contracts.md. */

/** Top folder of the checkout. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const state = path.join(root, ".posttraining");

export const layout = {
  state,
  /** `uv`, the object store's server and the engine: found, or linked, here. */
  tools: path.join(state, "tools"),
  logs: path.join(state, "logs"),
  /** Commands as JavaScript (setup/run.mjs). */
  compiled: path.join(state, "compiled"),
  python: path.join(state, "python"),
  pulumiHome: path.join(state, "pulumi", "home"),
  pulumiState: path.join(state, "pulumi", "state"),
  passphrase: path.join(state, "pulumi", "passphrase"),
  /** Encryption salts of the stacks, and their configuration files with the salt filled in. */
  stackConfiguration: path.join(state, "pulumi", "configuration"),
  locks: path.join(state, "locks"),
  /** What rehearsals of recipes proved (rehearsal/records.ts), and their folders of work. */
  rehearsals: path.join(state, "rehearsals"),
  /** Folder whose `pulumi` is this project's (cli/pulumi.ts). */
  commands: path.join(root, "cli", "bin"),
  flows: path.join(root, "flows"),
};

/** @typedef {"train" | "serve" | "aws"} PythonEnvironment flows and training; the model server; what stands in for AWS in tests */

/** @param {PythonEnvironment} environment */
export const pythonDirectory = (environment) => path.join(layout.python, environment);

/** @param {PythonEnvironment} environment */
export const pythonOf = (environment) => path.join(pythonDirectory(environment), "bin", "python");

/**
 * Folders of one local stack.
 *
 * @param {string} stack
 */
export function stackLayout(stack) {
  const directory = path.join(state, "stacks", stack);
  return {
    directory,
    store: path.join(directory, "store"),
    metaflow: path.join(directory, "metaflow"),
    processes: path.join(directory, "processes"),
    runs: path.join(directory, "runs"),
    cache: path.join(directory, "cache"),
    rehearsals: path.join(directory, "rehearsals"),
  };
}

/**
 * Per-user folder for tools that are built or downloaded once and shared by all checkouts: POSTTRAINING_CACHE, else below
 * XDG_CACHE_HOME, else below the home: HOME, or the password database's where HOME is not a folder that can be written to.
 * A user without a home gets a folder of this checkout.
 *
 * @param {NodeJS.ProcessEnv} [environment]
 * @param {NodeJS.Platform} [platform]
 * @param {import("./home.mjs").Machine} [machine]
 * @returns {string} absolute; need not exist yet
 */
export function cacheDirectory(environment = process.env, platform = process.platform, machine = thisMachine) {
  if (environment.POSTTRAINING_CACHE) return path.resolve(environment.POSTTRAINING_CACHE);
  const shared = environment.XDG_CACHE_HOME;
  // One that is relative is to be ignored (https://specifications.freedesktop.org/basedir-spec/latest).
  if (shared !== undefined && path.isAbsolute(shared)) return path.join(shared, "posttraining");
  const cache = path.join(platform === "darwin" ? path.join("Library", "Caches") : ".cache", "posttraining");
  const home = usableHome(cache, environment, machine);
  return home === undefined ? path.join(state, "cache") : path.join(home, cache);
}
