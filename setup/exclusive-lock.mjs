import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess, isAlive, ownIdentity, processesWithVariable, startTimeOf } from "../machine/processes.mjs";
import { formatSeconds } from "../machine/duration.mjs";
import { silenceSeconds } from "../machine/reminder.mjs";

/** Removing a dead holder's lock takes microseconds; a removal that was itself interrupted is ignored after this long. */
const takeoverMilliseconds = 10_000;

/** @param {string} file */
function holderOf(file) {
  try {
    /** @type {unknown} */
    const found = JSON.parse(readFileSync(file, "utf8"));
    const { pid, startTime } = /** @type {Partial<import("../machine/processes.mjs").ProcessIdentity>} */ (found);
    return typeof pid === "number" && typeof startTime === "string" ? { pid, startTime } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * True for a file that has been there for a while and names nobody: a disk that was cut off may have kept its name alone.
 *
 * @param {string} file
 */
function namesNobody(file) {
  try {
    return holderOf(file) === undefined && Date.now() - statSync(file).mtimeMs > takeoverMilliseconds;
  } catch {
    return false;
  }
}

/**
 * Puts a file with this process's identity in place, unless the file is there already. A link and not an exclusive open:
 * the file never exists without its content.
 *
 * @param {string} file
 */
function claim(file) {
  const own = ownIdentity();
  const draft = `${file}.${own.pid}`;
  writeFileSync(draft, JSON.stringify(own));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Removes the lock of a holder that has ended. Only one process at a time may do so, and it looks again once it may:
 * otherwise the second of two would remove the lock that the first has just taken.
 *
 * @param {string} file
 */
function removeIfDead(file) {
  const takeover = `${file}.takeover`;
  try {
    if (Date.now() - statSync(takeover).mtimeMs > takeoverMilliseconds) rmSync(takeover, { force: true });
  } catch {
    // No removal is under way.
  }
  if (!claim(takeover)) return;
  try {
    const holder = holderOf(file);
    if (holder === undefined ? namesNobody(file) : !isAlive(holder)) rmSync(file, { force: true });
  } finally {
    rmSync(takeover, { force: true });
  }
}

/**
 * @param {number} holder process number
 * @param {number} seconds for how long it has been waited for
 * @param {string} what what it does, for example `is installing them`
 */
export function describeWait(holder, seconds, what) {
  const since = seconds < 1 ? "" : `, for ${formatSeconds(Math.round(seconds))}`;
  return `waiting for process ${holder}, which ${what}${since}`;
}

/** Variable that marks what the holder of a lock has started. */
const mark = "POSTTRAINING_LOCK";

/**
 * Runs `action` while no other process of this machine runs one under the same file. A holder that was killed is noticed,
 * and what it had started is ended before `action` begins.
 *
 * @template T
 * @param {string} file
 * @param {(environment: NodeJS.ProcessEnv) => Promise<T>} action gets the environment for the commands that it starts
 * @param {(holder: number, seconds: number) => void} [onWait] told, with the process number of the holder and for how long it
 *   has been waited for, when there is a wait, and again at intervals
 * @param {number} [againSeconds] the interval
 * @returns {Promise<T>}
 */
export async function withExclusiveLock(file, action, onWait, againSeconds = silenceSeconds) {
  mkdirSync(path.dirname(file), { recursive: true });
  const began = performance.now();
  /** @type {number | undefined} */
  let told;
  while (!claim(file)) {
    const holder = holderOf(file);
    if (holder !== undefined && isAlive(holder)) {
      const now = performance.now();
      if (told === undefined || now - told >= againSeconds * 1000) {
        onWait?.(holder.pid, (now - began) / 1000);
        told = now;
      }
    } else if (holder !== undefined || namesNobody(file)) {
      for (const orphan of processesWithVariable(mark, file)) {
        await endProcess({ pid: orphan.pid, startTime: startTimeOf(orphan.pid) ?? "" });
      }
      removeIfDead(file);
    }
    await sleep(100);
  }
  try {
    return await action({ ...process.env, [mark]: file });
  } finally {
    rmSync(file, { force: true });
  }
}
