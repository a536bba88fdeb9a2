import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

/** A process as this machine knows it. The start time tells it from a later process that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque start time: clock ticks since boot on Linux, `ps` text elsewhere. */
  readonly startTime: string;
}

/** Fields of proc_pid_stat(5) from the third on: the command's name may hold spaces and parentheses, so count from the last ")". */
function statFields(pid: number | string): string[] | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

const hasEnded = (state: string | undefined): boolean => state === "Z" || state === "X";

/** Start time of a running process; undefined when there is none, or only a zombie that nobody has waited for. */
export function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    const fields = statFields(pid);
    return fields === undefined || hasEnded(fields[0]) ? undefined : fields[19];
  }
  try {
    const [state, ...started] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(/\s+/);
    return state === undefined || hasEnded(state[0]) ? undefined : started.join(" ");
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** True while any process of the group runs: a leader may end before its children. Zombies do not count. */
export function groupIsAlive(group: number): boolean {
  if (process.platform === "linux") {
    return fs
      .readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .some((pid) => {
        const fields = statFields(pid);
        return fields !== undefined && !hasEnded(fields[0]) && fields[2] === String(group);
      });
  }
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
