import { catalog, type Instance } from "../catalog/instances";
import { gpuNodeCost, hasGrown, pendingRuns, stalledGpu } from "./expressions";
import { gpuMetrics, nodeLabelNames, queueMetrics, recordedMetrics, runMetrics, stackLabel } from "./metrics";

/** Rules as Prometheus takes them. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<"severity" | "platform", string>>;
  /** `summary`: what is the matter; `description`: what to do about it. */
  readonly annotations: Readonly<Record<"summary" | "description", string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** Below this share of use (in %), a GPU is idle. */
export const idleUsePercent = 5;

/**
 * Price of every instance type as a series of its own, on which nodes are joined by their labels. Prices of the
 * catalog's region.
 */
export function priceRules(instances: readonly Instance[] = catalog.instances): RecordingRule[] {
  const { instanceType, capacityType } = nodeLabelNames;
  const rule = (name: string, usd: number, labels: Record<string, string>): RecordingRule => ({
    record: recordedMetrics.price.name,
    expr: `vector(${usd})`,
    labels: { [instanceType]: name, ...labels },
  });
  return instances.flatMap(({ name, onDemandUsdPerHour, capacityBlockUsdPerHour }) => {
    const usual = onDemandUsdPerHour ?? capacityBlockUsdPerHour;
    return [
      ...(usual === null ? [] : [rule(name, usual, {})]),
      ...(capacityBlockUsdPerHour === null
        ? []
        : [rule(name, capacityBlockUsdPerHour, { [capacityType]: "CAPACITY_BLOCK" })]),
    ];
  });
}

/** What is recorded for dashboards and alarms. */
export function recordingGroups(): RuleGroup[] {
  return [
    {
      name: "posttraining-cost",
      interval: "60s",
      rules: [...priceRules(), { record: recordedMetrics.nodeCost.name, expr: gpuNodeCost }],
    },
    {
      name: "posttraining-gpu",
      interval: "30s",
      rules: [{ record: recordedMetrics.stalled.name, expr: stalledGpu }],
    },
  ];
}

export interface AlarmSettings {
  /** Stack of the platform: a label on every alarm. */
  readonly stack: string;
  /** Minutes of idleness after which a GPU raises an alarm. */
  readonly idleGpuMinutes: number;
  /** Minutes that a run may wait for its quota before that raises an alarm. */
  readonly pendingMinutes: number;
}

type MakeAlarm = (
  name: string,
  severity: "warning" | "critical",
  expr: string,
  minutes: number,
  annotations: AlertingRule["annotations"],
) => AlertingRule;

/** The alarms: money that is spent for nothing, and runs that don't run. */
export function alarmGroup({ stack, idleGpuMinutes, pendingMinutes }: AlarmSettings): RuleGroup {
  const alarm: MakeAlarm = (name, severity, expr, minutes, annotations) => ({
    alert: name,
    expr,
    for: `${minutes}m`,
    labels: { severity, platform: stack },
    annotations,
  });
  const idle = (selector: string) =>
    `avg_over_time(${gpuMetrics.utilization.name}{${selector}}[5m]) < ${idleUsePercent}`;
  return {
    name: "posttraining-alarms",
    interval: "30s",
    rules: [
      alarm("IdleGpu", "warning", `count by (node, namespace, pod) (${idle('pod!=""')})`, idleGpuMinutes, {
        summary:
          "{{ $value }} GPUs of {{ $labels.namespace }}/{{ $labels.pod }} have been idle for " +
          `${idleGpuMinutes} minutes`,
        description:
          "The pod holds GPUs and uses less than " +
          `${idleUsePercent}% of them. Look at its log; stop the run, or destroy its stack, if it hangs. An endpoint without traffic is idle too: scale it to zero.`,
      }),
      alarm(
        "UnusedGpuNode",
        "critical",
        `count by (node) (${idle('pod=""')}) == on (node) count by (node) (${gpuMetrics.utilization.name})`,
        idleGpuMinutes,
        {
          summary: "No pod has used a GPU of node {{ $labels.node }} for " + `${idleGpuMinutes} minutes`,
          description: `The node is paid for and nothing runs on it. Destroy the stack that it belongs to (the node's label ${stackLabel}), or scale its pool to zero.`,
        },
      ),
      alarm("StalledGpus", "critical", `sum by (namespace, pod) (${recordedMetrics.stalled.name}{pod!=""}) > 0`, 10, {
        summary:
          "{{ $value }} GPUs of {{ $labels.namespace }}/{{ $labels.pod }} spin in a collective and compute nothing",
        description:
          "A rank waits for one that doesn't come: it crashed, ran out of memory, or its network adapter isn't used. Compare the ranks' logs (NCCL_DEBUG=INFO), and see that pods ask for vpc.amazonaws.com/efa.",
      }),
      ...runAlarms(alarm, pendingMinutes),
    ],
  };
}

/** Runs that wait, or that have failed. */
const runAlarms = (alarm: MakeAlarm, pendingMinutes: number): readonly AlertingRule[] => [
  alarm("PendingRun", "warning", `${pendingRuns} > 0`, pendingMinutes, {
    summary:
      "{{ $value }} runs of {{ $labels.cluster_queue }} have waited for their GPUs for " + `${pendingMinutes} minutes`,
    description:
      "Either the team's quota and what it could borrow are in use, or the run asks for more than both. `kubectl get workloads -A` says which, and why.",
  }),
  alarm(
    "IncompleteGang",
    "critical",
    hasGrown(queueMetrics.evicted, 'reason="PodsReadyTimeout"', "cluster_queue", "15m"),
    0,
    {
      summary: "A run of {{ $labels.cluster_queue }} had its quota, but not all of its pods became ready",
      description:
        "It was taken off its nodes and waits in its queue. Fewer nodes are there than it needs, or an image could not be pulled: look at the pool's size and the pods' events.",
    },
  ),
  alarm("FailedRun", "warning", hasGrown(runMetrics.entered, 'phase=~"Failed|Error"', "namespace", "10m"), 0, {
    summary: "A run in {{ $labels.namespace }} has failed",
    description:
      "Its retries are used up. Metaflow's web interface shows the step and its log; a new `pulumi up` of the experiment starts it anew.",
  }),
];
