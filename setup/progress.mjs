import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout } from "../machine/checkout.mjs";
import { lastLines } from "./command.mjs";
import { formatSeconds } from "../machine/duration.mjs";
import { describeError } from "./problem.mjs";
import { remind, systemClock } from "../machine/reminder.mjs";

/**
 * One thing that a command sees to.
 *
 * @typedef {object} Part
 * @property {string} name
 * @property {readonly string[]} [after] names of earlier parts that must have succeeded before it runs
 * @property {readonly string[]} [behind] names of earlier parts that must have ended before it runs, no matter how
 * @property {() => Promise<boolean>} isDone true when what it makes is there and whole; needs no other part; quick
 * @property {() => Expectation} expect what will be done; asked once `isDone` has said no
 * @property {(context: PartContext) => Promise<string | undefined>} run does it; the result is a remark for people
 *
 * @typedef {object} Expectation
 * @property {string} what
 * @property {number} seconds about how long it takes
 *
 * @typedef {object} PartContext
 * @property {string} logFile file to write output to
 * @property {(line: string) => void} report says something while the part runs
 * @property {(activity: string) => void} doing a few words on what is under way from now on, for the reminders of a part that
 *   says nothing for long
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
 * ends. A part that fails does not stop the others: what they make is needed anyway. One that says nothing for long is
 * spoken for: what it does, and for how long it has.
 *
 * @param {readonly Part[]} parts
 * @param {(line: string) => void} print
 * @param {import("../machine/reminder.mjs").Clock} [clock]
 * @returns {Promise<Map<string, Error>>} what went wrong, by part, in their order; a part that waited for a failed one is in it too
 */
export async function runParts(parts, print, clock = systemClock) {
  const width = Math.max(...parts.map((part) => part.name.length));
  const label = (/** @type {Part} */ part) => part.name.padEnd(width);
  /** @type {Map<string, Error>} */
  const failures = new Map();
  /** @type {Map<string, Promise<void>>} */
  const started = new Map();

  /** @param {Part} part */
  const see = async (part) => {
    let begin = clock.now();
    const say = (/** @type {string} */ line) => print(`          ${label(part)}  ${line}`);
    let reminder = remind("looking at what is there", say, clock);
    try {
      if (await part.isDone()) return;
      reminder.stop();
      await Promise.all([...(part.after ?? []), ...(part.behind ?? [])].map((name) => started.get(name)));
      const broken = (part.after ?? []).find((name) => failures.has(name));
      if (broken !== undefined) {
        failures.set(part.name, new Error(`not done: it needs "${broken}", which failed`));
        print(`  -       ${label(part)}  not done: it needs "${broken}"`);
        return;
      }
      begin = clock.now();
      const { what, seconds } = part.expect();
      print(`  start   ${label(part)}  ${what} (${formatExpectation(seconds)})`);
      reminder = remind(what, say, clock);
      const logFile = logFileOf(part);
      mkdirSync(path.dirname(logFile), { recursive: true });
      const remark = await part.run({
        logFile,
        report(line) {
          say(line);
          reminder.said();
        },
        doing: (activity) => reminder.begin(activity),
      });
      const took = formatSeconds((clock.now() - begin) / 1000);
      print(`  done    ${label(part)}  ${took}${remark === undefined ? "" : `, ${remark}`}`);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      failures.set(part.name, failure);
      print(`  FAILED  ${label(part)}  ${formatSeconds((clock.now() - begin) / 1000)}`);
      const text = error instanceof PartFailure ? error.message : describeError(error);
      for (const line of text.split("\n")) print(`    ${line}`);
      if (error instanceof PartFailure) print(`    whole log: ${path.relative(process.cwd(), logFileOf(part))}`);
    } finally {
      reminder.stop();
    }
  };

  for (const part of parts) started.set(part.name, see(part));
  await Promise.all(started.values());
  return new Map(
    parts.flatMap(({ name }) => {
      const failure = failures.get(name);
      return failure === undefined ? [] : [[name, failure]];
    }),
  );
}
