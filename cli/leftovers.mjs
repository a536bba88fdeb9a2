import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { endProcessesOf, usersOf } from "../machine/folder-users.mjs";
import { listeningPorts } from "../machine/ports.mjs";
import { shortLivedFolderOf } from "../machine/short-lived-folder.mjs";
import { stackLayout } from "../setup/checkout.mjs";

/**
 * What a local stack has left on this machine: by its records, and by the machine itself, which knows of what no record names.
 *
 * @typedef {import("../machine/processes.mjs").ProcessIdentity} ProcessIdentity
 * @typedef {import("../machine/folder-users.mjs").FolderUser} FolderUser
 *
 * @typedef {object} StackRecords
 * @property {{ name: string, port: number }[]} ports that its servers were given
 * @property {ProcessIdentity[]} leaders processes that it has started, alive or not
 * @property {Set<string>} marks entries of the environment of its runs' processes
 * @property {string[]} temporaryFolders folders for short-lived files, outside of the stack's own
 * @property {string[]} damaged records that cannot be read, and why
 */

/** @param {string} directory */
function foldersIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** @param {string} text */
const shortHash = (text) => createHash("sha256").update(text).digest("hex");

/**
 * A record's JSON; undefined when there is none, or it cannot be read, which is told.
 *
 * @param {string} file
 * @param {string[]} damaged
 * @returns {Record<string, unknown> | undefined}
 */
function readRecord(file, damaged) {
  if (!existsSync(file)) return undefined;
  try {
    const document = JSON.parse(readFileSync(file, "utf8"));
    if (typeof document?.pid === "number") return document;
    damaged.push(`${file}: it names no process`);
  } catch (error) {
    damaged.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return undefined;
}

/**
 * All that a stack's records say: of servers by their `process.json` (machine/supervisedProcess.ts), of runs by their
 * `supervisor.json` and the mark in their processes' environment (flows/posttraining/driver/record.py).
 *
 * @param {string} stack
 * @returns {StackRecords}
 */
export function recordsOf(stack) {
  const { processes, runs } = stackLayout(stack);
  /** @type {StackRecords} */
  const records = { ports: [], leaders: [], marks: new Set(), temporaryFolders: [], damaged: [] };
  for (const name of foldersIn(processes)) {
    const directory = path.join(processes, name);
    records.temporaryFolders.push(shortLivedFolderOf(directory));
    const found = readRecord(path.join(directory, "process.json"), records.damaged);
    if (found === undefined) continue;
    records.leaders.push({ pid: Number(found.pid), startTime: String(found.startTime) });
    if (typeof found.port === "number" && found.port > 0) records.ports.push({ name, port: found.port });
  }
  for (const name of foldersIn(runs)) {
    const directory = path.join(runs, name);
    const mark = shortHash(realpathSync(directory)).slice(0, 32);
    records.marks.add(`POSTTRAINING_RUN=${mark}`);
    records.temporaryFolders.push(path.join("/tmp", `posttraining-${mark.slice(0, 12)}`));
    const found = readRecord(path.join(directory, "supervisor.json"), records.damaged);
    if (found !== undefined) records.leaders.push({ pid: Number(found.pid), startTime: String(found.started) });
  }
  return records;
}

/**
 * Both of two lists of records: what was known before a stack was destroyed, and what is there afterwards.
 *
 * @param {StackRecords} first
 * @param {StackRecords} second
 * @returns {StackRecords}
 */
export function joinRecords(first, second) {
  const damaged = [...new Set([...first.damaged, ...second.damaged])];
  return {
    ports: [...first.ports, ...second.ports.filter(({ port }) => first.ports.every((each) => each.port !== port))],
    leaders: [...first.leaders, ...second.leaders],
    marks: new Set([...first.marks, ...second.marks]),
    temporaryFolders: [...new Set([...first.temporaryFolders, ...second.temporaryFolders])],
    damaged,
  };
}

/**
 * Ends all that the stack has started and that still lives.
 *
 * @param {string} stack
 * @param {StackRecords} records
 */
export const endLeftovers = (stack, records) => endProcessesOf(stackLayout(stack).directory, records);

/**
 * What this machine shows of a stack.
 *
 * @typedef {object} Findings
 * @property {FolderUser[]} ours processes that it has started
 * @property {FolderUser[]} strangers processes that work in its folder or have files of it open, and are nobody's as far as can be
 *   told: neither a record nor their environment says that the stack has started them, and no terminal that a person has
 * @property {FolderUser[]} visitors a person's shell, editor or program that looks at its files
 * @property {{ name: string, port: number, pids: readonly number[] }[]} ports of its servers on which something listens now
 */

/**
 * @param {string} stack
 * @param {StackRecords} records
 * @returns {Findings}
 */
export function lookAtMachine(stack, records) {
  const users = usersOf(stackLayout(stack).directory, records);
  const works = (/** @type {FolderUser} */ { how }) => how.some((each) => each !== "environment");
  const listening = listeningPorts();
  return {
    ours: users.filter(({ isOurs }) => isOurs),
    strangers: users.filter((user) => !user.isOurs && !user.process.hasTerminal && works(user)),
    visitors: users.filter((user) => !user.isOurs && (user.process.hasTerminal || !works(user))),
    ports: records.ports.flatMap(({ name, port }) => {
      const found = listening.find((each) => each.port === port);
      return found === undefined ? [] : [{ name, port, pids: found.pids }];
    }),
  };
}

/** @param {FolderUser} user */
export function describeUser({ process: { pid, command }, how, ports }) {
  const holds = ports.length === 0 ? "" : `, listening on port ${ports.join(", ")}`;
  return `process ${pid} (${how.join(", ")}${holds}): ${command.slice(0, 120)}`;
}

/**
 * What of the findings keeps a stack from being gone, a line each; none when nothing does.
 *
 * @param {Findings} findings
 * @returns {string[]}
 */
export function leftLines({ ours, strangers, ports }) {
  const known = new Set([...ours, ...strangers].map(({ process: { pid } }) => pid));
  return [
    ...ours.map((user) => describeUser(user)),
    ...strangers.map((user) => `${describeUser(user)} (nothing says who started it: end it yourself)`),
    // Whose port it is cannot be told where another user holds it.
    ...ports
      .filter(({ pids }) => pids.length === 0 || pids.some((pid) => known.has(pid)))
      .map(({ name, port }) => `port ${port} of "${name}" still answers`),
  ];
}

/**
 * What a person may want to know and that is nothing of the stack, a line each.
 *
 * @param {Findings} findings
 * @returns {string[]}
 */
export function noticeLines({ ours, strangers, visitors, ports }) {
  const known = new Set([...ours, ...strangers].map(({ process: { pid } }) => pid));
  return [
    ...visitors.map((user) => `Uses the stack's folder and is left alone: ${describeUser(user)}`),
    ...ports
      .filter(({ pids }) => pids.length > 0 && !pids.some((pid) => known.has(pid)))
      .map(
        ({ name, port, pids }) =>
          `Port ${port}, which "${name}" had, belongs to process ${pids.join(", ")} now, which is not of the stack.`,
      ),
  ];
}
