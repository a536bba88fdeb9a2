import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { cacheDirectory } from "./checkout.mjs";
import { withExclusiveLock } from "./exclusive-lock.mjs";
import { Problem } from "./problem.mjs";

/**
 * Tools that are downloaded or built once per user and version, and then shared by all checkouts. A tool's folder appears
 * in one step when it is complete, so that neither an interruption nor two commands at once can leave half of one.
 */

/** @param {{ name: string, version: string }} tool */
export function cachedTool({ name, version }) {
  return path.join(cacheDirectory(), `${name}-${version}-${process.platform}-${process.arch}`);
}

/**
 * @param {object} tool
 * @param {string} tool.name
 * @param {string} tool.version
 * @param {(staging: string, environment: NodeJS.ProcessEnv) => Promise<string | undefined>} tool.make fills an empty folder
 * @param {(holder: number) => void} onWait told when another command is making the tool
 * @returns {Promise<string | undefined>} what `make` remarked
 */
export function makeCachedTool({ name, version, make }, onWait) {
  const directory = cachedTool({ name, version });
  const staging = `${directory}.partial`;
  return withExclusiveLock(
    `${directory}.lock`,
    async (environment) => {
      if (existsSync(directory)) return "done by another process";
      rmSync(staging, { recursive: true, force: true });
      mkdirSync(staging, { recursive: true });
      try {
        const remark = await make(staging, environment);
        for (const entry of readdirSync(staging)) chmodSync(path.join(staging, entry), 0o755);
        renameSync(staging, directory);
        return remark;
      } finally {
        rmSync(staging, { recursive: true, force: true });
      }
    },
    onWait,
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
