import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { endProcessesOf, isOfAnother, ownerVariable, usersOf } from "./folderUsers";
import { isAlive, type ProcessIdentity, startTimeOf } from "./processes.mjs";
import { isFree } from "./freePort";
import { makePrivateFolder } from "./privateFolder";

const recordSchema = z.object({
  pid: z.int().positive(),
  startTime: z.string(),
  command: z.array(z.string()),
  port: z.int().min(0).max(65535),
  startedAt: z.string(),
  /** What the process was started for, as its handler writes it; left out where that does not matter. */
  purpose: z.string().optional(),
});

/** What is remembered of a process that outlives the Pulumi operation which started it. */
export type ProcessRecord = Readonly<z.infer<typeof recordSchema>> & ProcessIdentity;

export interface ProcessSpecification {
  /** Folder for `process.json` and `log.txt`; made when missing. */
  readonly directory: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of this process's environment that it must not inherit, by their names: settings of a person for the same program. */
  readonly foreign?: RegExp;
  /** Port that it will listen on, kept in the record. */
  readonly port: number;
  /** What it is started for, kept in the record. */
  readonly purpose?: string;
}

/** Told what could not be read and what was done instead, a sentence for people. */
export type Tell = (damage: string) => void;

/** Longest wait for the port of a process that was ended; another program may have taken it by then. */
const portReleaseSeconds = 2;

/** The record's file in a process's folder. */
export const recordFile = (directory: string): string => path.join(directory, "process.json");

export const logFileOf = (directory: string): string => path.join(directory, "log.txt");

/** A record that is there and cannot be read; never the same as none. */
class DamagedRecordError extends Error {}

function parseRecord(directory: string): ProcessRecord | undefined {
  const file = recordFile(directory);
  let text;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new DamagedRecordError(`${file} cannot be read (${String(error)})`);
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    const reason =
      error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : (error as Error).message;
    throw new DamagedRecordError(`${file} cannot be read (${reason})`);
  }
}

/** The process in `directory` as the machine shows it, for a record that does not. */
function recordFromMachine(directory: string): ProcessRecord | undefined {
  const ours = usersOf(directory).filter(({ isOurs }) => isOurs);
  const leader = ours.find(({ process: found }) => found.group === found.pid);
  if (leader === undefined) return undefined;
  const { pid, startTime, command } = leader.process;
  return { pid, startTime, command: [command], port: leader.ports[0] ?? 0, startedAt: new Date().toISOString() };
}

function writeRecord(directory: string, record: ProcessRecord): void {
  const temporary = `${recordFile(directory)}.${process.pid}`;
  try {
    fs.writeFileSync(temporary, JSON.stringify(record, null, 2), { mode: 0o600 });
    fs.renameSync(temporary, recordFile(directory));
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * The record in `directory`, of a process that lives or of one that has ended; undefined when none was written.
 * One that cannot be read is made anew from the machine; where nothing of the process lives either, it is as if it was none.
 */
export function readRecord(directory: string, tell?: Tell): ProcessRecord | undefined {
  try {
    return parseRecord(directory);
  } catch (error) {
    if (!(error instanceof DamagedRecordError)) throw error;
    const found = recordFromMachine(directory);
    if (found === undefined) {
      tell?.(`${error.message}; no process of it lives on this machine`);
      return undefined;
    }
    tell?.(`${error.message}; its process was found on this machine (${found.pid}), and the record was written anew`);
    writeRecord(directory, found);
    return found;
  }
}

/** The record of the process in `directory` if it still runs. */
export function liveRecord(directory: string, tell?: Tell): ProcessRecord | undefined {
  const record = readRecord(directory, tell);
  if (record === undefined || !isAlive(record)) return undefined;
  // The record was copied with its folder: what it names serves where it was made.
  return isOfAnother(record.pid, directory) ? undefined : record;
}

/** What the machine is searched with, beside the folder's name. */
function recordsIn(directory: string): { leaders: ProcessIdentity[] } {
  const record = readRecord(directory);
  return { leaders: record === undefined ? [] : [record] };
}

const inherited = (foreign: RegExp | undefined): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => foreign?.test(name) !== true));

/**
 * Starts a process in a session of its own, so that neither the end of the provider nor a closed terminal ends it.
 * What an earlier one in this folder has left is ended first, so that its record can be replaced.
 * Its output goes to `log.txt`; the last run's is kept as `log.previous.txt`.
 *
 * @throws if the command cannot be started, or something of an earlier one does not end.
 */
export async function startProcess(specification: ProcessSpecification): Promise<ProcessRecord> {
  const { directory } = specification;
  makePrivateFolder(directory);
  await stopProcess(directory);
  const log = logFileOf(directory);
  if (fs.existsSync(log)) fs.renameSync(log, path.join(directory, "log.previous.txt"));
  const output = fs.openSync(log, "a", 0o600);
  try {
    const child = spawn(specification.command, specification.arguments, {
      cwd: directory,
      // Should the record be lost, or never be written, the process is found by its owner.
      env: { ...inherited(specification.foreign), ...specification.environment, [ownerVariable]: directory },
      detached: true,
      stdio: ["ignore", output, output],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => {
        resolve(child.pid ?? 0);
      });
    });
    child.unref();
    const record: ProcessRecord = {
      pid,
      startTime: startTimeOf(pid) ?? "ended",
      command: [specification.command, ...specification.arguments],
      port: specification.port,
      startedAt: new Date().toISOString(),
      ...(specification.purpose === undefined ? {} : { purpose: specification.purpose }),
    };
    try {
      writeRecord(directory, record);
    } catch (error) {
      // One without a record would be found by the machine only.
      process.kill(-pid, "SIGKILL");
      throw error;
    }
    return record;
  } finally {
    fs.closeSync(output);
  }
}

/**
 * Ends the process in `directory` and all that it has started, alive itself or not: SIGTERM, then SIGKILL after `graceSeconds`.
 * A later process that got a recorded number is left alone. The record stays: it tells the port.
 *
 * @throws if something does not end; nothing may take its place then.
 */
export async function stopProcess(directory: string, graceSeconds = 15): Promise<void> {
  const record = readRecord(directory);
  const left = await endProcessesOf(directory, recordsIn(directory), graceSeconds);
  if (left.length > 0) {
    const named = left.map(({ pid, command }) => `${pid} (${command.slice(0, 80)})`).join(", ");
    throw new Error(
      `processes of ${directory} do not end: ${named}. End them yourself (they may wait for a disk), then run the command again`,
    );
  }
  if (record === undefined || record.port === 0) return;
  // A process counts as ended when its first thread is; another may hold the port a moment longer, and who starts it again wants that port.
  const released = Date.now() + portReleaseSeconds * 1000;
  while (!(await isFree(record.port)) && Date.now() < released) await sleep(20);
}

/** Last `count` lines of the process's log. */
export function lastLogLines(directory: string, count: number): string[] {
  try {
    return fs.readFileSync(logFileOf(directory), "utf8").trimEnd().split("\n").slice(-count);
  } catch {
    return [];
  }
}
