import path from "node:path";
import process from "node:process";
import { layout } from "../machine/checkout.mjs";
import { isUsableFolder } from "../machine/environment.mjs";
import { usableHome } from "../machine/home.mjs";

/**
 * The environment of the commands that set up a checkout: what a person has set for other work must not change what is made.
 * Where things come from (proxies, mirrors, certificates, caches, credentials) stays theirs.
 */

/** Settings of npm that leave packages out, or make it do something else than install. */
const npmSettings = new Set([
  "also",
  "bin_links",
  "cpu",
  "dev",
  "dry_run",
  "global",
  "global_style",
  "include",
  "install_links",
  "install_strategy",
  "legacy_bundling",
  "legacy_peer_deps",
  "libc",
  "location",
  "omit",
  "only",
  "optional",
  "os",
  "package_lock",
  "package_lock_only",
  "production",
  "shrinkwrap",
  "workspace",
  "workspaces",
]);

/** Variables of uv that name another project or environment, or that contradict the options it is given. */
const uvVariables = new Set([
  "UV_DEV",
  "UV_FROZEN",
  "UV_ISOLATED",
  "UV_LOCKED",
  "UV_NO_DEFAULT_GROUPS",
  "UV_NO_DEV",
  "UV_NO_GROUP",
  "UV_NO_INSTALL_LOCAL",
  "UV_NO_INSTALL_PROJECT",
  "UV_NO_INSTALL_WORKSPACE",
  "UV_NO_SYNC",
  "UV_PROJECT",
  "UV_PROJECT_ENVIRONMENT",
  "UV_SYSTEM_PYTHON",
  "UV_WORKING_DIR",
  "UV_WORKING_DIRECTORY",
]);

/** Variables of pip that send packages elsewhere, or that contradict the options it is given. */
const pipVariables = new Set([
  "PIP_CONSTRAINT",
  "PIP_DRY_RUN",
  "PIP_EDITABLE",
  "PIP_NO_BINARY",
  "PIP_PREFIX",
  "PIP_REQUIREMENT",
  "PIP_REQUIRE_VIRTUALENV",
  "PIP_ROOT",
  "PIP_TARGET",
  "PIP_USER",
]);

const others = new Set(["NODE_ENV", "VIRTUAL_ENV", "CONDA_PREFIX", "TMP", "TEMP"]);

/** @param {string} name */
function isForeign(name) {
  // PYTHONHOME and PYTHONPATH above all: with another version's library, no interpreter starts.
  if (name.startsWith("PYTHON")) return true;
  const setting = /^npm_config_(.+)$/i.exec(name)?.[1]?.toLowerCase().replaceAll("-", "_");
  if (setting !== undefined) return npmSettings.has(setting);
  return uvVariables.has(name) || pipVariables.has(name) || others.has(name);
}

/**
 * @typedef {object} Folders
 * @property {(folder: string) => boolean} isUsable it is a folder in which something can be written
 * @property {string} home the home to use where HOME is not usable
 */

/**
 * @param {NodeJS.ProcessEnv} base
 * @param {Folders} folders
 * @returns {NodeJS.ProcessEnv} a copy
 */
export function setUpEnvironment(base, { isUsable, home }) {
  const environment = Object.fromEntries(Object.entries(base).filter(([name]) => !isForeign(name)));
  // Without TMPDIR, programs use the system's folder.
  if (environment.TMPDIR !== undefined && !isUsable(environment.TMPDIR)) delete environment.TMPDIR;
  if (!environment.HOME || !isUsable(environment.HOME)) environment.HOME = home;
  return { ...environment, PYTHONUTF8: "1" };
}

/**
 * The same for this machine.
 *
 * @param {NodeJS.ProcessEnv} [base]
 */
export function environmentHere(base = process.env) {
  return setUpEnvironment(base, {
    isUsable: isUsableFolder,
    home: usableHome("", base) ?? path.join(layout.state, "cache"),
  });
}
