import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { groupIsAlive, isAlive, type ProcessIdentity, startTimeOf } from "./processIdentity";
import { isFree } from "./ports";

/** What is remembered of a process that outlives the Pulumi operation which started it. */
export interface ProcessRecord extends ProcessIdentity {
  readonly command: readonly string[];
  readonly port: number;
  readonly startedAt: string;
}

export interface ProcessSpecification {
  /** Folder for `process.json` and `log.txt`; made when missing. */
  readonly directory: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Port that it will listen on, kept in the record. */
  readonly port: number;
}

/** Longest wait for the port of a process that was ended; another program may have taken it by then. */
const portReleaseSeconds = 2;

const recordFile = (directory: string): string => path.join(directory, "process.json");

export const logFileOf = (directory: string): string => path.join(directory, "log.txt");

/** The record in `directory`, or undefined when none was written. */
export function readRecord(directory: string): ProcessRecord | undefined {
  try {
    return JSON.parse(fs.readFileSync(recordFile(directory), "utf8")) as ProcessRecord;
  } catch {
    return undefined;
  }
}

/** The record of the process in `directory` if it still runs. */
export function liveRecord(directory: string): ProcessRecord | undefined {
  const record = readRecord(directory);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/**
 * Starts a process in a session of its own, so that neither the end of the provider nor a closed terminal ends it.
 * Its output goes to `log.txt`; the last run's is kept as `log.previous.txt`.
 *
 * @throws if the command cannot be started.
 */
export async function startProcess(specification: ProcessSpecification): Promise<ProcessRecord> {
  fs.mkdirSync(specification.directory, { recursive: true });
  const log = logFileOf(specification.directory);
  if (fs.existsSync(log)) fs.renameSync(log, path.join(specification.directory, "log.previous.txt"));
  const output = fs.openSync(log, "a");
  try {
    const child = spawn(specification.command, specification.arguments, {
      cwd: specification.directory,
      env: { ...process.env, ...specification.environment },
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
    };
    const temporary = `${recordFile(specification.directory)}.${process.pid}`;
    fs.writeFileSync(temporary, JSON.stringify(record, null, 2));
    fs.renameSync(temporary, recordFile(specification.directory));
    return record;
  } finally {
    fs.closeSync(output);
  }
}

/**
 * Ends exactly the recorded process and the children in its group: SIGTERM, then SIGKILL after `graceSeconds`.
 * A record whose process is gone, or whose number belongs to another process by now, is left alone.
 */
export async function stopProcess(record: ProcessRecord, graceSeconds = 15): Promise<void> {
  if (!isAlive(record)) return;
  process.kill(-record.pid, "SIGTERM");
  const deadline = Date.now() + graceSeconds * 1000;
  while (groupIsAlive(record.pid) && Date.now() < deadline) await sleep(50);
  if (groupIsAlive(record.pid)) process.kill(-record.pid, "SIGKILL");
  while (isAlive(record)) await sleep(20);
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
