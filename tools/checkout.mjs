import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Where things lie on this machine; the table is in docs/contracts.md. */

/** Top folder of the checkout. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const state = path.join(root, ".posttraining");

export const layout = {
  state,
  /** `uv`, the object store's server and the engine: found, or linked, here. */
  tools: path.join(state, "tools"),
  logs: path.join(state, "logs"),
  python: path.join(state, "python"),
  pulumiHome: path.join(state, "pulumi", "home"),
  pulumiState: path.join(state, "pulumi", "state"),
  passphrase: path.join(state, "pulumi", "passphrase"),
  /** Encryption salts of the stacks, and their configuration files with the salt filled in. */
  stackConfiguration: path.join(state, "pulumi", "configuration"),
  locks: path.join(state, "locks"),
  /** Folder whose `pulumi` is this project's (tools/pulumi.mjs). */
  commands: path.join(root, "tools", "bin"),
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
    processes: path.join(directory, "processes"),
    runs: path.join(directory, "runs"),
    cache: path.join(directory, "cache"),
  };
}

/**
 * Per-user folder for tools that are built or downloaded once and shared by all checkouts.
 *
 * @param {NodeJS.ProcessEnv} [environment]
 * @param {NodeJS.Platform} [platform]
 */
export function cacheDirectory(environment = process.env, platform = process.platform) {
  if (environment.POSTTRAINING_CACHE) return path.resolve(environment.POSTTRAINING_CACHE);
  if (environment.XDG_CACHE_HOME) return path.join(environment.XDG_CACHE_HOME, "posttraining");
  const caches = platform === "darwin" ? path.join("Library", "Caches") : ".cache";
  return path.join(environment.HOME ?? homedir(), caches, "posttraining");
}
