import { type ChildProcess, spawn } from "node:child_process";
import { startTimeOf } from "../../machine/processes.mjs";

const children: ChildProcess[] = [];

/** A process that ends with the test, in a group of its own. */
export function started(child: ChildProcess): number {
  children.push(child);
  return child.pid ?? 0;
}

/** A process in a group of its own that has told that it runs. */
export async function start(script: string, environment: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, ["-e", `${script}; console.log("ready"); setInterval(() => {}, 1000)`], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  const pid = started(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return pid;
}

/** Ends what the test has started, with the children of it. */
export function endStarted(): void {
  for (const { pid } of children.splice(0)) {
    try {
      process.kill(-(pid ?? 0), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

export const identify = (pid: number) => ({ pid, startTime: startTimeOf(pid) ?? "" });
