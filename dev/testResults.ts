/** How many tests of a tier passed, failed and were skipped. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: { status: string; assertionResults: unknown[] }[];
}

/**
 * Counts of vitest's JSON report. A file that could not be loaded has no tests; it counts as one that failed.
 */
export function countVitest(report: VitestReport): Counts {
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * Counts of a JUnit report as pytest writes it (one `testsuite`).
 *
 * @throws when it is not such a report
 */
export function countJunit(xml: string): Counts {
  const suite = /<testsuite\s[^>]*>/.exec(xml)?.[0];
  if (suite === undefined) throw new Error("the report holds no testsuite");
  const [tests, failures, errors, skipped] = ["tests", "failures", "errors", "skipped"].map((name) =>
    Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? Number.NaN),
  );
  if ([tests, failures, errors, skipped].some((count) => count === undefined || Number.isNaN(count))) {
    throw new Error(`the report's testsuite lacks counts: ${suite}`);
  }
  // A test that passes and then fails to clean up counts as both; it is reported as the failure.
  const failed = Number(failures) + Number(errors);
  return { passed: Math.max(0, Number(tests) - failed - Number(skipped)), failed, skipped: Number(skipped) };
}

export function addCounts(counts: readonly Counts[]): Counts {
  const sum = (key: keyof Counts) => counts.reduce((total, each) => total + each[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

/** `12 passed, 0 failed`, and how many were skipped if any were. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
