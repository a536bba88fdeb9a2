import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gpuNodeLabel } from "../../../components/gpu/gpuPlacement";
import { dashboards } from "../../../observability/dashboards";
import { allMetrics, exportedNodeLabels, nodeLabelName, nodeLabelNames } from "../../../observability/metrics";
import { dashboard, type PanelRequest, place } from "../../../observability/panels";
import {
  alarmGroup,
  type AlertingRule,
  priceRules,
  type RecordingRule,
  recordingGroups,
} from "../../../observability/rules";
import { catalog } from "../../../catalog/instances";
import { readExpression } from "./promql";

const isAlarm = (rule: RecordingRule | AlertingRule): rule is AlertingRule => "alert" in rule;
const alarms = alarmGroup({ stack: "platform", idleGpuMinutes: 30, pendingMinutes: 60 }).rules.filter(isAlarm);
const recorded = recordingGroups()
  .flatMap(({ rules }) => rules)
  .filter((rule) => !isAlarm(rule));
const panels = Object.entries(dashboards()).flatMap(([file, { panels: inFile }]) =>
  inFile.map((panel) => ({ name: `${file}: ${panel.title}`, panel })),
);

const expressions: [string, string][] = [
  ...panels.flatMap(({ name, panel }) =>
    panel.targets.map(({ refId, expr }): [string, string] => [`${name} ${refId}`, expr]),
  ),
  ...alarms.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...recorded
    .filter(({ expr }) => !expr.startsWith("vector("))
    .map((rule): [string, string] => ["record" in rule ? rule.record : "", rule.expr]),
];

/** Labels that a text wants, for example "{{pod}}" or "{{ $labels.pod }}". */
const labelsIn = (text: string) =>
  [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = ""]) => label);

describe("expressions", () => {
  it.each(expressions)("%s names only metrics and labels of the table", (_, expression) => {
    expect(readExpression(expression).problems).toEqual([]);
  });

  it("use every metric of the table: nothing is collected in vain", () => {
    const used = new Set(expressions.flatMap(([, expression]) => [...readExpression(expression).metrics]));
    const byRules = new Set(recorded.map((rule) => ("record" in rule ? rule.record : "")));
    expect([...allMetrics.keys()].filter((name) => !used.has(name))).toEqual([]);
    // What is recorded is in the table, and what the table calls recorded is recorded.
    const ownNames = [...allMetrics.keys()].filter((name) => name.startsWith("posttraining_"));
    expect(ownNames.sort()).toEqual([...byRules].sort());
  });

  it.each([
    ["a metric that doesn't exist", "sum(DCGM_FI_DEV_GPU_UTILIZATION)", "is no metric of the table"],
    ["a label that a metric doesn't have", 'DCGM_FI_DEV_GPU_UTIL{exported_pod!=""}', "has no label exported_pod"],
    ["grouping by a label that no metric has", "sum by (team) (kueue_pending_workloads)", "has the label team"],
    ["a histogram as if it were a gauge", "avg(vllm:e2e_request_latency_seconds)", "is no metric of the table"],
    ["buckets of a gauge", "rate(DCGM_FI_DEV_GPU_UTIL_bucket[5m])", "is no metric of the table"],
    ["a function that doesn't exist", "histogram_quantil(0.5, kube_node_labels)", "is no metric of the table"],
    ["a parenthesis too many", "sum(kube_node_labels))", "parentheses"],
  ])("the check finds %s", (_, expression, problem) => {
    expect(readExpression(expression).problems.join("\n")).toContain(problem);
  });
});

describe("dashboards", () => {
  it("cover GPUs, stalls, cost, latency and runs, each under a name of its own", () => {
    const all = Object.values(dashboards());
    expect(all.map(({ title }) => title)).toEqual([
      "GPUs",
      "NCCL stalls",
      "Cost per stack",
      "vLLM latency",
      "Queues and runs",
    ]);
    expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length);
    for (const { uid } of all) expect(uid).toMatch(/^[\w-]{1,40}$/);
  });

  it.each(panels)("$name: legends name labels that the expression keeps", ({ panel }) => {
    for (const { expr, legendFormat } of panel.targets) {
      const { grouping } = readExpression(expr);
      for (const label of labelsIn(legendFormat)) expect([...grouping], legendFormat).toContain(label);
    }
  });

  it.each(panels)("$name says what to make of it", ({ panel }) => {
    expect(panel.description.length).toBeGreaterThan(5);
    expect(panel.targets.length).toBeGreaterThan(0);
    expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
  });

  it("ask the data source that the reader has chosen", () => {
    for (const { panels: inFile, templating } of Object.values(dashboards())) {
      expect(templating.list).toContainEqual(expect.objectContaining({ name: "datasource", type: "datasource" }));
      for (const { datasource, targets } of inFile)
        for (const source of [datasource, ...targets.map((target) => target.datasource)])
          expect(source).toEqual({ type: "prometheus", uid: "${datasource}" });
    }
  });

  it("panels never overlap nor leave the grid, however many there are", () => {
    const request = fc
      .constantFrom<PanelRequest["kind"]>("stat", "timeseries", "table")
      .map((kind): PanelRequest => ({ kind, title: "t", description: "d", unit: "none", queries: [] }));
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
        const taken = new Set<string>();
        for (const { x, y, w, h } of place(requests)) {
          expect(x + w).toBeLessThanOrEqual(24);
          for (let column = x; column < x + w; column += 1)
            for (let row = y; row < y + h; row += 1) {
              expect(taken.has(`${column},${row}`)).toBe(false);
              taken.add(`${column},${row}`);
            }
        }
      }),
    );
  });

  it("numbers are asked for once, curves over time", () => {
    const query = { expression: "kube_node_labels", legend: "" };
    const request = { title: "t", description: "d", unit: "none", queries: [query] } as const;
    const { panels: made } = dashboard("uid", "title", [
      { kind: "stat", ...request },
      { kind: "timeseries", ...request },
    ]);
    expect(made.map(({ targets }) => targets.map(({ instant, range }) => ({ instant, range })))).toEqual([
      [{ instant: true, range: false }],
      [{ instant: false, range: true }],
    ]);
  });
});

describe("alarms", () => {
  it.each(alarms.map((alarm) => [alarm.alert, alarm] as const))(
    "%s says what is the matter, and what to do",
    (_, alarm) => {
      expect(alarm.annotations.summary).not.toBe("");
      expect(alarm.annotations.description.length).toBeGreaterThan(40);
      const { grouping } = readExpression(alarm.expr);
      for (const label of labelsIn(alarm.annotations.summary).filter((name) => name !== "value"))
        expect([...grouping], alarm.annotations.summary).toContain(label);
    },
  );

  it("wait as long as they are told before they call anybody", () => {
    const duration = (name: string) => alarms.find(({ alert }) => alert === name)?.for;
    expect(duration("IdleGpu")).toBe("30m");
    expect(duration("UnusedGpuNode")).toBe("30m");
    expect(duration("PendingRun")).toBe("60m");
  });
});

describe("prices", () => {
  it("every instance type that has a price has one series, and one more for Capacity Blocks", () => {
    const series = priceRules().map(({ labels }) => JSON.stringify(labels));
    expect(new Set(series).size).toBe(series.length);
    for (const { name, onDemandUsdPerHour, capacityBlockUsdPerHour } of catalog.instances) {
      const own = priceRules().filter(({ labels }) => labels?.[nodeLabelNames.instanceType] === name);
      const usual = own.filter(({ labels }) => labels?.[nodeLabelNames.capacityType] === undefined);
      const blocks = own.filter(({ labels }) => labels?.[nodeLabelNames.capacityType] === "CAPACITY_BLOCK");
      const price = onDemandUsdPerHour ?? capacityBlockUsdPerHour;
      expect(usual.map(({ expr }) => expr)).toEqual(price === null ? [] : [`vector(${price})`]);
      expect(blocks.map(({ expr }) => expr)).toEqual(
        capacityBlockUsdPerHour === null ? [] : [`vector(${capacityBlockUsdPerHour})`],
      );
    }
  });

  it("are joined on node labels under the names that kube-state-metrics gives them", () => {
    expect(nodeLabelName("node.kubernetes.io/instance-type")).toBe("label_node_kubernetes_io_instance_type");
    expect(nodeLabelName("eks.amazonaws.com/capacityType")).toBe("label_eks_amazonaws_com_capacity_type");
    expect(nodeLabelName(gpuNodeLabel.key)).toBe("label_nvidia_com_gpu_present");
    expect(Object.values(nodeLabelNames)).toEqual(exportedNodeLabels.map(nodeLabelName));
  });
});
