import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { cacheDirectory } from "../machine/checkout.mjs";
import { thisMachine } from "../machine/home.mjs";
import { describeWait, withExclusiveLock } from "./exclusive-lock.mjs";
import { describeDamage, filesBelow, inspectFiles, writeList } from "./installed-files.mjs";
import { Problem } from "./problem.mjs";
import { environmentHere } from "./set-up-environment.mjs";

/**
 * Tools that are downloaded or built once per user and version, and then shared by all checkouts. A tool's folder appears
 * in one step when it is complete, so that neither an interruption nor two commands at once can leave half of one.
 */

/** @param {{ name: string, version: string }} tool */
export function cachedTool({ name, version }) {
  return path.join(cacheDirectory(), `${name}-${version}-${process.platform}-${process.arch}`);
}

/** List of the files of a tool, in its folder. */
const listName = ".installed-files";
/** The remark on a tool that need not be made. */
const found = "found in the per-user cache";

/**
 * @param {{ name: string, version: string }} tool
 * @returns {"whole" | "missing" | "unlisted" | ReadonlyMap<string, number>} `unlisted`: there is no list to compare with, as an
 *   earlier version of this project left it; else which files are missing or have another size
 */
export const stateOfCachedTool = (tool) => stateOf(cachedTool(tool));

/**
 * True if a folder that a checkout is linked to holds a tool and is whole, whichever cache it lies in: the cache goes with HOME, which
 * another shell may have elsewhere, and what is linked works all the same.
 *
 * @param {string | undefined} directory
 * @param {{ name: string, version: string }} tool
 */
export function isWholeTool(directory, tool) {
  if (directory === undefined || path.basename(directory) !== path.basename(cachedTool(tool))) return false;
  return stateOf(directory) === "whole";
}

/** @param {string} directory of a cached tool */
function stateOf(directory) {
  if (!existsSync(directory)) return "missing";
  const { of, damaged } = inspectFiles(path.join(directory, listName), directory);
  // A cache that cannot be written to is somebody else's care.
  if (of === undefined) return thisMachine.isWritable(directory) ? "unlisted" : "whole";
  return damaged.size === 0 ? "whole" : damaged;
}

/** @param {string} directory */
function listFiles(directory) {
  const files = filesBelow(directory, (name, folder) => folder === "" && name === listName);
  // Each file is its own owner: there are few, and people know them by name.
  writeList(
    path.join(directory, listName),
    directory,
    {},
    files.map((file) => ({ owner: file, files: [file] })),
  );
}

/**
 * @typedef {object} ToolMaker
 * @property {string} name
 * @property {string} version
 * @property {(staging: string, environment: NodeJS.ProcessEnv) => Promise<string | undefined>} make fills an empty folder; the
 *   result is a remark
 * @property {(directory: string) => Promise<string | undefined>} objectionTo why a tool without a list cannot be used;
 *   undefined when it works
 */

/**
 * Makes a tool, unless it is there and whole.
 *
 * @param {ToolMaker} tool
 * @param {Pick<import("./progress.mjs").PartContext, "report" | "doing">} context
 * @returns {Promise<string>} a remark
 */
export function ensureCachedTool({ name, version, make, objectionTo }, { report, doing }) {
  const directory = cachedTool({ name, version });
  const staging = `${directory}.partial`;
  // Nothing is written: the cache may be one that can only be read.
  if (stateOfCachedTool({ name, version }) === "whole") return Promise.resolve(found);
  return withExclusiveLock(
    `${directory}.lock`,
    async (variables) => {
      doing("looking at what is there");
      const state = stateOfCachedTool({ name, version });
      if (state === "whole") return found;
      if (state === "unlisted") {
        const objection = await objectionTo(directory);
        if (objection === undefined) {
          listFiles(directory);
          return found;
        }
        report(`${directory} cannot be used (${objection}): making it again`);
      } else if (state !== "missing") report(`${describeDamage(state)}: making ${directory} again`);
      rmSync(staging, { recursive: true, force: true });
      mkdirSync(staging, { recursive: true });
      try {
        const remark = await make(staging, environmentHere(variables));
        for (const entry of readdirSync(staging)) chmodSync(path.join(staging, entry), 0o755);
        listFiles(staging);
        rmSync(directory, { recursive: true, force: true });
        renameSync(staging, directory);
        return remark ?? "made";
      } finally {
        rmSync(staging, { recursive: true, force: true });
      }
    },
    (holder, seconds) => report(describeWait(holder, seconds, "is making it")),
  );
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * @param {string} directory
 * @param {number} freeBytes
 * @param {number} neededBytes
 * @param {string} purpose
 * @returns {Problem | undefined}
 */
export function diskSpaceProblem(directory, freeBytes, neededBytes, purpose) {
  if (freeBytes >= neededBytes) return undefined;
  return new Problem(
    `${directory} has ${formatBytes(freeBytes)} free; ${purpose} needs about ${formatBytes(neededBytes)}.`,
    [
      `Make room, or put the folder on another disk (for the per-user cache: POSTTRAINING_CACHE=/path npm run bootstrap).`,
    ],
  );
}

/**
 * @param {string} directory need not exist yet
 * @param {number} neededBytes
 * @param {string} purpose what the space is for, in the middle of a sentence
 * @throws {Problem} when the file system has less free space
 */
export function requireDiskSpace(directory, neededBytes, purpose) {
  let existing = directory;
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  const problem = diskSpaceProblem(existing, bavail * bsize, neededBytes, purpose);
  if (problem !== undefined) throw problem;
}
