import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import * as path from "node:path";
import { endProcessesOf, type FolderUser, usersOf } from "../machine/folderUsers";
import { listeningPorts } from "../machine/ports";
import type { ProcessIdentity, RunningProcess } from "../machine/processes.mjs";
import { shortLivedFolderOf } from "../machine/shortLivedFolder";
import { stackLayout } from "../machine/checkout.mjs";

/**
 * What a local stack has left on this machine: by its records, and by the machine itself, which knows of what no record names.
 */

export interface StackRecords {
  /** Ports that its servers were given. */
  readonly ports: { name: string; port: number }[];
  /** Processes that it has started, alive or not. */
  readonly leaders: ProcessIdentity[];
  /** Entries of the environment of its runs' processes. */
  readonly marks: Set<string>;
  /** Folders for short-lived files, outside of the stack's own. */
  readonly temporaryFolders: string[];
  /** Records that cannot be read, and why. */
  readonly damaged: string[];
}

function foldersIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A record's JSON; undefined when there is none, or it cannot be read, which is told. */
function readRecord(file: string, damaged: string[]): Record<string, unknown> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const document = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown> | null;
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
 */
export function recordsOf(stack: string): StackRecords {
  const { processes, runs } = stackLayout(stack);
  const records: StackRecords = { ports: [], leaders: [], marks: new Set(), temporaryFolders: [], damaged: [] };
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

/** Both of two lists of records: what was known before a stack was destroyed, and what is there afterwards. */
export function joinRecords(first: StackRecords, second: StackRecords): StackRecords {
  const damaged = [...new Set([...first.damaged, ...second.damaged])];
  return {
    ports: [...first.ports, ...second.ports.filter(({ port }) => first.ports.every((each) => each.port !== port))],
    leaders: [...first.leaders, ...second.leaders],
    marks: new Set([...first.marks, ...second.marks]),
    temporaryFolders: [...new Set([...first.temporaryFolders, ...second.temporaryFolders])],
    damaged,
  };
}

/** Ends all that the stack has started and that still lives. */
export const endLeftovers = (stack: string, records: StackRecords): Promise<RunningProcess[]> =>
  endProcessesOf(stackLayout(stack).directory, records);

/** What this machine shows of a stack. */
export interface Findings {
  /** Processes that it has started. */
  readonly ours: FolderUser[];
  /**
   * Processes that work in its folder or have files of it open, and are nobody's as far as can be told: neither a record nor their
   * environment says that the stack has started them, and no terminal that a person has.
   */
  readonly strangers: FolderUser[];
  /** A person's shell, editor or program that looks at its files. */
  readonly visitors: FolderUser[];
  /** Of its servers on which something listens now. */
  readonly ports: { name: string; port: number; pids: readonly number[] }[];
}

export function lookAtMachine(stack: string, records: StackRecords): Findings {
  const users = usersOf(stackLayout(stack).directory, records);
  const works = ({ how }: FolderUser) => how.some((each) => each !== "environment");
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

export function describeUser({ process: { pid, command }, how, ports }: FolderUser): string {
  const holds = ports.length === 0 ? "" : `, listening on port ${ports.join(", ")}`;
  return `process ${pid} (${how.join(", ")}${holds}): ${command.slice(0, 120)}`;
}

/** What of the findings keeps a stack from being gone, a line each; none when nothing does. */
export function leftLines({ ours, strangers, ports }: Findings): string[] {
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

/** What a person may want to know and that is nothing of the stack, a line each. */
export function noticeLines({ ours, strangers, visitors, ports }: Findings): string[] {
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
