import type { RehearsalRecord, RehearsalReport } from "../contracts/rehearsal";

/** A report for people, line by line. */

/** A text after a mark; further lines stand below its first. */
const entry = (mark: string, text: string): string =>
  `  ${mark}${text.replaceAll("\n", `\n${" ".repeat(mark.length + 2)}`)}`;

const secondsText = (seconds: RehearsalReport["seconds"]): string =>
  Object.entries(seconds)
    .filter(([phase]) => phase !== "total")
    .map(([phase, value]) => `${phase} ${value.toFixed(0)}`)
    .join(", ");

export function reportLines({ report, leftOut }: Pick<RehearsalRecord, "report" | "leftOut">): string[] {
  const { invariants, replaced, seconds, passed } = report;
  const held = invariants.filter((invariant) => invariant.passed).length;
  return [
    "What it proves:",
    ...invariants.map((one) => entry(one.passed ? "passed  " : "FAILED  ", `${one.name}: ${one.message}`)),
    ...(replaced.length === 0 ? [] : ["", "What a processor cannot have, and what stood in for it:"]),
    ...replaced.map(({ what, by, why }) => entry("", `${what}: ${by} (${why})`)),
    ...(leftOut.length === 0 ? [] : ["", `Left out: ${leftOut.join(", ")}; \`up\` takes this for no rehearsal.`]),
    "",
    `Seconds: ${(seconds.total ?? 0).toFixed(0)} (${secondsText(seconds)})`,
    `${report.recipe}: ${passed ? "passed" : "FAILED"}, ${held} of ${invariants.length} invariants hold`,
  ];
}

/** What became of one of several recipes. */
export interface SummaryRow {
  /** The recipe and what of it is trained. */
  readonly name: string;
  /** Null: it could not be carried out. */
  readonly record: RehearsalRecord | null;
  readonly problem?: string;
}

const counted = (invariants: number): string => `${invariants} invariant${invariants === 1 ? "" : "s"}`;

/** A line for each of several recipes. */
export function summaryLines(rows: readonly SummaryRow[]): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, record, problem }) => {
    if (record === null) return `${name.padEnd(width)}  NOT RUN  ${problem?.split("\n")[0] ?? ""}`;
    const { report } = record;
    const broken = report.invariants.filter(({ passed }) => !passed).map((invariant) => invariant.name);
    const total = `${(report.seconds.total ?? 0).toFixed(0).padStart(5)} s`;
    return `${name.padEnd(width)}  ${report.passed ? "passed " : "FAILED "}  ${total}  ${counted(report.invariants.length)}${broken.length === 0 ? "" : `; not: ${broken.join("; ")}`}`;
  });
}
