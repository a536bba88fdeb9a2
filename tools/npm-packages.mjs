import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { layout, root } from "./checkout.mjs";
import { findCommand, runCommand } from "./command.mjs";
import { withExclusiveLock } from "./exclusive-lock.mjs";
import { PartFailure } from "./progress.mjs";
import { Problem } from "./problem.mjs";

/**
 * @typedef {{ packages?: Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }> }} PackageLock
 */

/**
 * True if what npm installed is what the lock asks for. npm writes the lock of what it installed last of all, so an
 * installation that was interrupted has none.
 *
 * @param {PackageLock} wanted package-lock.json
 * @param {PackageLock | undefined} installed node_modules/.package-lock.json
 */
export function matchesLock(wanted, installed) {
  if (installed?.packages === undefined) return false;
  for (const [location, entry] of Object.entries(wanted.packages ?? {})) {
    if (location === "") continue;
    const found = installed.packages[location];
    // Packages for other systems are in the lock and not on the disk.
    if (found === undefined && (entry.optional === true || entry.devOptional === true)) continue;
    if (found === undefined || found.version !== entry.version || found.integrity !== entry.integrity) return false;
  }
  return Object.keys(installed.packages).every((location) => wanted.packages?.[location] !== undefined);
}

/**
 * @param {string} file
 * @returns {PackageLock | undefined}
 */
function readLock(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

const isInstalled = () =>
  matchesLock(
    readLock(path.join(root, "package-lock.json")) ?? {},
    readLock(path.join(root, "node_modules", ".package-lock.json")),
  );

/** The packages of package-lock.json. @type {import("./progress.mjs").Part} */
export const npmPackages = {
  name: "npm packages",
  isDone: async () => isInstalled(),
  expect: () => ({ what: "npm ci", seconds: 15 }),
  run: ({ logFile, report }) =>
    withExclusiveLock(
      path.join(layout.locks, "npm"),
      async (environment) => {
        if (isInstalled()) return "done by another process";
        const npm = findCommand("npm");
        if (npm === undefined) {
          throw new Problem("npm is not on PATH.", [
            "It comes with Node: https://nodejs.org (on Debian: apt-get install npm)",
          ]);
        }
        // The log level is given because `npm --silent run …` hands its own to every npm below it.
        const { status, output } = await runCommand(npm, ["ci", "--loglevel=notice", "--prefer-offline"], {
          cwd: root,
          environment,
          logFile,
        });
        if (status !== 0) {
          // npm says what is wrong first, and then how it is used.
          const errors = output.split("\n").filter((line) => /^npm (?:error|ERR!) \S/.test(line));
          throw new PartFailure(`npm ci failed (exit status ${status}):`, errors.slice(0, 12).join("\n"));
        }
        return undefined;
      },
      (holder) => report(`waiting for process ${holder}, which is doing it`),
    ),
};
