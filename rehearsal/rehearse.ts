import * as fs from "node:fs";
import * as path from "node:path";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import {
  type RehearsalRecord,
  type RehearsalReport,
  rehearsalReportSchema,
  type RehearsalRequest,
} from "../contracts/rehearsal";
import { layout, pythonOf } from "../machine/checkout.mjs";
import { makePrivateFolder } from "../machine/privateFolder";
import { removeBelow } from "../machine/removal";
import { runKey } from "../recipe/runIdentity";
import { withExclusiveLock } from "../setup/exclusive-lock.mjs";
import { explainIssues } from "../validation/explainIssues";
import { traceFullShape } from "./fullShape";
import type { RehearsalIdentity } from "./identity";
import { type ProgramEnd, runProgram } from "./process";
import { keepRecord } from "./records";
import { rehearsalShapeOf } from "./shape";

/** What is to be rehearsed, and where. */
export interface Rehearsal {
  readonly identity: RehearsalIdentity;
  readonly recipe: Recipe;
  readonly plan: Plan;
  /** Training processes where the plan spreads states over several. */
  readonly processes: number;
  /** Whether the dry run on fake tensors at full size is part of it. */
  readonly fullShape: boolean;
  /** Folder below which it works in one of its own. */
  readonly folder: string;
  /** In place of Python and the module that rehearses: what writes a report as that does. It gets the request's file. */
  readonly command?: readonly string[];
  /** Folder of what is kept; left out: the checkout's. */
  readonly records?: string;
}

export interface RehearsalCalls {
  /** Told each line of progress. */
  readonly onLine: (line: string) => void;
  /** Ends it, with all that it has started. */
  readonly signal: AbortSignal;
  readonly environment?: NodeJS.ProcessEnv;
}

/** It could not be carried out; the message says why, and where its log is. */
export class RehearsalError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RehearsalError";
  }
}

const reportName = "report.json";
const reportText = (file: string): string => path.relative(path.dirname(layout.state), file);

/**
 * Rehearses a recipe and keeps what that proved. Where it passed, its folder of work goes; else that stays to be looked at.
 *
 * @throws RehearsalError where it could not be carried out; the reason of the signal where that has ended it.
 */
export async function rehearse(rehearsal: Rehearsal, calls: RehearsalCalls): Promise<RehearsalRecord> {
  const key = runKey({ name: rehearsal.recipe.name, contentHash: rehearsal.identity.identity });
  const folder = path.join(rehearsal.folder, key);
  return withExclusiveLock(
    path.join(layout.locks, `rehearsal-${key}.lock`),
    async () => {
      removeBelow(layout.state, folder);
      makePrivateFolder(folder);
      const scaled = await rehearseScaled(rehearsal, folder, calls);
      const report = await withFullShape(rehearsal, scaled, folder, calls);
      const leftOut = rehearsal.fullShape || !hasFullShape(rehearsal) ? [] : ["the dry run at full size"];
      const { parts, rehearsalCode } = rehearsal.identity;
      const record = { report, parts, rehearsalCode, leftOut };
      keepRecord(record, rehearsal.records);
      if (report.passed) removeBelow(layout.state, folder);
      else calls.onLine(`what it made is kept in ${reportText(folder)}`);
      return record;
    },
    (holder) => {
      calls.onLine(`waiting for process ${holder}, which rehearses the same`);
    },
  );
}

/** A run that has no GPU is rehearsed at its own size. */
const hasFullShape = ({ plan }: Rehearsal): boolean => plan.gpusPerNode > 0;

/** What is asked of the Python side. */
export function requestOf(rehearsal: Rehearsal, folder: string, environment: NodeJS.ProcessEnv): RehearsalRequest {
  const { identity, recipe, plan, processes } = rehearsal;
  const servePython = pythonOf("serve");
  return {
    identity: identity.identity,
    recipe,
    plan,
    shape: rehearsalShapeOf(recipe),
    folder,
    servePython: fs.existsSync(servePython) ? servePython : null,
    useHub: !/^(?:1|on|true|yes)$/i.test(environment.HF_HUB_OFFLINE ?? ""),
    processes,
  };
}

/** The recipe's own run, scaled. */
async function rehearseScaled(rehearsal: Rehearsal, folder: string, calls: RehearsalCalls): Promise<RehearsalReport> {
  const environment = calls.environment ?? process.env;
  const requestFile = path.join(folder, "request.json");
  fs.writeFileSync(requestFile, `${JSON.stringify(requestOf(rehearsal, folder, environment), null, 2)}\n`);
  const logFile = path.join(folder, "log.txt");
  const command = [...(rehearsal.command ?? [pythonOf("train"), "-m", "posttraining.rehearsal"]), requestFile];
  const end = await runProgram({ ...calls, command, folder, logFile, environment });
  // 1: an invariant does not hold. All else is no answer.
  if (end.status !== 0 && end.status !== 1) throw couldNotRun(rehearsal, end, logFile);
  return readReport(rehearsal, folder, end, logFile);
}

function couldNotRun(
  { recipe }: Pick<Rehearsal, "recipe">,
  { status, lines }: ProgramEnd,
  logFile: string,
  problem = `it ended with status ${String(status)}`,
): RehearsalError {
  return new RehearsalError(
    [
      `the rehearsal of ${recipe.name} could not be carried out: ${problem}`,
      ...lines.map((line) => `  | ${line}`),
      `Whole log: ${reportText(logFile)}`,
      "If Python packages are missing, run `npm run bootstrap`.",
    ].join("\n"),
  );
}

function readReport(rehearsal: Rehearsal, folder: string, end: ProgramEnd, logFile: string): RehearsalReport {
  const refused = (problem: string): RehearsalError => couldNotRun(rehearsal, end, logFile, problem);
  let document: unknown;
  try {
    document = JSON.parse(fs.readFileSync(path.join(folder, reportName), "utf8"));
  } catch (error) {
    throw refused(`its report cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = rehearsalReportSchema.safeParse(document);
  if (!read.success) {
    const problems = explainIssues(read.error.issues, document).map(({ path: field, reason }) => `${field}: ${reason}`);
    throw refused(`its report is not as contracts/rehearsal.ts says: ${problems.join("; ")}`);
  }
  const report = read.data;
  if (report.identity !== rehearsal.identity.identity) throw refused("its report is of another run");
  // The exit status, the report's word and its invariants say the same, or nothing is proven.
  const holds = report.invariants.every(({ passed }) => passed);
  if (report.passed !== holds || (end.status === 0) !== holds) {
    throw refused(
      `it ended with status ${String(end.status)}, and its report says that it ${holds ? "passed" : "failed"}`,
    );
  }
  return report;
}

/** The report with what the dry run at full size has shown. */
async function withFullShape(
  rehearsal: Rehearsal,
  report: RehearsalReport,
  folder: string,
  calls: RehearsalCalls,
): Promise<RehearsalReport> {
  if (!rehearsal.fullShape || !hasFullShape(rehearsal)) return report;
  const begin = performance.now();
  calls.onLine("full size: one step on fake tensors");
  const own = await traceFullShape(rehearsal, folder, { ...calls, environment: calls.environment ?? process.env });
  const seconds = Math.round((performance.now() - begin) / 100) / 10;
  return {
    ...report,
    replaced: [...report.replaced, ...own.replaced],
    invariants: [...report.invariants, ...own.invariants],
    passed: report.passed && own.invariants.every(({ passed }) => passed),
    seconds: { ...report.seconds, fullSize: seconds, total: (report.seconds.total ?? 0) + seconds },
  };
}
