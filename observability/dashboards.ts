import { gpuNodesWithoutPrice, hasGrown, idleCost, memoryShare, pendingRuns, perSecond, quantile } from "./expressions";
import {
  gpuMetrics,
  nodeLabelNames,
  queueMetrics,
  recordedMetrics,
  runMetrics,
  servingMetrics,
  stackLabel,
} from "./metrics";
import { dashboard, type Dashboard, type PanelRequest, type Query, type Unit } from "./panels";

function series(title: string, unit: Unit, description: string, ...queries: Query[]): PanelRequest {
  return { kind: "timeseries", title, unit, description, queries };
}

function number(title: string, unit: Unit, description: string, expression: string): PanelRequest {
  return { kind: "stat", title, unit, description, queries: [{ expression, legend: title }] };
}

const gpu = gpuMetrics;
const perGpu = "{{node}} GPU {{gpu}}";
const perPod = "{{namespace}}/{{pod}}";

/** Use, memory and health of the GPUs. */
export function gpuDashboard(): Dashboard {
  return dashboard("posttraining-gpus", "GPUs", [
    number("GPUs", "none", "In all nodes of the cluster", `count(${gpu.utilization.name}) or vector(0)`),
    number("Allocated", "none", "Held by a pod", `count(${gpu.utilization.name}{pod!=""}) or vector(0)`),
    number(
      "Use of the allocated",
      "percent",
      "Mean over the GPUs that a pod holds",
      `avg(${gpu.utilization.name}{pod!=""})`,
    ),
    number("Power", "watt", "Of all GPUs", `sum(${gpu.power.name})`),
    series(
      "Use",
      "percent",
      "100% says only that a kernel ran all the time, not that it computed; compare the tensor cores.",
      {
        expression: `avg by (node) (${gpu.utilization.name})`,
        legend: "{{node}}",
      },
    ),
    series("Memory in use", "percentunit", "Close to 100%, the next longer sequence runs out of memory.", {
      expression: `max by (node, gpu) (${memoryShare})`,
      legend: perGpu,
    }),
    series(
      "Tensor cores by pod",
      "percentunit",
      "What training is paid for: 0.3 to 0.6 is usual for large models in bf16.",
      {
        expression: `avg by (namespace, pod) (${gpu.tensorCores.name}{pod!=""})`,
        legend: perPod,
      },
    ),
    series("Multiprocessors by pod", "percentunit", "Low beside a high use: kernels too small to fill the GPU.", {
      expression: `avg by (namespace, pod) (${gpu.multiprocessors.name}{pod!=""})`,
      legend: perPod,
    }),
    series(
      "Memory interface by pod",
      "percentunit",
      "High while the tensor cores are low: bound by memory, as decoding is.",
      {
        expression: `avg by (namespace, pod) (${gpu.memoryInterface.name}{pod!=""})`,
        legend: perPod,
      },
    ),
    series("Temperature", "celsius", "Above the limit of its type a GPU lowers its clock.", {
      expression: `max by (node) (${gpu.temperature.name})`,
      legend: "{{node}}",
    }),
    {
      kind: "table",
      title: "Last XID error",
      unit: "none",
      description: "NVIDIA's error codes: 13, 31 and 43 come from the program, 48, 79, 94 and 95 from the hardware.",
      queries: [{ expression: `max by (node, gpu) (${gpu.lastError.name}) > 0`, legend: perGpu }],
    },
  ]);
}

/** Do ranks wait for each other? */
export function stallDashboard(): Dashboard {
  return dashboard("posttraining-nccl", "NCCL stalls", [
    series(
      "Stalled GPUs by pod",
      "none",
      "GPUs that look busy while tensor cores and memory stand still: their rank spins in a collective and waits for the others. A few seconds are usual, minutes are a hang.",
      { expression: `sum by (namespace, pod) (${recordedMetrics.stalled.name}{pod!=""})`, legend: perPod },
    ),
    series(
      "Use less tensor cores",
      "percentunit",
      "A rank whose curve lies above the others waits for them; the one below is the straggler.",
      {
        expression: `avg by (pod) (${gpu.utilization.name}{pod!=""}) / 100 - avg by (pod) (${gpu.tensorCores.name}{pod!=""})`,
        legend: "{{pod}}",
      },
    ),
    series("NVLink", "Bps", "Traffic within a node; none during a collective means that it goes another way.", {
      expression: `sum by (node) (${gpu.nvlinkSent.name} + ${gpu.nvlinkReceived.name})`,
      legend: "{{node}}",
    }),
    series("PCIe", "Bps", "Traffic to host and network adapters: what gradients take between nodes.", {
      expression: `sum by (node) (${gpu.pcieSent.name} + ${gpu.pcieReceived.name})`,
      legend: "{{node}}",
    }),
  ]);
}

/** What the stacks' GPU nodes cost. */
export function costDashboard(): Dashboard {
  const cost = recordedMetrics.nodeCost.name;
  // A subquery, so that the sum doesn't depend on how often the rule is evaluated: one value a minute, in USD per hour.
  const spent = `sum_over_time(${cost}[$__range:1m]) / 60`;
  return dashboard("posttraining-cost", "Cost per stack", [
    number(
      "GPU nodes now",
      "currencyUSD",
      "USD per hour, on demand or Capacity Block prices of the instance table",
      `sum(${cost}) or vector(0)`,
    ),
    number(
      "Idle GPUs now",
      "currencyUSD",
      "USD per hour that GPUs cost while they do nothing",
      `sum(${idleCost}) or vector(0)`,
    ),
    number(
      "In the chosen time",
      "currencyUSD",
      "USD that GPU nodes have cost; network, storage and control plane come on top",
      `sum(${spent})`,
    ),
    series(
      "USD per hour by stack",
      "currencyUSD",
      `By the node's label ${stackLabel}; nodes without it are listed without a name.`,
      { expression: `sum by (stack) (${cost})`, legend: "{{stack}}" },
    ),
    series(
      "USD per hour of idle GPUs by stack",
      "currencyUSD",
      "Price of the node times the share of time in which its GPUs ran no kernel.",
      { expression: idleCost, legend: "{{stack}}" },
    ),
    {
      kind: "table",
      title: "USD by stack in the chosen time",
      unit: "currencyUSD",
      description: "Sum over all nodes that the stack has had",
      queries: [
        {
          expression: `sum by (stack) (${spent})`,
          legend: "{{stack}}",
        },
      ],
    },
    {
      kind: "table",
      title: "GPU nodes without a known price",
      unit: "none",
      description: "Instance types that the table doesn't list: the figures above leave them out.",
      queries: [{ expression: gpuNodesWithoutPrice, legend: `{{${nodeLabelNames.instanceType}}}` }],
    },
  ]);
}

/** Latency and load of the endpoints that vLLM serves. */
export function servingDashboard(): Dashboard {
  const vllm = servingMetrics;
  const quantiles = (
    metric:
      typeof vllm.timeToFirstToken | typeof vllm.timeBetweenTokens | typeof vllm.requestTime | typeof vllm.queueTime,
  ): Query[] =>
    [0.5, 0.95, 0.99].map((q) => ({
      expression: quantile(q, metric, "model_name"),
      legend: `{{model_name}} p${q * 100}`,
    }));
  return dashboard("posttraining-vllm", "vLLM latency", [
    series("Time to first token", "s", "Prefill and the wait for it", ...quantiles(vllm.timeToFirstToken)),
    series("Time between tokens", "s", "How fast text appears", ...quantiles(vllm.timeBetweenTokens)),
    series("Whole request", "s", "From arrival to the last token", ...quantiles(vllm.requestTime)),
    series("Wait in the queue", "s", "Grows first when an endpoint is too small", ...quantiles(vllm.queueTime)),
    series(
      "Requests",
      "none",
      "Waiting ones are the signal to scale by",
      { expression: `sum by (model_name) (${vllm.running.name})`, legend: "{{model_name}} running" },
      { expression: `sum by (model_name) (${vllm.waiting.name})`, legend: "{{model_name}} waiting" },
    ),
    series(
      "Tokens per second",
      "none",
      "Of all replicas",
      { expression: perSecond(vllm.promptTokens, "model_name"), legend: "{{model_name}} prompt" },
      { expression: perSecond(vllm.generatedTokens, "model_name"), legend: "{{model_name}} generated" },
    ),
    series("KV cache in use", "percentunit", "At 100%, requests are put back and computed anew.", {
      expression: `max by (model_name, pod) (${vllm.cacheUse.name})`,
      legend: "{{pod}}",
    }),
    series(
      "Put back for want of KV cache",
      "reqps",
      "Anything above 0 costs throughput: fewer sequences at once, or more memory",
      {
        expression: perSecond(vllm.preemptions, "model_name"),
        legend: "{{model_name}}",
      },
    ),
    series("Finished requests", "reqps", "By reason: stop, length, abort", {
      expression: perSecond(vllm.finished, "model_name, finished_reason"),
      legend: "{{model_name}} {{finished_reason}}",
    }),
  ]);
}

/** Who waits for GPUs, and how runs end. */
export function runDashboard(): Dashboard {
  const queue = queueMetrics;
  const gpus = 'resource="nvidia.com/gpu"';
  return dashboard("posttraining-runs", "Queues and runs", [
    series(
      "GPUs by team",
      "none",
      "A team above its own quota has borrowed what others leave idle.",
      { expression: `max by (cluster_queue) (${queue.used.name}{${gpus}})`, legend: "{{cluster_queue}} used" },
      { expression: `max by (cluster_queue) (${queue.quota.name}{${gpus}})`, legend: "{{cluster_queue}} quota" },
    ),
    series(
      "Runs by team",
      "none",
      "Waiting ones have no pods yet: all or nothing.",
      { expression: `max by (cluster_queue) (${queue.admitted.name})`, legend: "{{cluster_queue}} admitted" },
      { expression: pendingRuns, legend: "{{cluster_queue}} waiting" },
    ),
    series("Wait for GPUs, p95", "s", "From the start of a step until it has its quota", {
      expression: quantile(0.95, queue.waited, "cluster_queue"),
      legend: "{{cluster_queue}}",
    }),
    series(
      "Taken off their nodes",
      "none",
      "PodsReadyTimeout: not all pods came up. Preempted: gave way to a higher priority.",
      {
        expression: `sum by (cluster_queue, reason) (increase(${queue.evicted.name}[1h]))`,
        legend: "{{cluster_queue}} {{reason}}",
      },
    ),
    series("Workflows", "none", "In the cluster, by state", {
      expression: `sum by (status) (${runMetrics.workflows.name})`,
      legend: "{{status}}",
    }),
    series("Runs that failed within the hour", "none", "By namespace; 1 or more where there was any", {
      expression: hasGrown(runMetrics.entered, 'phase=~"Failed|Error"', "namespace", "1h"),
      legend: "{{namespace}}",
    }),
  ]);
}

/** All dashboards, by the name of their file. */
export function dashboards(): Readonly<Record<string, Dashboard>> {
  return {
    gpus: gpuDashboard(),
    "nccl-stalls": stallDashboard(),
    cost: costDashboard(),
    vllm: servingDashboard(),
    runs: runDashboard(),
  };
}
