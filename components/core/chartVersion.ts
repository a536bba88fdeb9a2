import { compareVersions as compareNumbers } from "../../machine/version.mjs";

/** Versions of Helm charts and of the software in them: `0.45.2`, `v0.8.2` or `1.2`. */

/** Numbers of a version, for example [0, 45, 2]; undefined if it is none. */
function numbersOf(version: string): readonly number[] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?$/.exec(version);
  return match === null ? undefined : match.slice(1).map((part: string | undefined) => Number(part ?? 0));
}

/** Why a text is no version; undefined if it is one. */
export function chartVersionProblem(version: string): string | undefined {
  return numbersOf(version) === undefined ? 'must be a version such as "0.45.2"' : undefined;
}

/**
 * Negative when `a` is the earlier version, positive when it is the later one.
 *
 * @throws Error if either is no version.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  if (left === undefined || right === undefined) throw new Error(`${a} and ${b} cannot be compared as versions`);
  return compareNumbers(left.join("."), right.join("."));
}

/** The oldest version of a chart that works here, and why; undefined where none is known not to. */
export interface OldestVersion {
  readonly version: string;
  readonly because: string;
}

/** Why a chart's version cannot be installed: it is none, or older than the oldest that works. */
export function installableVersionProblem(version: string, oldest: OldestVersion | undefined): string | undefined {
  const problem = chartVersionProblem(version);
  if (problem !== undefined || oldest === undefined || compareVersions(version, oldest.version) >= 0) return problem;
  return `needs ${oldest.version} or newer: ${oldest.because}`;
}
