import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chartErrors,
  chartRange,
  type ChartRange,
  compareVersions,
  type MetaflowChart,
  metaflowCompatibility,
  metaflowVersion,
} from "../../../../components/metaflow/metaflowCompatibility";
import { addonsSchema, selfHostedSchema } from "../../../../configuration/platform";

const charts = Object.keys(metaflowCompatibility) as MetaflowChart[];
const version = fc.tuple(fc.nat(3), fc.nat(60), fc.nat(40)).map((parts) => parts.join("."));

describe("chartErrors", () => {
  it("has nothing against the versions that the configuration installs by itself", () => {
    const { argoWorkflows, argoEvents } = selfHostedSchema.parse({ kind: "self-hosted" }).charts;
    const { jobSet } = addonsSchema.parse({}).charts;
    expect(chartErrors({ argoWorkflows, argoEvents, jobSet })).toEqual([]);
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
    const [error, ...others] = chartErrors({ [chart]: wanted });
    expect(others).toEqual([]);
    expect(error?.reason).toContain(`got "${wanted}"`);
    expect(error?.reason).toContain(why);
    const suggested = /use (\d+\.\d+\.\d+) or later, before (\d+\.\d+\.\d+)$/.exec(error?.reason ?? "");
    expect(chartErrors({ [chart]: suggested?.[1] ?? "" })).toEqual([]);
    expect(chartErrors({ [chart]: suggested?.[2] ?? "" })).toHaveLength(1);
  });

  it.each([
    ["argoWorkflows", ["0.45.1", "0.45.2", "0.45.20", "0.45.21", "0.47.5"]],
    ["argoEvents", ["2.4.2", "2.4.8", "2.4.22"]],
    ["jobSet", ["0.6.0", "v0.8.2", "0.12.0"]],
  ] as const)("lets %s of %j pass", (chart, versions) => {
    for (const wanted of versions) expect(chartErrors({ [chart]: wanted })).toEqual([]);
  });

  it("names every wrong version at once, by its place in the configuration", () => {
    const errors = chartErrors({ argoWorkflows: "1.0.18", argoEvents: "2.4.8", jobSet: "0.5.0" });
    expect(errors.map(({ propertyPath }) => propertyPath)).toEqual([
      "backend.charts.argoWorkflows",
      "addons.charts.jobSet",
    ]);
  });

  it("calls the versions what the caller calls them", () => {
    const paths = { argoWorkflows: "charts.argoWorkflows", argoEvents: "charts.argoEvents", jobSet: "charts.jobSet" };
    expect(chartErrors({ argoWorkflows: "1.0.0" }, paths)[0]?.propertyPath).toBe("charts.argoWorkflows");
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

describe("compareVersions", () => {
  it("orders by number, not by letter, with or without a v", () => {
    expect(compareVersions("0.45.9", "0.45.21")).toBeLessThan(0);
    expect(compareVersions("v0.10.1", "0.9.0")).toBeGreaterThan(0);
    expect(compareVersions("0.46", "v0.46.0")).toBe(0);
  });

  it("is an order", () => {
    fc.assert(
      fc.property(version, version, (a, b) => Math.sign(compareVersions(a, b)) === -Math.sign(compareVersions(b, a))),
    );
  });
});
