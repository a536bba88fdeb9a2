import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { thisMachine, usableHome } from "./home.mjs";

/**
 * The environment of what this project starts: the same whatever shell it is started from. Plain Node without packages: the
 * set-up needs it before there are any. flows/posttraining/driver/environment.py is its counterpart for runs.
 */

const loopback = ["127.0.0.1", "localhost", "::1"];

/** Each program reads one or both spellings; gRPC for Node prefers its own (`getNoProxyHostList` of @grpc/grpc-js). */
const noProxyVariables = ["no_proxy", "NO_PROXY", "no_grpc_proxy"];

/**
 * Variables with which traffic to this machine goes through no proxy, whatever proxies are set: engine, provider, store and
 * endpoint talk to each other over it.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Record<string, string>}
 */
export function directLoopback(environment) {
  const listed = noProxyVariables.flatMap((name) => (environment[name] ?? "").split(","));
  const hosts = [...listed, ...loopback].map((host) => host.trim()).filter((host) => host !== "");
  const value = [...new Set(hosts)].join(",");
  // "Through no proxy at all" is understood by most only where it stands alone, and by gRPC for Node not at all.
  const forMost = hosts.includes("*") ? "*" : value;
  return { no_proxy: forMost, NO_PROXY: forMost, no_grpc_proxy: value };
}

/**
 * Settings of a person's shell for other programs, which would change or break ours: options for every Node, folders from which
 * Python imports before its own, another project's compiler options.
 *
 * @param {string} name
 */
const isForeign = (name) => /^(?:NODE_OPTIONS|NODE_PATH|VIRTUAL_ENV|TS_NODE_.*|PYTHON.*)$/.test(name);

/**
 * True for a folder in which something can be written.
 *
 * @param {string | undefined} folder
 */
export const isUsableFolder = (folder) =>
  folder !== undefined && path.isAbsolute(folder) && thisMachine.isFolder(folder) && thisMachine.isWritable(folder);

/**
 * A home that can be written to: the variable's, else the user's own, else a folder of this project.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} instead made when it is needed
 */
function homeOf(environment, instead) {
  const home = usableHome("", environment);
  if (home === undefined) mkdirSync(instead, { recursive: true, mode: 0o700 });
  return home ?? instead;
}

/**
 * A copy of an environment without what would change what is started in it. A folder for short-lived files or a home that
 * cannot be written to is replaced.
 *
 * @param {NodeJS.ProcessEnv} base
 * @param {string} homeInstead folder to use where there is no usable home
 * @returns {NodeJS.ProcessEnv}
 */
export function neutralEnvironment(base, homeInstead) {
  /** @type {NodeJS.ProcessEnv} */
  const environment = Object.fromEntries(Object.entries(base).filter(([name]) => !isForeign(name)));
  for (const name of ["TMPDIR", "TMP", "TEMP"]) if (!isUsableFolder(environment[name])) delete environment[name];
  return {
    ...environment,
    ...directLoopback(environment),
    HOME: homeOf(environment, homeInstead),
    PYTHONUTF8: "1",
    PYTHONNOUSERSITE: "1",
  };
}

/**
 * Without what names a person's own AWS account, for stacks that have a store of their own.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutAws(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("AWS_")));
}

/**
 * Makes this process's own environment neutral, for all that it starts from then on.
 *
 * @param {string} homeInstead
 */
export function neutralizeOwnEnvironment(homeInstead) {
  const neutral = neutralEnvironment(process.env, homeInstead);
  for (const name of Object.keys(process.env)) if (!(name in neutral)) delete process.env[name];
  Object.assign(process.env, neutral);
}
