import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { askSystem } from "./system-program.mjs";

/**
 * The processes of this machine, as the commands and the provider see them. Plain Node without packages: the set-up needs it
 * before there are any. flows/posttraining/driver/processes.py is its counterpart for runs and writes start times in the same form.
 *
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} startTime opaque; tells a process from a later one with the same number
 *
 * @typedef {object} RunningProcess
 * @property {number} pid
 * @property {string} startTime
 * @property {number} parent
 * @property {number} group its process group
 * @property {number} session its session on Linux; elsewhere its process group
 * @property {boolean} hasTerminal a person works in it, or has started it from a shell
 * @property {string} command command line, arguments separated by spaces
 */

/**
 * Fields of proc_pid_stat(5) from the third on. The command's name may hold spaces and parentheses: count from the last ")".
 *
 * @param {number | string} pid
 */
function statFields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** @type {string | undefined} */
let boot;

/**
 * Clock ticks count from the start of the system: without its name, a process of before a restart could be taken for one of today.
 *
 * @param {string | undefined} ticks
 */
function linuxStartTime(ticks) {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${boot}/${ticks ?? ""}`;
}

/** @param {string | undefined} processState */
const hasEnded = (processState) => processState === "Z" || processState === "X";

/**
 * @param {readonly string[]} columns
 * @param {readonly string[]} selection
 */
function ps(columns, selection) {
  // Start times are words of a language and of a time zone.
  const environment = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
  const parameters = [...selection, "-o", columns.map((column) => `${column}=`).join(",")];
  return askSystem("ps", parameters, environment)
    .split("\n")
    .filter((line) => line.trim() !== "");
}

/**
 * Start time of a running process; undefined when there is none, or only a zombie that nobody has waited for.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export function startTimeOf(pid) {
  if (process.platform === "linux") {
    const fields = statFields(pid);
    return fields === undefined || hasEnded(fields[0]) ? undefined : linuxStartTime(fields[19]);
  }
  const [processState, ...started] = (ps(["stat", "lstart"], ["-p", String(pid)])[0] ?? "").trim().split(/\s+/);
  return processState === undefined || processState === "" || hasEnded(processState[0]) ? undefined : started.join(" ");
}

/** @returns {ProcessIdentity} */
export function ownIdentity() {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
}

/** @param {ProcessIdentity} identity */
export function isAlive(identity) {
  return startTimeOf(identity.pid) === identity.startTime;
}

/**
 * A line of `ps` with the columns of `runningProcesses`.
 *
 * @param {string} line
 * @returns {RunningProcess | undefined} undefined for a process that has ended, and for what is no such line
 */
export function parsePsLine(line) {
  const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line);
  if (match === null || hasEnded(match[5]?.[0])) return undefined;
  const [, pid, parent, group, terminal, , started = "", command = ""] = match;
  return {
    pid: Number(pid),
    startTime: started.split(/\s+/).join(" "),
    parent: Number(parent),
    group: Number(group),
    session: Number(group),
    hasTerminal: terminal !== "??" && terminal !== "?" && terminal !== "-",
    command,
  };
}

/** @returns {RunningProcess[]} every process of this machine that has not ended */
export function runningProcesses() {
  if (process.platform !== "linux") {
    return ps(["pid", "ppid", "pgid", "tty", "stat", "lstart", "command"], ["-axww"]).flatMap(
      (line) => parsePsLine(line) ?? [],
    );
  }
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const fields = statFields(entry);
      if (fields === undefined || hasEnded(fields[0])) return [];
      let command;
      try {
        command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      } catch {
        return [];
      }
      return [
        {
          pid: Number(entry),
          startTime: linuxStartTime(fields[19]),
          parent: Number(fields[1]),
          group: Number(fields[2]),
          session: Number(fields[3]),
          hasTerminal: fields[4] !== "0",
          command,
        },
      ];
    });
}

/**
 * The environment that a process of this user was started with, each as `NAME=value`. A program that changes its title may have
 * written over it.
 *
 * @param {number} pid
 * @returns {string[]}
 */
function linuxEnvironment(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/**
 * The environment of a process of this user, as it was started with it; empty where it cannot be read.
 *
 * @param {number} pid
 * @returns {string[]} each as `NAME=value`; on systems without /proc after the words of its command
 */
export const environmentOf = (pid) =>
  process.platform === "linux"
    ? linuxEnvironment(pid)
    : ps(["command"], ["-Eww", "-p", String(pid)]).flatMap((line) => entriesIn(line));

/**
 * Takes apart what `ps -E` shows behind a command. A value may hold spaces: an entry goes on to the next `NAME=`.
 *
 * @param {string} line
 */
const entriesIn = (line) => line.split(/ (?=[A-Za-z_][A-Za-z0-9_]*=)/).map((entry) => entry.trimEnd());

/**
 * The environments of processes of this user, as they were started with them, by process number.
 *
 * @param {readonly RunningProcess[]} processes
 * @returns {Map<number, string[]>} each entry as `NAME=value`
 */
export function environmentsOf(processes) {
  if (process.platform === "linux") return new Map(processes.map(({ pid }) => [pid, linuxEnvironment(pid)]));
  // `ps -E` puts the variables behind the command line.
  return new Map(ps(["pid", "command"], ["-axEww"]).map((line) => [Number.parseInt(line, 10), entriesIn(line)]));
}

/**
 * Processes of this user that were started with a variable set to a value.
 *
 * @param {string} name
 * @param {string} value
 * @returns {RunningProcess[]}
 */
export function processesWithVariable(name, value) {
  const processes = runningProcesses();
  const environments = environmentsOf(processes);
  return processes.filter(({ pid }) => environments.get(pid)?.includes(`${name}=${value}`) === true);
}

/**
 * Processes and all that they have started, as far as the parents still live.
 *
 * @param {Iterable<number>} pids
 * @param {readonly RunningProcess[]} processes
 * @returns {Set<number>}
 */
export function withDescendants(pids, processes) {
  const found = new Set(pids);
  for (let grown = true; grown;) {
    const children = processes.filter(({ pid, parent }) => found.has(parent) && !found.has(pid));
    for (const { pid } of children) found.add(pid);
    grown = children.length > 0;
  }
  return found;
}

/**
 * This process and those that have started it.
 *
 * @param {readonly RunningProcess[]} processes
 * @returns {Set<number>}
 */
export function ownAncestry(processes) {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  /** @type {Set<number>} */
  const found = new Set();
  for (let pid = process.pid; pid > 1 && !found.has(pid); pid = parents.get(pid) ?? 0) found.add(pid);
  return found;
}

/**
 * Sends a signal to exactly this process, if it still runs.
 *
 * @param {ProcessIdentity} identity
 * @param {NodeJS.Signals} signal
 */
function send(identity, signal) {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch {
    // It ended in between, or belongs to another user.
  }
}

/** After SIGKILL a process goes within this time, unless the kernel waits for a disk or it belongs to another user. */
const killSeconds = 5;

/**
 * Ends the processes that `find` finds, and those that appear meanwhile: SIGTERM once each, SIGKILL after `graceSeconds`.
 *
 * @template {ProcessIdentity} P
 * @param {() => P[]} find looks at the machine anew
 * @param {number} [graceSeconds]
 * @returns {Promise<P[]>} those that did not go
 */
export async function endProcesses(find, graceSeconds = 10) {
  /** @type {Set<string>} */
  const asked = new Set();
  const began = Date.now();
  for (;;) {
    const found = find();
    const waited = (Date.now() - began) / 1000;
    if (found.length === 0 || waited > graceSeconds + killSeconds) return found;
    for (const identity of found) {
      const name = `${identity.pid} ${identity.startTime}`;
      if (waited >= graceSeconds) send(identity, "SIGKILL");
      else if (!asked.has(name)) {
        send(identity, "SIGTERM");
        // One that was stopped hears nothing until it goes on.
        send(identity, "SIGCONT");
      }
      asked.add(name);
    }
    // Looking at the whole machine costs more than asking after a few; what appears meanwhile is found the next time.
    const until = Date.now() + 250;
    do await sleep(10);
    while (Date.now() < until && found.some(isAlive));
  }
}

/**
 * Ends a process and, if it leads a group, all of that. Does nothing when the process has ended or its number belongs to
 * another by now.
 *
 * @param {ProcessIdentity} identity
 * @param {number} [graceSeconds]
 */
export async function endProcess(identity, graceSeconds = 10) {
  if (!isAlive(identity)) return;
  const leads = runningProcesses().some(({ pid, group }) => pid === identity.pid && group === identity.pid);
  await endProcesses(
    () =>
      runningProcesses().filter(({ pid, startTime, group }) =>
        leads ? group === identity.pid : pid === identity.pid && startTime === identity.startTime,
      ),
    graceSeconds,
  );
}
