import path from "node:path";
import { root } from "../machine/checkout.mjs";
import { lastLines, runCommand } from "./command.mjs";
import { environmentHere } from "./set-up-environment.mjs";

/** Whether a Python interpreter works and finds what it needs, and whether all files of its environment are there. */

/** Modules of the standard library without which nothing here runs; those with "_" are files of their own that builds may lack. */
export const standardModules = [
  "asyncio",
  "ctypes",
  "_ctypes",
  "hashlib",
  "_hashlib",
  "json",
  "multiprocessing",
  "_posixsubprocess",
  "_socket",
  "ssl",
  "_ssl",
  "unittest",
  "zlib",
];

/**
 * @typedef {object} Objection
 * @property {boolean} starts
 * @property {string} what for people
 *
 * @typedef {object} Look
 * @property {Objection} [objection] what is wrong with the interpreter
 * @property {boolean} isListed there is a list of the files that can be used
 * @property {Map<string, number>} damaged owners of files that are missing or have another size, and how many these are
 */

const script = path.join(root, "setup", "look_at_environment.py");

/**
 * What the script's output says.
 *
 * @param {string} python
 * @param {{ status: number, output: string }} outcome
 * @returns {Look}
 */
export function readLook(python, { status, output }) {
  const lines = output.split("\n");
  const missing = lines.find((line) => line.startsWith("missing:"))?.slice("missing:".length);
  if (status !== 0 || missing === undefined) {
    // A crash ends with a trace of nothing; what is wrong stands above it.
    const said = lines.findLast((line) => /error/i.test(line)) ?? lastLines(output, 1)[0];
    const reason = said?.trim() || `it ended with status ${status}`;
    const objection = { starts: false, what: `${python} does not start: ${reason}` };
    return { objection, isListed: false, damaged: new Map() };
  }
  /** @type {Map<string, number>} */
  const damaged = new Map();
  for (const line of lines) {
    const [, files, owner] = /^damaged: (\d+) (.+)$/.exec(line) ?? [];
    if (owner !== undefined) damaged.set(owner, (damaged.get(owner) ?? 0) + Number(files));
  }
  const names = missing.trim().split(/\s+/).join(", ");
  return {
    ...(names !== "" && { objection: { starts: true, what: `${python} does not find ${names}` } }),
    isListed: lines.includes("listed: yes"),
    damaged,
  };
}

/**
 * Looks at an interpreter, and in the same breath at the files of its environment: it is quicker at that than Node, and
 * every command begins with it.
 *
 * @param {string} python path of the interpreter
 * @param {readonly string[]} modules top-level modules to find, beside those of the standard library
 * @param {{ list: string, folder: string }} [files] list of what was installed, and the folder that its paths start from
 * @returns {Promise<Look>}
 */
export async function lookFrom(python, modules, files = { list: "", folder: "" }) {
  const outcome = await runCommand(
    python,
    // Isolated: neither variables nor the user's own packages count.
    ["-I", "-X", "utf8", script, files.list, files.folder, ...standardModules, ...modules],
    { environment: environmentHere(), timeoutSeconds: 120 },
  );
  return readLook(python, outcome);
}

/**
 * What is wrong with an interpreter; undefined when it starts and finds all modules.
 *
 * @param {string} python
 * @param {readonly string[]} modules
 */
export async function interpreterObjection(python, modules) {
  return (await lookFrom(python, modules)).objection;
}
