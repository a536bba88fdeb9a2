import { chartVersionProblem, compareVersions } from "../core/chartVersion";

/** Charts whose version decides whether Metaflow's workflows run. */
export type MetaflowChart = "argoWorkflows" | "argoEvents" | "jobSet";

/** What is known of Metaflow on a range of versions of a chart. */
export interface ChartRange {
  /** First version of the range. */
  readonly from: string;
  /** First version after it; left out: all that follow. */
  readonly before?: string;
  /** Version of the software that the charts of the range install. */
  readonly application: string;
  /** `works`: seen to; `untried`: nobody has; `broken`: known not to. */
  readonly verdict: "works" | "untried" | "broken";
  /** How that is known. */
  readonly evidence: string;
}

/** Metaflow release that the table below speaks of; flows/uv.lock installs it. */
export const metaflowVersion = "2.19.39";

/**
 * Chart versions and Metaflow, without gaps, from the oldest. Sources: the charts' `Chart.yaml` and the `go.mod` and upgrade notes of
 * Argo (as of 2026-07), the Tiltfile that Metaflow's continuous integration starts (as of 2026-08), JobSet's API types (v0.12.0).
 */
export const metaflowCompatibility = {
  argoWorkflows: [
    {
      from: "0.0.0",
      before: "0.43.0",
      application: "v3.5 and older",
      verdict: "broken",
      evidence: "its executor cannot take credentials from EKS Pod Identity, and Metaflow tests none older than v3.6",
    },
    {
      from: "0.43.0",
      before: "0.45.1",
      application: "v3.6.0",
      verdict: "broken",
      evidence:
        "its executor cannot take credentials from EKS Pod Identity (argo-workflows issue 13800, mended in v3.6.2), which the artifact repository needs",
    },
    {
      from: "0.45.1",
      before: "0.45.21",
      application: "v3.6",
      verdict: "works",
      evidence:
        "Metaflow's continuous integration deploys and triggers flows on chart 0.45.2 (with the image of v3.6.0)",
    },
    {
      from: "0.45.21",
      before: "1.0.0",
      application: "v3.7",
      verdict: "works",
      evidence: `flows of Metaflow ${metaflowVersion} were created, triggered and ended well on a controller v3.7.3`,
    },
    {
      from: "1.0.0",
      application: "v4",
      verdict: "untried",
      evidence: `v4 has removed CronWorkflow's field schedule, which Metaflow ${metaflowVersion} still writes for @schedule, and Metaflow tests nothing later than v3.6`,
    },
  ],
  argoEvents: [
    {
      from: "0.0.0",
      before: "2.4.2",
      application: "v1.8 and older",
      verdict: "untried",
      evidence: "Metaflow has tested its sensors on v1.9 only",
    },
    {
      from: "2.4.2",
      before: "2.5.0",
      application: "v1.9",
      verdict: "works",
      evidence: "Metaflow's development stack ran @trigger on chart 2.4.8 (v1.9.2)",
    },
    {
      from: "2.5.0",
      application: "after v1.9",
      verdict: "untried",
      evidence: "Metaflow has tested its sensors on v1.9 only",
    },
  ],
  jobSet: [
    {
      from: "0.0.0",
      before: "0.6.0",
      application: "before v0.6.0",
      verdict: "broken",
      evidence:
        "Metaflow's @torchrun steps wait for status.terminalState of their JobSet, which v0.6.0 introduced: they would wait for ever",
    },
    {
      from: "0.6.0",
      before: "0.13.0",
      application: "v0.6 to v0.12",
      verdict: "works",
      evidence: "v1alpha2 with status.terminalState is served by all of them; Metaflow's development stack ran v0.8.2",
    },
    {
      from: "0.13.0",
      application: "after v0.12",
      verdict: "untried",
      evidence: "whether it still serves v1alpha2, which Metaflow writes, was not looked at",
    },
  ],
} as const satisfies Record<MetaflowChart, readonly ChartRange[]>;

/** What is known of Metaflow on one version of a chart. */
export function chartRange(chart: MetaflowChart, version: string): ChartRange {
  const ranges: readonly ChartRange[] = metaflowCompatibility[chart];
  const found = ranges.find(({ before }) => before === undefined || compareVersions(version, before) < 0);
  if (found === undefined) throw new Error(`the table of ${chart} has a gap at ${version}`);
  return found;
}

const names: Readonly<Record<MetaflowChart, string>> = {
  argoWorkflows: "Argo Workflows",
  argoEvents: "Argo Events",
  jobSet: "JobSet",
};

/** Versions of the chart that Metaflow works with, for a message. */
function working(chart: MetaflowChart): string {
  const ranges: readonly ChartRange[] = metaflowCompatibility[chart];
  const works = ranges.filter(({ verdict }) => verdict === "works");
  const before = works.at(-1)?.before;
  return `${works[0]?.from ?? ""} or later${before === undefined ? "" : `, before ${before}`}`;
}

/**
 * Why Metaflow's workflows do not run on a chart, as it reads after "got <version>; ": known not to, or nobody has tried; undefined where
 * they do.
 *
 * @param version as "0.45.2"
 */
export function metaflowChartProblem(chart: MetaflowChart, version: string): string | undefined {
  const problem = chartVersionProblem(version);
  if (problem !== undefined) return problem;
  const { verdict, application, evidence } = chartRange(chart, version);
  if (verdict === "works") return undefined;
  const what =
    verdict === "broken" ? `Metaflow ${metaflowVersion} does not work on it` : "nobody has tried Metaflow on it";
  return `which is ${names[chart]} ${application}, and ${what}: ${evidence}; use ${working(chart)}`;
}
