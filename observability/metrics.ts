/**
 * Every metric that a dashboard or an alarm may name, with the labels that tell its series apart and where the name was
 * read. A test parses all expressions and refuses a name, or a label, that isn't here.
 */
export interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Labels of every series of the DCGM exporter, once its scrape job has dropped those of the exporter's own pod
 * (scraping.ts).
 */
const gpuLabels = ["node", "gpu", "UUID", "modelName", "namespace", "pod", "container"] as const;

/**
 * Fields of DCGM. Source: github.com/NVIDIA/go-dcgm pkg/dcgm/const_fields.go at b7fa315 (2026-08), and for what they
 * mean etc/default-counters.csv of github.com/NVIDIA/dcgm-exporter 4.5.3-4.8.2. Profiling fields (`PROF`) need Volta or
 * newer.
 */
export const gpuMetrics = {
  utilization: {
    name: "DCGM_FI_DEV_GPU_UTIL",
    type: "gauge",
    help: "Share of time in which at least one kernel ran (in %).",
    labels: gpuLabels,
  },
  memoryUsed: {
    name: "DCGM_FI_DEV_FB_USED",
    type: "gauge",
    help: "Framebuffer memory used (in MiB).",
    labels: gpuLabels,
  },
  memoryFree: {
    name: "DCGM_FI_DEV_FB_FREE",
    type: "gauge",
    help: "Framebuffer memory free (in MiB).",
    labels: gpuLabels,
  },
  power: { name: "DCGM_FI_DEV_POWER_USAGE", type: "gauge", help: "Power draw (in W).", labels: gpuLabels },
  temperature: { name: "DCGM_FI_DEV_GPU_TEMP", type: "gauge", help: "GPU temperature (in C).", labels: gpuLabels },
  lastError: {
    name: "DCGM_FI_DEV_XID_ERRORS",
    type: "gauge",
    help: "Value of the last XID error encountered.",
    labels: gpuLabels,
  },
  multiprocessors: {
    name: "DCGM_FI_PROF_SM_ACTIVE",
    type: "gauge",
    help: "Share of cycles in which a multiprocessor has at least one warp (ratio).",
    labels: gpuLabels,
  },
  tensorCores: {
    name: "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    type: "gauge",
    help: "Share of cycles in which the tensor pipe is active (ratio).",
    labels: gpuLabels,
  },
  memoryInterface: {
    name: "DCGM_FI_PROF_DRAM_ACTIVE",
    type: "gauge",
    help: "Share of cycles in which the memory interface sends or receives (ratio).",
    labels: gpuLabels,
  },
  nvlinkSent: {
    name: "DCGM_FI_PROF_NVLINK_TX_BYTES",
    type: "gauge",
    help: "Data sent over NVLink (in bytes per second).",
    labels: gpuLabels,
  },
  nvlinkReceived: {
    name: "DCGM_FI_PROF_NVLINK_RX_BYTES",
    type: "gauge",
    help: "Data received over NVLink (in bytes per second).",
    labels: gpuLabels,
  },
  pcieSent: {
    name: "DCGM_FI_PROF_PCIE_TX_BYTES",
    type: "gauge",
    help: "Data sent over PCIe with network adapters (in bytes per second).",
    labels: gpuLabels,
  },
  pcieReceived: {
    name: "DCGM_FI_PROF_PCIE_RX_BYTES",
    type: "gauge",
    help: "Data received over PCIe with network adapters (in bytes per second).",
    labels: gpuLabels,
  },
} as const satisfies Record<string, Metric>;

/** The fields as the DCGM exporter's list of what it collects: field, type, help. */
export function exporterFields(): string {
  return Object.values(gpuMetrics)
    .map(({ name, type, help }) => `${name}, ${type}, ${help}`)
    .join("\n");
}

/**
 * Kueue. Source: github.com/kubernetes-sigs/kueue v0.16.9 site/content/en/docs/reference/metrics.md and
 * pkg/metrics/metrics.go.
 */
export const queueMetrics = {
  pending: {
    name: "kueue_pending_workloads",
    type: "gauge",
    help: "Runs that wait for quota",
    labels: ["cluster_queue", "status"],
  },
  admitted: {
    name: "kueue_admitted_active_workloads",
    type: "gauge",
    help: "Runs that have their quota",
    labels: ["cluster_queue"],
  },
  evicted: {
    name: "kueue_evicted_workloads_total",
    type: "counter",
    help: "Runs that were taken off their nodes",
    labels: ["cluster_queue", "reason"],
  },
  waited: {
    name: "kueue_admission_wait_time_seconds",
    type: "histogram",
    help: "Time from creation to admission",
    labels: ["cluster_queue"],
  },
  quota: {
    name: "kueue_cluster_queue_nominal_quota",
    type: "gauge",
    help: "A team's own quota",
    labels: ["cluster_queue", "flavor", "resource"],
  },
  used: {
    name: "kueue_cluster_queue_resource_usage",
    type: "gauge",
    help: "What a team's runs use, borrowed quota included",
    labels: ["cluster_queue", "flavor", "resource"],
  },
} as const satisfies Record<string, Metric>;

/**
 * Argo Workflows' controller. Source: github.com/argoproj/argo-workflows v3.6.0 docs/metrics.md and workflow/metrics.
 */
export const runMetrics = {
  workflows: {
    name: "argo_workflows_gauge",
    type: "gauge",
    help: "Workflows in the cluster by state",
    labels: ["status"],
  },
  entered: {
    name: "argo_workflows_total_count",
    type: "counter",
    help: "Workflows that have entered a phase",
    labels: ["namespace", "phase"],
  },
} as const satisfies Record<string, Metric>;

const servingLabels = ["model_name", "engine", "namespace", "pod"] as const;

/**
 * vLLM's server. Source: vllm/v1/metrics/loggers.py of vLLM 0.31.0, as installed; its client library appends `_total`
 * to counters.
 */
export const servingMetrics = {
  running: {
    name: "vllm:num_requests_running",
    type: "gauge",
    help: "Requests in execution",
    labels: servingLabels,
  },
  waiting: { name: "vllm:num_requests_waiting", type: "gauge", help: "Requests that wait", labels: servingLabels },
  cacheUse: {
    name: "vllm:kv_cache_usage_perc",
    type: "gauge",
    help: "Share of the KV cache in use (1 is all)",
    labels: servingLabels,
  },
  preemptions: {
    name: "vllm:num_preemptions_total",
    type: "counter",
    help: "Requests that were put back for want of KV cache",
    labels: servingLabels,
  },
  promptTokens: {
    name: "vllm:prompt_tokens_total",
    type: "counter",
    help: "Prompt tokens processed",
    labels: servingLabels,
  },
  generatedTokens: {
    name: "vllm:generation_tokens_total",
    type: "counter",
    help: "Tokens generated",
    labels: servingLabels,
  },
  finished: {
    name: "vllm:request_success_total",
    type: "counter",
    help: "Requests finished, by reason",
    labels: [...servingLabels, "finished_reason"],
  },
  timeToFirstToken: {
    name: "vllm:time_to_first_token_seconds",
    type: "histogram",
    help: "Time to first token",
    labels: servingLabels,
  },
  timeBetweenTokens: {
    name: "vllm:inter_token_latency_seconds",
    type: "histogram",
    help: "Time between tokens",
    labels: servingLabels,
  },
  requestTime: {
    name: "vllm:e2e_request_latency_seconds",
    type: "histogram",
    help: "Time of a whole request",
    labels: servingLabels,
  },
  queueTime: {
    name: "vllm:request_queue_time_seconds",
    type: "histogram",
    help: "Time in vLLM's queue",
    labels: servingLabels,
  },
} as const satisfies Record<string, Metric>;

/** Label that says which stack pays for a node. */
export const stackLabel = "posttraining.dev/stack";

/** Node labels that kube-state-metrics exports; it puts `label_` before each and writes them in snake case. */
export const exportedNodeLabels = [
  "node.kubernetes.io/instance-type",
  "eks.amazonaws.com/capacityType",
  stackLabel,
] as const;

/**
 * Name that kube-state-metrics gives to a node's label.
 * Source: github.com/kubernetes/kube-state-metrics internal/store/utils.go, `sanitizeLabelName` and `toSnakeCase`.
 */
export function nodeLabelName(label: string): string {
  const sanitized = label.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  return `label_${sanitized.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase()}`;
}

export const nodeLabelNames = {
  instanceType: nodeLabelName("node.kubernetes.io/instance-type"),
  capacityType: nodeLabelName("eks.amazonaws.com/capacityType"),
  stack: nodeLabelName(stackLabel),
};

/** kube-state-metrics. Source: github.com/kubernetes/kube-state-metrics docs/metrics/cluster/node-metrics.md. */
export const nodeMetrics = {
  labels: {
    name: "kube_node_labels",
    type: "gauge",
    help: "1 for every node, with its labels",
    labels: ["node", ...Object.values(nodeLabelNames)],
  },
  capacity: {
    name: "kube_node_status_capacity",
    type: "gauge",
    help: "What a node has of each resource",
    labels: ["node", "resource", "unit"],
  },
} as const satisfies Record<string, Metric>;

/** What the rules of rules.ts record. */
export const recordedMetrics = {
  price: {
    name: "posttraining_instance_usd_per_hour",
    type: "gauge",
    help: "Price of an instance type",
    labels: [nodeLabelNames.instanceType, nodeLabelNames.capacityType],
  },
  nodeCost: {
    name: "posttraining_gpu_node_usd_per_hour",
    type: "gauge",
    help: "Price of every GPU node, with the stack that pays for it",
    labels: ["node", "stack", nodeLabelNames.instanceType],
  },
  stalled: {
    name: "posttraining_gpu_stalled",
    type: "gauge",
    help: "1 for a GPU that looks busy and computes nothing",
    labels: gpuLabels,
  },
} as const satisfies Record<string, Metric>;

/** All of them, by name. */
export const allMetrics: ReadonlyMap<string, Metric> = new Map(
  [
    ...Object.values<Metric>(gpuMetrics),
    ...Object.values<Metric>(queueMetrics),
    ...Object.values<Metric>(runMetrics),
    ...Object.values<Metric>(servingMetrics),
    ...Object.values<Metric>(nodeMetrics),
    ...Object.values<Metric>(recordedMetrics),
  ].map((metric) => [metric.name, metric]),
);
