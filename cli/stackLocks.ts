import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import * as path from "node:path";
import { type RunningProcess, runningProcesses } from "../machine/processes.mjs";
import { layout } from "../machine/checkout.mjs";
import { Problem } from "../setup/problem.mjs";
import { projectName } from "./stackConfiguration";

/** A lock of Pulumi's file backend. */
export interface StackLock {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly timestamp: string;
}

/** Locks that Pulumi commands hold on a stack of this checkout, or left behind when they were killed. */
export function locksOf(stack: string): StackLock[] {
  const directory = path.join(layout.pulumiState, ".pulumi", "locks", "organization", projectName(), stack);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => readLock(path.join(directory, file)));
}

/**
 * A lock that cannot be read was cut off when its holder, or the machine, was ended: it is that of a process that has ended.
 */
function readLock(file: string): StackLock {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as StackLock;
  } catch {
    return { pid: 0, username: "an unknown user", hostname: hostname(), timestamp: statSync(file).mtime.toISOString() };
  }
}

/**
 * Tells locks of processes that have ended from those that may still be held: the process lives, or belongs to another
 * machine, which cannot be asked.
 *
 * @param host this machine's name
 * @param processes of this machine
 */
export function sortLocks(
  locks: readonly StackLock[],
  host: string,
  processes: readonly Pick<RunningProcess, "pid" | "command">[],
): { held: StackLock[]; dead: StackLock[] } {
  const held = locks.filter(
    (lock) =>
      lock.hostname !== host ||
      // A number that belongs to something else by now is not the holder's.
      processes.some(({ pid, command }) => pid === lock.pid && command.includes("pulumi")),
  );
  return { held, dead: locks.filter((lock) => !held.includes(lock)) };
}

/** @param host this machine's name */
export function lockProblem(stack: string, held: readonly StackLock[], host: string): Problem {
  const holders = held.map((lock) => {
    const where = lock.hostname === host ? "" : ` on ${lock.hostname}`;
    return `process ${lock.pid}${where} of ${lock.username}, since ${lock.timestamp.slice(0, 19).replace("T", " ")} UTC`;
  });
  return new Problem(`Stack ${stack} is in use by another Pulumi command: ${holders.join("; ")}.`, [
    "Wait for it to end, or end it there with Ctrl-C.",
    ...(held.some((lock) => lock.hostname !== host)
      ? [`If that machine no longer runs it: npm run pulumi -- cancel --yes ${stack}`]
      : []),
  ]);
}

/** The locks of a stack, told apart by whether their holder lives. */
export const stackLocks = (stack: string): { held: StackLock[]; dead: StackLock[] } =>
  sortLocks(locksOf(stack), hostname(), runningProcesses());
