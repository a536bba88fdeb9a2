import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setImmediate as breathe } from "node:timers/promises";
import { layout, root } from "../machine/checkout.mjs";
import { findCommand, runCommand } from "./command.mjs";
import { describeWait, withExclusiveLock } from "./exclusive-lock.mjs";
import { describeDamage, filesBelow, inspectFiles, readWhat, writeList } from "./installed-files.mjs";
import { PartFailure } from "./progress.mjs";
import { Problem } from "./problem.mjs";
import { environmentHere } from "./set-up-environment.mjs";
import { requireDiskSpace } from "./tool-cache.mjs";

/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {readonly string[]} [os]
 * @property {readonly string[]} [cpu]
 * @property {readonly string[]} [libc]
 *
 * @typedef {{ packages?: Record<string, LockedPackage> }} PackageLock
 */

/** @typedef {{ platform: string, architecture: string }} Machine */

/**
 * @param {readonly string[] | undefined} allowed for example `["darwin", "linux"]` or `["!win32"]`
 * @param {string} value
 */
function allows(allowed, value) {
  if (allowed === undefined || allowed.length === 0) return true;
  if (allowed.includes(`!${value}`)) return false;
  return allowed.every((entry) => entry.startsWith("!")) || allowed.includes(value);
}

/**
 * True if what npm installed is what the lock asks for. npm writes the lock of what it installed last of all, so an
 * installation that was interrupted has none.
 *
 * @param {PackageLock} wanted package-lock.json
 * @param {PackageLock | undefined} installed node_modules/.package-lock.json
 * @param {Machine} machine
 */
export function matchesLock(wanted, installed, { platform, architecture }) {
  if (installed?.packages === undefined) return false;
  for (const [location, entry] of Object.entries(wanted.packages ?? {})) {
    if (location === "") continue;
    const found = installed.packages[location];
    if (found === undefined) {
      // Packages for other systems are in the lock and not on the disk; which libc a machine has, npm alone knows.
      const isOptional = entry.optional === true || entry.devOptional === true;
      const isForHere = allows(entry.os, platform) && allows(entry.cpu, architecture) && entry.libc === undefined;
      if (isOptional && !isForHere) continue;
    }
    if (found === undefined || found.version !== entry.version || found.integrity !== entry.integrity) return false;
  }
  return Object.keys(installed.packages).every((location) => wanted.packages?.[location] !== undefined);
}

const modules = path.join(root, "node_modules");
const lockFile = path.join(root, "package-lock.json");
const installedLockName = ".package-lock.json";
const list = path.join(modules, ".installed-files");

/**
 * @param {string} file
 * @returns {PackageLock | undefined}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** What is installed, as far as it decides what lies on the disk. */
function wanted() {
  const lock = existsSync(lockFile) ? createHash("sha256").update(readFileSync(lockFile)).digest("hex") : "none";
  return { lock, platform: process.platform, architecture: process.arch };
}

/**
 * Package that a file belongs to.
 *
 * @param {string} file below node_modules, for example `a/node_modules/@b/c/index.js`
 */
export function packageOf(file) {
  const [first = "", second = ""] = (file.split("/node_modules/").at(-1) ?? file).split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

/** Programs keep caches there: `.vite`, `.cache`. @param {string} name @param {string} folder */
const isLeftOut = (name, folder) =>
  folder === "" && name.startsWith(".") && name !== ".bin" && name !== installedLockName;

function writeInstalledList() {
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const file of filesBelow(modules, isLeftOut)) {
    const owner = packageOf(file);
    const others = files.get(owner);
    if (others === undefined) files.set(owner, [file]);
    else others.push(file);
  }
  writeList(
    list,
    modules,
    wanted(),
    [...files].map(([owner, owned]) => ({ owner, files: owned })),
  );
}

/**
 * True if nothing in node_modules has changed since npm was done: it writes the lock of what it installed last of all. How an
 * installation is judged that has no list.
 */
function isUntouched() {
  const done = lstatSync(path.join(modules, installedLockName), { throwIfNoEntry: false })?.mtimeMs;
  if (done === undefined) return false;
  let isOlder = true;
  filesBelow(modules, (name, folder) => {
    if (isLeftOut(name, folder)) return true;
    isOlder &&= (lstatSync(path.join(modules, folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= done;
    return !isOlder;
  });
  return isOlder;
}

const matchesHere = () =>
  matchesLock(readLock(lockFile) ?? {}, readLock(path.join(modules, installedLockName)), {
    platform: process.platform,
    architecture: process.arch,
  });

/**
 * @typedef {object} State
 * @property {boolean} isListed there is a list of what was installed for this lock, on this kind of machine
 * @property {ReadonlyMap<string, number>} damaged packages whose files are missing or have another size
 */

/** @returns {Promise<State>} */
async function look() {
  // It takes this thread a tenth of a second: what other parts look at, in processes of their own, begins first.
  await breathe();
  const { of, damaged } = inspectFiles(list, modules);
  return { isListed: JSON.stringify(of) === JSON.stringify(wanted()), damaged };
}

/** True if the packages of package-lock.json have been installed. Quick: whether their files are still whole, the part looks. */
export const areInstalled = () => JSON.stringify(readWhat(list)) === JSON.stringify(wanted());

/** The packages of package-lock.json. @type {import("./progress.mjs").Part} */
export const npmPackages = {
  name: "npm packages",
  async isDone() {
    const { isListed, damaged } = await look();
    return isListed && damaged.size === 0;
  },
  expect: () => ({ what: "npm ci", seconds: 15 }),
  run: ({ logFile, report, doing }) =>
    withExclusiveLock(
      path.join(layout.locks, "npm"),
      async (variables) => {
        doing("looking at what is there");
        const { isListed, damaged } = await look();
        if (isListed && damaged.size === 0) return "done by another process";
        // Where npm itself has worked since, the list says nothing of what there should be now.
        const isNpmLater = damaged.has(installedLockName);
        if (isListed && !isNpmLater) report(`${describeDamage(damaged)}: installing all again`);
        else if (matchesHere() && isUntouched()) {
          writeInstalledList();
          return "installed already, and looked through";
        }
        // npm would empty the folder that the link leads to.
        if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
          throw new Problem(`${modules} is a link, and what lies there is not what package-lock.json asks for.`, [
            "Run npm ci in the checkout that it leads to, or remove the link.",
          ]);
        }
        const npm = findCommand("npm");
        if (npm === undefined) {
          throw new Problem("npm is not on PATH.", [
            "It comes with Node: https://nodejs.org (on Debian: apt-get install npm)",
          ]);
        }
        requireDiskSpace(root, 0.6e9, "the npm packages");
        doing("npm ci");
        const { status, output } = await runCommand(
          npm,
          // Whatever NODE_ENV and .npmrc leave out. The log level is given because `npm --silent run …` hands its own to every
          // npm below it.
          [
            ...["ci", "--include=dev", "--include=optional", "--include=peer"],
            ...["--loglevel=notice", "--prefer-offline"],
          ],
          { cwd: root, environment: environmentHere(variables), logFile },
        );
        if (status !== 0) {
          // npm says what is wrong first, and then how it is used.
          const errors = output.split("\n").filter((line) => /^npm (?:error|ERR!) \S/.test(line));
          throw new PartFailure(`npm ci failed (exit status ${status}):`, errors.slice(0, 12).join("\n"));
        }
        if (!existsSync(path.join(modules, installedLockName))) {
          throw new PartFailure("npm ci has ended well, but installed nothing:", output);
        }
        writeInstalledList();
        return undefined;
      },
      (holder, seconds) => report(describeWait(holder, seconds, "is installing them")),
    ),
};
