import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * What the installers of a Python environment wrote down about it: each distribution has a folder
 * `<name>-<version>.dist-info` with a list RECORD of its files and their sizes
 * (https://packaging.python.org/en/latest/specifications/recording-installed-packages).
 *
 * @typedef {object} Distribution
 * @property {string} name normalised, as uv takes it
 * @property {RecordedFile[] | undefined} files undefined when there is no RECORD, or none that can be read
 *
 * @typedef {{ file: string, size: number | undefined }} RecordedFile `file`: below the environment; `size`: where it is known
 */

/** Owner of what belongs to no distribution: the interpreter's links, the configuration. */
export const environmentItself = "the environment itself";

/**
 * Rows of a RECORD: comma-separated, where a path with a comma or a quote stands in quotes.
 *
 * @param {string} text
 * @returns {RecordedFile[] | undefined} undefined when a row is not one, as in a file that was cut off
 */
export function parseRecord(text) {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  const rows = lines.flatMap((line) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]+)),[^,]*,(\d*)$/.exec(line);
    if (match === null) return [];
    return [{ file: match[1]?.replaceAll('""', '"') ?? match[2] ?? "", size: match[3] ? Number(match[3]) : undefined }];
  });
  return rows.length > 0 && rows.length === lines.length ? rows : undefined;
}

/** @param {string} name */
const normalised = (name) => name.toLowerCase().replaceAll(/[-_.]+/g, "-");

/**
 * The folders `<name>-<version>.dist-info` of an environment.
 *
 * @param {string} environment folder of a virtual environment
 * @returns {{ name: string, folder: string }[]} `folder`: below the environment
 */
export function distributionFolders(environment) {
  return sitePackagesOf(environment).flatMap((sitePackages) =>
    readdirSync(path.join(environment, sitePackages))
      .filter((entry) => entry.endsWith(".dist-info"))
      .map((entry) => ({
        name: normalised(entry.slice(0, -".dist-info".length).replace(/-[^-]*$/, "")),
        folder: `${sitePackages}/${entry}`,
      })),
  );
}

/**
 * Byte code is left out: it is made again when it is missing, and whenever it is old.
 *
 * @param {string} environment folder of a virtual environment
 * @returns {Distribution[]}
 */
export function readDistributions(environment) {
  return distributionFolders(environment).map(({ name, folder }) => {
    const record = path.join(environment, folder, "RECORD");
    const rows = existsSync(record) ? parseRecord(readFileSync(record, "utf8")) : undefined;
    const files = rows
      ?.map(({ file, size }) => ({ file: path.posix.normalize(`${path.posix.dirname(folder)}/${file}`), size }))
      .filter(({ file }) => !file.startsWith("../") && !path.isAbsolute(file) && !file.includes("__pycache__/"));
    return { name, files };
  });
}

/**
 * @param {string} environment
 * @returns {string[]} paths below the environment, with "/"
 */
function sitePackagesOf(environment) {
  const library = path.join(environment, "lib");
  if (!existsSync(library)) return [];
  return readdirSync(library)
    .map((entry) => `lib/${entry}/site-packages`)
    .filter((folder) => existsSync(path.join(environment, folder)));
}

/**
 * Distributions whose files are not those that they recorded.
 *
 * @param {readonly Distribution[]} distributions
 * @param {(file: string) => number | undefined} sizeOf size on the disk of a file below the environment
 * @returns {Map<string, number>} how many files of each are missing or have another size
 */
export function recordedDamage(distributions, sizeOf) {
  /** A file that two bring is as the later one brings it. @type {Map<string, Set<number | undefined>>} */
  const sizes = new Map();
  for (const { file, size } of distributions.flatMap(({ files }) => files ?? [])) {
    sizes.set(file, (sizes.get(file) ?? new Set()).add(size));
  }
  /** @type {Map<string, number>} */
  const damaged = new Map();
  for (const { name, files } of distributions) {
    if (files === undefined) {
      damaged.set(name, 1);
      continue;
    }
    const wrong = files.filter(({ file }) => {
      const size = sizeOf(file);
      const right = sizes.get(file);
      return size === undefined || right === undefined || !(right.has(size) || right.has(undefined));
    });
    if (wrong.length > 0) damaged.set(name, (damaged.get(name) ?? 0) + wrong.length);
  }
  return damaged;
}

/**
 * @param {string} environment
 * @returns {(file: string) => number | undefined}
 */
export function sizesIn(environment) {
  return (file) => lstatSync(path.join(environment, file), { throwIfNoEntry: false })?.size;
}

/**
 * Whose the files of an environment are.
 *
 * @param {string} environment
 * @param {readonly Distribution[]} distributions
 * @returns {import("./installed-files.mjs").OwnedFiles[]}
 */
export function ownedFiles(environment, distributions) {
  const recorded = distributions.map(({ name, files }) => ({
    owner: name,
    files: (files ?? []).map(({ file }) => file),
  }));
  const known = new Set(recorded.flatMap(({ files }) => files));
  const rest = ["", "bin/"].flatMap((folder) =>
    readdirSync(path.join(environment, folder), { withFileTypes: true })
      // Locks and marks of programs, the list itself.
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "CACHEDIR.TAG")
      .map((entry) => folder + entry.name)
      .filter((file) => !known.has(file)),
  );
  return [...recorded, { owner: environmentItself, files: rest }];
}
