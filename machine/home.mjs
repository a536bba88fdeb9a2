import { accessSync, constants, existsSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import process from "node:process";

/** The user's home, where HOME cannot be relied on: in containers and services it is often unset, or names a folder that is not there. */

/**
 * @typedef {object} Machine
 * @property {(folder: string) => boolean} isFolder
 * @property {(folder: string) => boolean} isWritable
 * @property {() => string | undefined} passwordHome home of this user in the password database
 */

/** @param {string} folder */
export function isFolder(folder) {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/** @type {Machine} */
export const thisMachine = {
  isFolder,
  /** A folder that is not there yet is as writable as the one that it would be made in. */
  isWritable(folder) {
    let existing = folder;
    while (!existsSync(existing) && path.dirname(existing) !== existing) existing = path.dirname(existing);
    try {
      accessSync(existing, constants.W_OK | constants.X_OK);
      return isFolder(existing);
    } catch {
      return false;
    }
  },
  passwordHome() {
    try {
      return userInfo().homedir;
    } catch {
      // A user id without an entry.
      return undefined;
    }
  },
};

/**
 * The first of HOME and the password database's home that is a folder and in which `needed` can be written.
 *
 * @param {string} needed path below the home, for example `.cache`
 * @param {NodeJS.ProcessEnv} [environment]
 * @param {Machine} [machine]
 * @returns {string | undefined} absolute; undefined when there is none
 */
export function usableHome(needed, environment = process.env, machine = thisMachine) {
  return [environment.HOME, machine.passwordHome()].find(
    (home) =>
      home !== undefined &&
      path.isAbsolute(home) &&
      machine.isFolder(home) &&
      machine.isWritable(path.join(home, needed)),
  );
}
