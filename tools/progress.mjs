import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout } from "./checkout.mjs";
import { lastLines } from "./command.mjs";
import { describeError } from "./problem.mjs";

/**
 * One thing that a command sees to.
 *
 * @typedef {object} Part
 * @property {string} name
 * @property {readonly string[]} [after] names of earlier parts that must have succeeded before
 * @property {readonly string[]} [behind] names of earlier parts that must have ended before, no matter how
 * @property {() => Promise<boolean>} isDone true when nothing is left to do; quick
 * @property {() => Expectation} expect what will be done
 * @property {(context: PartContext) => Promise<string | undefined>} run does it; the result is a remark for people
 *
 * @typedef {object} Expectation
 * @property {string} what
 * @property {number} seconds about how long it takes
 *
 * @typedef {object} PartContext
 * @property {string} logFile file to write output to
 * @property {(line: string) => void} report says something while the part runs
 */

/** A part that failed, with the output that says why. */
export class PartFailure extends Error {
  /**
   * @param {string} what
   * @param {string} output
   */
  constructor(what, output) {
    super([what, ...lastLines(output, 40).map((line) => `    ${line}`)].join("\n"));
    this.name = "PartFailure";
  }
}

/** @param {number} seconds */
export function formatSeconds(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${Math.round(seconds - minutes * 60)} s`;
}

/** @param {number} seconds */
function formatExpectation(seconds) {
  if (seconds < 2) return "a second";
  return seconds < 90 ? `about ${Math.round(seconds / 5) * 5 || 5} s` : `about ${Math.round(seconds / 60)} min`;
}

/** @param {Part} part */
const logFileOf = (part) =>
  path.join(
    layout.logs,
    `${part.name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, " ")
      .trim()
      .replaceAll(" ", "-")}.log`,
  );

/**
 * Sees to all parts, side by side where they do not wait for one another, with one line when a part starts and one when it
 * ends. A part that fails does not stop the others: what they make is needed anyway.
 *
 * @param {readonly Part[]} parts
 * @param {(line: string) => void} print
 * @returns {Promise<Map<string, Error>>} what went wrong, by part; a part that waited for a failed one is in it too
 */
export async function runParts(parts, print) {
  const width = Math.max(...parts.map((part) => part.name.length));
  const label = (/** @type {Part} */ part) => part.name.padEnd(width);
  /** @type {Map<string, Error>} */
  const failures = new Map();
  /** @type {Map<string, Promise<void>>} */
  const started = new Map();

  /** @param {Part} part */
  const see = async (part) => {
    await Promise.all([...(part.after ?? []), ...(part.behind ?? [])].map((name) => started.get(name)));
    const broken = (part.after ?? []).find((name) => failures.has(name));
    if (broken !== undefined) {
      failures.set(part.name, new Error(`not done: it needs "${broken}", which failed`));
      print(`  -       ${label(part)}  not done: it needs "${broken}"`);
      return;
    }
    const begin = performance.now();
    try {
      if (await part.isDone()) return;
      const { what, seconds } = part.expect();
      print(`  start   ${label(part)}  ${what} (${formatExpectation(seconds)})`);
      const logFile = logFileOf(part);
      mkdirSync(path.dirname(logFile), { recursive: true });
      const remark = await part.run({ logFile, report: (line) => print(`          ${label(part)}  ${line}`) });
      const took = formatSeconds((performance.now() - begin) / 1000);
      print(`  done    ${label(part)}  ${took}${remark === undefined ? "" : `, ${remark}`}`);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      failures.set(part.name, failure);
      print(`  FAILED  ${label(part)}  ${formatSeconds((performance.now() - begin) / 1000)}`);
      const text = error instanceof PartFailure ? error.message : describeError(error);
      for (const line of text.split("\n")) print(`    ${line}`);
      if (error instanceof PartFailure) print(`    whole log: ${path.relative(process.cwd(), logFileOf(part))}`);
    }
  };

  for (const part of parts) started.set(part.name, see(part));
  await Promise.all(started.values());
  return failures;
}
