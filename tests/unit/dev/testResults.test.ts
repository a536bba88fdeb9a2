import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { addCounts, countJunit, countVitest, formatCounts } from "../../../dev/testResults";
import { readReport } from "../../../dev/testTiers";

describe("countVitest", () => {
  const report = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1, testResults: [] };

  it("counts tests", () => {
    expect(countVitest(report)).toEqual({ passed: 3, failed: 1, skipped: 3 });
  });

  it("counts a file that could not be loaded as a failure", () => {
    const testResults = [
      { status: "failed", assertionResults: [] },
      { status: "failed", assertionResults: [{}] },
    ];
    expect(countVitest({ ...report, testResults }).failed).toBe(2);
  });
});

describe("countJunit", () => {
  it("counts tests, failures, errors and skips", () => {
    const xml = `<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="20" time="1"/></testsuites>`;
    expect(countJunit(xml)).toEqual({ passed: 14, failed: 3, skipped: 3 });
  });

  it("refuses what is not a report", () => {
    expect(() => countJunit("")).toThrow("no testsuite");
    expect(() => countJunit('<testsuite name="x">')).toThrow("lacks counts");
  });
});

describe("readReport", () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "report-")), "report");
  const count = () => ({ passed: 5, failed: 0, skipped: 0 });

  it("fails a runner that left no report", () => {
    expect(readReport(file, 0, count, () => undefined).failed).toBe(1);
  });

  it("fails a runner that failed without a failed test", () => {
    fs.writeFileSync(file, "");
    expect(readReport(file, 1, count, () => undefined)).toEqual({ passed: 5, failed: 1, skipped: 0 });
    expect(readReport(file, 0, count, () => undefined).failed).toBe(0);
  });
});

describe("formatCounts", () => {
  it("is the last line that continuous integration reads", () => {
    const total = addCounts([
      { passed: 3, failed: 0, skipped: 0 },
      { passed: 4, failed: 1, skipped: 2 },
    ]);
    expect(formatCounts(total)).toBe("7 passed, 1 failed, 2 skipped");
    expect(formatCounts({ passed: 7, failed: 0, skipped: 0 })).toBe("7 passed, 0 failed");
  });
});
