import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chartRange,
  type ChartRange,
  type MetaflowChart,
  metaflowChartProblem,
  metaflowCompatibility,
  metaflowVersion,
} from "../../../../components/metaflow/metaflowCompatibility";
import { compareVersions } from "../../../../components/core/chartVersion";
import { addonsSchema, selfHostedSchema } from "../../../../configuration/platform";

const charts = Object.keys(metaflowCompatibility) as MetaflowChart[];
const version = fc.tuple(fc.nat(3), fc.nat(60), fc.nat(40)).map((parts) => parts.join("."));

describe("metaflowChartProblem", () => {
  it("has nothing against the versions that the configuration installs by itself", () => {
    const { argoWorkflows, argoEvents } = selfHostedSchema.parse({ kind: "self-hosted" }).charts;
    const { jobSet } = addonsSchema.parse({}).charts;
    for (const [chart, wanted] of Object.entries({ argoWorkflows, argoEvents, jobSet }))
      expect(metaflowChartProblem(chart as MetaflowChart, wanted)).toBeUndefined();
  });

  it.each([
    ["argoWorkflows", "0.42.7", "does not work"],
    ["argoWorkflows", "0.45.0", "EKS Pod Identity"],
    ["argoWorkflows", "1.0.0", "CronWorkflow's field schedule"],
    ["argoWorkflows", "1.0.18", "nobody has tried Metaflow on it"],
    ["argoEvents", "2.4.1", "v1.9 only"],
    ["argoEvents", "2.5.0", "v1.9 only"],
    ["jobSet", "0.5.2", "status.terminalState"],
    ["jobSet", "v0.5.2", "status.terminalState"],
    ["jobSet", "0.13.0", "v1alpha2"],
  ] as const)("refuses %s %s, says why, and names the versions to use", (chart, wanted, why) => {
    const problem = metaflowChartProblem(chart, wanted) ?? "";
    expect(problem).toContain(why);
    const [, from = "", before = ""] = /use (\d+\.\d+\.\d+) or later, before (\d+\.\d+\.\d+)$/.exec(problem) ?? [];
    expect(metaflowChartProblem(chart, from)).toBeUndefined();
    expect(metaflowChartProblem(chart, before)).toBeDefined();
  });

  it.each([
    ["argoWorkflows", ["0.45.1", "0.45.2", "0.45.20", "0.45.21", "0.47.5"]],
    ["argoEvents", ["2.4.2", "2.4.8", "2.4.22"]],
    ["jobSet", ["0.6.0", "v0.8.2", "0.12.0"]],
  ] as const)("lets %s of %j pass", (chart, versions) => {
    for (const wanted of versions) expect(metaflowChartProblem(chart, wanted)).toBeUndefined();
  });

  it("says that a text is no version", () => {
    expect(metaflowChartProblem("argoWorkflows", "latest")).toBe('must be a version such as "0.45.2"');
  });
});

describe("metaflowCompatibility", () => {
  it("covers every version of every chart exactly once", () => {
    for (const chart of charts) {
      const ranges: readonly ChartRange[] = metaflowCompatibility[chart];
      ranges.forEach((range, index) => {
        expect(range.from).toBe(index === 0 ? "0.0.0" : ranges[index - 1]?.before);
        expect(range.before === undefined).toBe(index === ranges.length - 1);
      });
    }
    fc.assert(
      fc.property(fc.constantFrom(...charts), version, (chart, wanted) => {
        const { from, before } = chartRange(chart, wanted);
        return compareVersions(wanted, from) >= 0 && (before === undefined || compareVersions(wanted, before) < 0);
      }),
    );
  });

  it("speaks of the Metaflow that flows are locked to", () => {
    const lock = fs.readFileSync(path.join(__dirname, "..", "..", "..", "..", "flows", "uv.lock"), "utf8");
    expect(/name = "metaflow"\nversion = "([^"]+)"/.exec(lock)?.[1]).toBe(metaflowVersion);
  });
});
