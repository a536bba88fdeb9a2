import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";

/**
 * Lists of what was installed into a folder: every file with its size, as it was right after the installation, and whose it
 * is. A list is text that is quick to read:
 *
 *     installed files 1            the form
 *     {"lock":"…"}                 what was installed, for whoever wrote it
 *     ⇥transformers                whose the files are that follow
 *     lib/transformers/            folder that the files are in that follow; ./ is the top
 *     __init__.py⇥1234             file and size in bytes
 *     ⇥⇥59033                      the number of files; the end
 */

const form = "installed files 1";

/** @typedef {{ owner: string, files: readonly string[] }} OwnedFiles paths below the folder, with "/" */

/**
 * Writes the list of files, in one step. Sizes are read from the disk.
 *
 * @param {string} list the file to write
 * @param {string} root folder that the paths start from
 * @param {unknown} of what was installed; must be representable as JSON
 * @param {Iterable<OwnedFiles>} owned a file that is not there is left out
 */
export function writeList(list, root, of, owned) {
  const lines = [form, JSON.stringify(of)];
  let count = 0;
  for (const { owner, files } of owned) {
    lines.push(`\t${owner}`);
    let folder = "";
    for (const file of [...files].sort()) {
      // Nothing that is installed has such a name; in a list it would read as two.
      if (file.includes("\n") || file.includes("\t")) continue;
      const size = lstatSync(path.join(root, file), { throwIfNoEntry: false })?.size;
      if (size === undefined) continue;
      const cut = file.lastIndexOf("/") + 1;
      const own = cut === 0 ? "./" : file.slice(0, cut);
      if (own !== folder) lines.push(own);
      folder = own;
      lines.push(`${file.slice(cut)}\t${size}`);
      count += 1;
    }
  }
  lines.push(`\t\t${count}`, "");
  const draft = `${list}.${process.pid}`;
  writeFileSync(draft, lines.join("\n"));
  renameSync(draft, list);
}

/**
 * What a list says of itself; undefined when it is not one, or not a whole one.
 *
 * @param {string} text
 * @returns {{ of: unknown, count: number } | undefined}
 */
function readHead(text) {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const end = /\n\t\t(\d+)\n$/.exec(text.slice(-32));
  if (text.slice(0, first) !== form || second === -1 || end === null) return undefined;
  try {
    return { of: JSON.parse(text.slice(first + 1, second)), count: Number(end[1]) };
  } catch {
    return undefined;
  }
}

/**
 * @typedef {object} Comparison
 * @property {number} count files of the list that were looked at
 * @property {Map<string, number>} damaged owners of files that are missing or have another size, and how many these are
 */

/**
 * Compares the files of a list with those on the disk. Links are compared themselves, not what they point at.
 * setup/look_at_environment.py does the same from within a Python environment.
 *
 * @param {string} text the list
 * @param {string} root
 * @returns {Comparison}
 */
function compareWithList(text, root) {
  const options = { throwIfNoEntry: false };
  let owner = "";
  let folder = "";
  let count = 0;
  /** @type {Map<string, number>} */
  const damaged = new Map();
  // Line by line: an array of 30,000 lines takes longer to clear away than to read.
  for (let at = text.indexOf("\n\t") + 1, end = text.indexOf("\n", at); end !== -1; end = text.indexOf("\n", at)) {
    const line = text.slice(at, end);
    at = end + 1;
    const tab = line.indexOf("\t");
    if (tab === -1) folder = line === "./" ? `${root}/` : `${root}/${line}`;
    else if (tab === 0) owner = line.slice(1);
    else {
      count += 1;
      const found = sizeOf(folder + line.slice(0, tab), options);
      if (found !== Number(line.slice(tab + 1))) damaged.set(owner, (damaged.get(owner) ?? 0) + 1);
    }
  }
  return { count, damaged };
}

/**
 * @param {string} file
 * @param {{ throwIfNoEntry: boolean }} options
 */
function sizeOf(file, options) {
  try {
    return lstatSync(file, options)?.size;
  } catch {
    // A folder that may not be entered is as good as none.
    return undefined;
  }
}

/**
 * @typedef {object} Inspection
 * @property {unknown} [of] what was installed; undefined when there is no list, or none that can be used
 * @property {Map<string, number>} damaged as in `Comparison`
 */

/**
 * Looks at the files of a list: 30,000 take a tenth of a second.
 *
 * @param {string} list
 * @param {string} root
 * @returns {Inspection}
 */
export function inspectFiles(list, root) {
  const text = readList(list);
  const head = text === undefined ? undefined : readHead(text);
  if (text === undefined || head === undefined) return { of: undefined, damaged: new Map() };
  const { count, damaged } = compareWithList(text, root);
  return count === head.count ? { of: head.of, damaged } : { of: undefined, damaged: new Map() };
}

/**
 * What was installed by a list, of which nothing else is read.
 *
 * @param {string} list
 * @returns {unknown} undefined when that cannot be read
 */
export function readWhat(list) {
  try {
    const buffer = Buffer.alloc(65_536);
    const file = openSync(list, "r");
    try {
      const line = buffer.toString("utf8", 0, readSync(file, buffer)).split("\n")[1];
      return line === undefined ? undefined : JSON.parse(line);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/**
 * @param {string} list
 * @returns {string | undefined}
 */
export function readList(list) {
  try {
    return readFileSync(list, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Bytes that each owner's files have by the list.
 *
 * @param {string} text
 * @returns {Map<string, number>}
 */
export function bytesByOwner(text) {
  /** @type {Map<string, number>} */
  const bytes = new Map();
  let owner = "";
  for (const line of text.split("\n").slice(2)) {
    const tab = line.indexOf("\t");
    if (tab === 0) owner = line.slice(1);
    else if (tab > 0) bytes.set(owner, (bytes.get(owner) ?? 0) + Number(line.slice(tab + 1)));
  }
  return bytes;
}

/**
 * Files below a folder, in no order.
 *
 * @param {string} root
 * @param {(name: string, folder: string) => boolean} isLeftOut asked for every entry; `folder` is a path with "/" at its end, or empty
 * @returns {string[]} paths below the folder, with "/"
 */
export function filesBelow(root, isLeftOut) {
  /** @type {string[]} */
  const files = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      if (isLeftOut(entry.name, folder)) continue;
      if (entry.isDirectory()) folders.push(`${folder}${entry.name}/`);
      else files.push(folder + entry.name);
    }
  }
  return files;
}

/**
 * One sentence for people, to be followed by what is done about it.
 *
 * @param {ReadonlyMap<string, number>} damaged not empty
 */
export function describeDamage(damaged) {
  const owners = [...damaged.keys()].sort();
  const count = [...damaged.values()].reduce((sum, files) => sum + files, 0);
  const shown = owners.slice(0, 5).join(", ");
  const named = owners.length > 5 ? `${shown} and ${owners.length - 5} more` : shown;
  return count === 1
    ? `1 file of ${named} is missing or has another size`
    : `${count} files of ${named} are missing or have another size`;
}
