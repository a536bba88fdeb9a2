import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { isExecutable, lastLines, runCommand } from "./command.mjs";
import { download } from "./download.mjs";

/**
 * Releases that are downloaded: an archive is unpacked only once its checksum is right, so nothing of a wrong one ever runs.
 *
 * @typedef {object} Release
 * @property {string} url of the archive, a .tar.gz
 * @property {Checksum} checksum
 * @property {string} folder folder of the archive that holds the files; empty: its top
 * @property {readonly string[]} commands files that must be in that folder and that can be executed
 * @property {boolean} [whole] keep all of the folder, not only the commands
 *
 * @typedef {{ sha256: string } | { algorithm: "sha256" | "sha1", list: string }} Checksum the sum itself; else the address of
 *   the release's own list: as good as the connection that brings it
 */

/**
 * The sum that a list in the form of `sha256sum` gives for a file.
 *
 * @param {string} list
 * @param {string} file
 * @returns {string | undefined}
 */
export function checksumOf(list, file) {
  for (const line of list.split("\n")) {
    const [sum, listed] = line.trim().split(/\s+\*?(?:\.\/)?/);
    if (listed === file) return sum?.toLowerCase();
  }
  return undefined;
}

/**
 * @param {string} file
 * @param {"sha256" | "sha1"} algorithm
 */
async function digestOf(file, algorithm) {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/**
 * Why an archive is refused; undefined when it is what it should be.
 *
 * @param {string} packed the archive
 * @param {Release} release
 * @param {string} scratch folder to download a list to
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>}
 */
async function objectionTo(packed, { url, checksum }, scratch, environment) {
  const name = path.posix.basename(url);
  const algorithm = "sha256" in checksum ? "sha256" : checksum.algorithm;
  let expected;
  if ("sha256" in checksum) expected = checksum.sha256;
  else {
    const list = path.join(scratch, "checksums");
    const reason = await download(checksum.list, list, environment);
    if (reason !== undefined) return `the list of checksums: ${reason}`;
    expected = checksumOf(readFileSync(list, "utf8"), name);
    if (expected === undefined) return `${checksum.list} has no checksum for ${name}`;
  }
  const actual = await digestOf(packed, algorithm);
  if (actual === expected) return undefined;
  const known = "sha256" in checksum ? "known here for this release" : "in the release's list";
  return `${name} is refused: its ${algorithm.toUpperCase()} is ${actual}, and ${expected} is ${known}`;
}

/**
 * Downloads a release, verifies it and puts its files into a folder.
 *
 * @param {Release} release
 * @param {string} into existing folder
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it is not to be had, and then nothing is left in the folder; else undefined
 */
export async function fetchRelease(release, into, environment) {
  const scratch = mkdtempSync(path.join(into, ".download-"));
  try {
    const packed = path.join(scratch, "archive.tar.gz");
    const reason =
      (await download(release.url, packed, environment)) ?? (await objectionTo(packed, release, scratch, environment));
    if (reason !== undefined) return reason;
    const target = path.join(scratch, "unpacked");
    mkdirSync(target);
    const { status, output } = await runCommand("tar", ["-x", "-z", "-o", "-f", packed, "-C", target], {
      environment,
    });
    if (status !== 0) return lastLines(output, 1)[0] ?? `tar ended with status ${status}`;
    const unpacked = path.join(target, release.folder);
    const missing = release.commands.filter((command) => !isExecutable(path.join(unpacked, command)));
    if (missing.length > 0) return `${path.posix.basename(release.url)} holds no command ${missing.join(", ")}`;
    const files = release.whole === true ? readdirSync(unpacked) : release.commands;
    for (const file of files) renameSync(path.join(unpacked, file), path.join(into, file));
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
