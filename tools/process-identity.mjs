import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Processes as this machine knows them. The same form of start time as in provider/processes/processIdentity.ts, which
 * writes the `process.json` files that are read here; that file cannot be loaded before the npm packages are installed.
 *
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} startTime opaque; tells a process from a later one with the same number
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

/** @param {string | undefined} processState */
const hasEnded = (processState) => processState === "Z" || processState === "X";

/**
 * @param {readonly string[]} columns
 * @param {readonly string[]} selection
 */
function ps(columns, selection) {
  try {
    const text = execFileSync("ps", [...selection, "-o", columns.map((column) => `${column}=`).join(",")], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text.split("\n").filter((line) => line.trim() !== "");
  } catch {
    return [];
  }
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
    return fields === undefined || hasEnded(fields[0]) ? undefined : fields[19];
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
 * @typedef {object} RunningProcess
 * @property {number} pid
 * @property {number} parent
 * @property {number} group
 * @property {string} command command line, arguments separated by spaces
 */

/** @returns {RunningProcess[]} every process of this machine that has not ended */
export function runningProcesses() {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry) => {
        const fields = statFields(entry);
        if (fields === undefined || hasEnded(fields[0])) return [];
        let command = "";
        try {
          command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        } catch {
          return [];
        }
        return [{ pid: Number(entry), parent: Number(fields[1]), group: Number(fields[2]), command }];
      });
  }
  return ps(["pid", "ppid", "pgid", "stat", "command"], ["-ax"]).flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null || hasEnded(match[4]?.[0])) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), group: Number(match[3]), command: match[5] ?? "" }];
  });
}

/**
 * Processes of this user that were started with a variable set to a value.
 *
 * @param {string} name
 * @param {string} value
 * @returns {RunningProcess[]}
 */
export function processesWithVariable(name, value) {
  const entry = `${name}=${value}`;
  if (process.platform === "linux") {
    return runningProcesses().filter(({ pid }) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(entry);
      } catch {
        return false;
      }
    });
  }
  // `ps -E` puts the variables behind the command line.
  const pids = ps(["pid", "command"], ["-axEww"])
    .filter((line) => `${line} `.includes(` ${entry} `))
    .map((line) => Number.parseInt(line, 10));
  return runningProcesses().filter(({ pid }) => pids.includes(pid));
}

/**
 * True while any process of the group runs: a leader may end before its children.
 *
 * @param {number} group
 */
export function groupIsAlive(group) {
  return runningProcesses().some((candidate) => candidate.group === group);
}

/**
 * Ends a process and, if it leads a group, all of that: SIGTERM, then SIGKILL after `graceSeconds`. Does nothing when the
 * process has ended or its number belongs to another by now.
 *
 * @param {ProcessIdentity} identity
 * @param {number} [graceSeconds]
 */
export async function endProcess(identity, graceSeconds = 10) {
  if (!isAlive(identity)) return;
  const leads = runningProcesses().some(
    (candidate) => candidate.pid === identity.pid && candidate.group === identity.pid,
  );
  const target = leads ? -identity.pid : identity.pid;
  const remains = () => (leads ? groupIsAlive(identity.pid) : isAlive(identity));
  /** @param {NodeJS.Signals} signal */
  const send = (signal) => {
    try {
      process.kill(target, signal);
    } catch {
      // It ended in between.
    }
  };
  send("SIGTERM");
  const deadline = Date.now() + graceSeconds * 1000;
  while (remains() && Date.now() < deadline) await sleep(50);
  if (remains()) send("SIGKILL");
  while (remains()) await sleep(20);
}
