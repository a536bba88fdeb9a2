import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { listeningPorts } from "./ports";
import {
  endProcesses,
  environmentOf,
  environmentsOf,
  ownAncestry,
  type ProcessIdentity,
  type RunningProcess,
  runningProcesses,
  withDescendants,
} from "./processes.mjs";
import { askSystem } from "./system-program.mjs";

/**
 * What of this machine has to do with a folder: every process whose environment, working folder or open files name it, and the
 * ports on which it listens. What a stack has started tells itself from what only looks at the stack's files, such as a shell.
 */

export interface FolderUser {
  readonly process: RunningProcess;
  /**
   * What of it names the folder: `environment`, `working folder`, `open file`; or, where nothing does, `its session or parent`.
   */
  readonly how: string[];
  /** It was started by a stack that lives in the folder. */
  readonly isOurs: boolean;
  /** TCP ports on which it listens */
  readonly ports: number[];
}

/**
 * Variable that every process which a stack starts has in its environment: the folder of the server or run that it belongs to.
 * flows/posttraining/driver/environment.py sets it for runs.
 */
export const ownerVariable = "POSTTRAINING_DIRECTORY";

/** True if the path is the folder or lies below it. The kernel writes ` (deleted)` behind what was removed. */
const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || path === `${folder} (deleted)`;

/** True if a text names the folder, and not one whose name only begins the same way. */
export function names(text: string, folder: string): boolean {
  for (let at = text.indexOf(folder); at >= 0; at = text.indexOf(folder, at + 1)) {
    const next = text.charAt(at + folder.length);
    if (next === "" || !/[\w.-]/.test(next)) return true;
  }
  return false;
}

export interface OpenFiles {
  /** It lies within the folder. */
  workingFolder: boolean;
  /** Some file below the folder is open. */
  reads: boolean;
  /** A log below the folder is open for writing: standard output of what a stack has started. */
  writesLog: boolean;
}

/** Servers and runs write to a `log.txt` in their folder. */
const isLog = (path: string): boolean => /\/log(?:\.previous)?\.txt(?: \(deleted\))?$/.test(path);

function linuxOpenFiles(pid: number, folders: readonly string[]): OpenFiles {
  const inside = (path: string) => folders.some((folder) => isWithin(path, folder));
  const found: OpenFiles = { workingFolder: false, reads: false, writesLog: false };
  try {
    found.workingFolder = inside(readlinkSync(`/proc/${pid}/cwd`));
    for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
      let target;
      try {
        target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      } catch {
        continue;
      }
      if (!inside(target)) continue;
      found.reads = true;
      if (!isLog(target)) continue;
      // Octal; the last two bits are the access mode, 0 for reading only (open(2)).
      const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0) found.writesLog = true;
    }
  } catch {
    // It has ended meanwhile, or belongs to another user.
  }
  return found;
}

/** Reads what `lsof -F pfan` says: a line for each field, `p` beginning a process and `f` a descriptor. */
export function parseLsof(text: string, folders: readonly string[]): Map<number, OpenFiles> {
  const all = new Map<number, OpenFiles>();
  let pid = 0;
  let descriptor = "";
  let access = "";
  for (const line of text.split("\n")) {
    const value = line.slice(1);
    switch (line[0]) {
      case "p":
        pid = Number(value);
        break;
      case "f":
        descriptor = value;
        access = "";
        break;
      case "a":
        access = value;
        break;
      case "n": {
        if (!folders.some((folder) => isWithin(value, folder))) break;
        const found = all.get(pid) ?? { workingFolder: false, reads: false, writesLog: false };
        if (descriptor === "cwd") found.workingFolder = true;
        else found.reads = true;
        if (isLog(value) && (access === "w" || access === "u")) found.writesLog = true;
        all.set(pid, found);
        break;
      }
      default:
        break;
    }
  }
  return all;
}

/** The same folder as programs may name it: as given, and with every link resolved. */
function namesOf(folder: string): string[] {
  try {
    return [...new Set([folder, realpathSync(folder)])];
  } catch {
    return [folder];
  }
}

/**
 * True if a process's entry names as its owner another folder that is there: it is of another checkout, whose records may have been
 * copied with it into this one. Of one that was moved, the folder that its processes name is gone.
 *
 * @param entry of its environment, as `NAME=value`
 * @param folders names of the folder
 */
function namesAnotherOwner(entry: string, folders: readonly string[]): boolean {
  if (!entry.startsWith(`${ownerVariable}=`)) return false;
  const owner = entry.slice(ownerVariable.length + 1);
  return existsSync(owner) && !namesOf(owner).some((name) => folders.some((folder) => isWithin(name, folder)));
}

/**
 * True if a process belongs to a server or run of another checkout, although a record in this folder names it.
 *
 * @param folder of a stack, of one of its servers or of one of its runs
 */
export function isOfAnother(pid: number, folder: string): boolean {
  const folders = namesOf(folder);
  return environmentOf(pid).some((entry) => namesAnotherOwner(entry, folders));
}

/**
 * True if processes of a session are those of its recorded leader: it still is the leader, or it has ended. As long as a process
 * of a session lives, no other process gets the number of its leader; after a restart of the machine all numbers begin anew.
 */
function ownsItsSession(leader: ProcessIdentity, processes: readonly RunningProcess[]): boolean {
  const found = processes.find(({ pid }) => pid === leader.pid);
  if (found !== undefined) return found.startTime === leader.startTime;
  const boot = /^(.+)\//.exec(leader.startTime)?.[1];
  return boot === undefined || processes.some(({ startTime }) => startTime.startsWith(`${boot}/`));
}

/**
 * Every process of this machine that has to do with the folder, but this one and those that have started it. Processes of
 * other users cannot be looked into unless this runs as root; none of a stack is one.
 *
 * @param folder absolute; need not exist any more
 * @param records what the folder's records say
 * @param records.leaders processes that were started in sessions of their own, alive or not
 * @param records.marks entries, as `NAME=value`, of the environment of what was started
 */
export function usersOf(
  folder: string,
  { leaders = [], marks = new Set() }: { leaders?: readonly ProcessIdentity[]; marks?: ReadonlySet<string> } = {},
): FolderUser[] {
  const folders = namesOf(folder);
  const processes = runningProcesses();
  const own = ownAncestry(processes);
  const candidates = processes.filter(({ pid }) => !own.has(pid));
  const environments = environmentsOf(candidates);
  const pidsWith = (matches: (entry: string) => boolean) =>
    new Set(candidates.flatMap(({ pid }) => (environments.get(pid)?.some(matches) === true ? [pid] : [])));

  const owner = `${ownerVariable}=`;
  const isMark = (entry: string) =>
    marks.has(entry) || (entry.startsWith(owner) && folders.some((each) => isWithin(entry.slice(owner.length), each)));
  const owned = pidsWith(isMark);
  const named = pidsWith((entry) => folders.some((each) => names(entry, each)));
  const others = pidsWith((entry) => namesAnotherOwner(entry, folders));
  const sessions = new Set(
    leaders.filter((leader) => ownsItsSession(leader, processes) && !others.has(leader.pid)).map(({ pid }) => pid),
  );
  const elsewhere =
    process.platform === "linux" ? undefined : parseLsof(askSystem("lsof", ["-nP", "-w", "-F", "pfan"]), folders);
  const none = { workingFolder: false, reads: false, writesLog: false };
  const files = new Map(
    candidates.map(({ pid }) => [
      pid,
      elsewhere === undefined ? linuxOpenFiles(pid, folders) : (elsewhere.get(pid) ?? none),
    ]),
  );

  // A program that writes over its environment, as vLLM's engine does, still writes to the log and works in the folder. What
  // a person has started from a terminal may do so too, and is nobody's to end.
  const started = candidates.filter(
    ({ pid, session, hasTerminal }) =>
      !others.has(pid) &&
      (owned.has(pid) || (!hasTerminal && (sessions.has(session) || files.get(pid)?.writesLog === true))),
  );
  const ours = withDescendants(
    started.map(({ pid }) => pid),
    candidates,
  );
  const ports = listeningPorts();
  return candidates.flatMap((candidate) => {
    const open = files.get(candidate.pid) ?? none;
    const how = [
      ...(named.has(candidate.pid) || owned.has(candidate.pid) ? ["environment"] : []),
      ...(open.workingFolder ? ["working folder"] : []),
      ...(open.reads ? ["open file"] : []),
    ];
    if (how.length === 0 && ours.has(candidate.pid)) how.push("its session or parent");
    return how.length === 0
      ? []
      : [
          {
            process: candidate,
            how,
            isOurs: ours.has(candidate.pid),
            ports: ports.flatMap(({ port, pids }) => (pids.includes(candidate.pid) ? [port] : [])),
          },
        ];
  });
}

/**
 * The processes that a stack in this folder has started and that still live.
 *
 * @param folder of a stack, of one of its servers or of one of its runs
 */
export const processesOf = (folder: string, records?: Parameters<typeof usersOf>[1]): RunningProcess[] =>
  usersOf(folder, records).flatMap(({ process: found, isOurs }) => (isOurs ? [found] : []));

/**
 * Ends what a stack in this folder has started, and removes the shared memory that it would have removed at its end.
 *
 * @param folder of a stack, of one of its servers or of one of its runs
 * @param graceSeconds between SIGTERM and SIGKILL
 * @returns what did not go
 */
export async function endProcessesOf(
  folder: string,
  records?: Parameters<typeof usersOf>[1],
  graceSeconds?: number,
): Promise<RunningProcess[]> {
  const memory = sharedMemoryOf(processesOf(folder, records).map(({ pid }) => pid));
  const left = await endProcesses(() => processesOf(folder, records), graceSeconds);
  if (left.length > 0 || memory.length === 0) return left;
  const inUse = new Set(sharedMemoryOf(runningProcesses().map(({ pid }) => pid)));
  for (const file of memory) if (!inUse.has(file)) rmSync(file, { force: true });
  return left;
}

/**
 * Files of shared memory that processes hold on Linux: a program that is killed cannot remove them, and each is memory.
 */
function sharedMemoryOf(pids: readonly number[]): string[] {
  if (process.platform !== "linux") return [];
  return pids.flatMap((pid) => {
    try {
      const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
      return [...new Set(maps.match(/\/dev\/shm\/\S+$/gm) ?? [])];
    } catch {
      return [];
    }
  });
}
