import type { RehearsalRecord } from "../contracts/rehearsal";
import { type RehearsalIdentity, rehearsalParts } from "./identity";

/** Whether what is kept of rehearsals proves a run: a pure function of both. */

const partNames: Readonly<Record<(typeof rehearsalParts)[number], string>> = {
  code: "the flow's code",
  packages: "its packages",
  recipe: "the recipe",
  plan: "the plan",
};

/** Why a rehearsal does not pass; undefined where it does. */
export function failureOf({ report, leftOut }: RehearsalRecord): string | undefined {
  const broken = report.invariants.filter(({ passed }) => !passed);
  if (broken.length > 0 || !report.passed) {
    return [
      `the rehearsal of ${report.recipe} failed:`,
      ...broken.map(({ name, message }) => `  - ${name}: ${message}`),
    ].join("\n");
  }
  return leftOut.length > 0 ? `the rehearsal of ${report.recipe} left out ${leftOut.join(", ")}` : undefined;
}

/** Parts of a run that are others than they were when a record was made. */
const changedParts = (wanted: RehearsalIdentity, { parts }: RehearsalRecord): (keyof typeof partNames)[] =>
  rehearsalParts.filter((part) => parts[part] !== wanted.parts[part]);

const day = (at: string): string => at.slice(0, 16).replace("T", " ");

/**
 * Why a run must not start yet.
 *
 * @param records of the run's recipe, the newest first.
 * @returns what is wrong, for people; undefined where a rehearsal of this very run has passed.
 */
export function rehearsalProblem(wanted: RehearsalIdentity, records: readonly RehearsalRecord[]): string | undefined {
  const { recipe } = wanted;
  const own = records.find(({ report }) => report.identity === wanted.identity);
  if (own !== undefined) {
    const failure = failureOf(own);
    if (failure !== undefined) return failure;
    if (own.rehearsalCode === wanted.rehearsalCode) return undefined;
    return `the code that rehearses has changed since ${recipe} was rehearsed (${day(own.report.at)})`;
  }
  const [nearest] = [...records].sort((a, b) => changedParts(wanted, a).length - changedParts(wanted, b).length);
  if (nearest === undefined) return `${recipe} has not been rehearsed`;
  const changed = changedParts(wanted, nearest).map((part) => partNames[part]);
  return `${recipe} was rehearsed (${day(nearest.report.at)}) as another run than this: ${changed.join(", ")} changed`;
}
