import { formatSeconds } from "./duration.mjs";

/**
 * Says what is under way when nothing has been said for a while: work that is silent for minutes looks like work that hangs.
 *
 * @typedef {object} Clock
 * @property {() => number} now milliseconds from any moment on
 * @property {(milliseconds: number, callback: () => void) => () => void} every returns what stops it
 */

/** After so much silence something is said; looked at every few seconds, so that 30 s are never reached. */
export const silenceSeconds = 20;
const lookSeconds = 5;

/** @type {Clock} */
export const systemClock = {
  now: () => performance.now(),
  every(milliseconds, callback) {
    const timer = setInterval(callback, milliseconds);
    // A reminder is no reason to go on.
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** @param {number} seconds */
const formatWhole = (seconds) => (seconds < 10 ? `${Math.round(seconds)} s` : formatSeconds(seconds));

/**
 * @param {string} activity what is under way, for example `building from Go modules`
 * @param {number} seconds since it began
 * @param {{ line: string, seconds: number }} [last] the last line that it has said, and how long ago
 */
export function stillUnderWay(activity, seconds, last) {
  const since = `${activity}, for ${formatWhole(seconds)}`;
  const line = last?.line.trim() ?? "";
  if (last === undefined || line === "") return since;
  return `${since}; ${formatWhole(last.seconds)} ago: ${line.length > 100 ? `${line.slice(0, 99)}…` : line}`;
}

/**
 * @typedef {object} Reminder
 * @property {(activity: string) => void} begin something else is under way from now on
 * @property {(line?: string) => void} said something has been said; `line`: what, where a reminder shall repeat it
 * @property {() => void} stop
 */

/**
 * @param {string} activity what is under way from now on
 * @param {(line: string) => void} say
 * @param {Clock} [clock]
 * @returns {Reminder}
 */
export function remind(activity, say, clock = systemClock) {
  let doing = activity;
  let began = clock.now();
  let spoke = began;
  /** @type {{ line: string, at: number } | undefined} */
  let last;
  const stop = clock.every(lookSeconds * 1000, () => {
    const now = clock.now();
    if (now - spoke < silenceSeconds * 1000) return;
    spoke = now;
    say(
      stillUnderWay(
        doing,
        (now - began) / 1000,
        last === undefined ? undefined : { line: last.line, seconds: (now - last.at) / 1000 },
      ),
    );
  });
  return {
    begin(next) {
      doing = next;
      began = clock.now();
      last = undefined;
    },
    said(line) {
      spoke = clock.now();
      if (line !== undefined) last = { line, at: spoke };
    },
    stop,
  };
}
