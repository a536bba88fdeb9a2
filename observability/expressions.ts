import { gpuMetrics, type Metric, nodeLabelNames, nodeMetrics, queueMetrics, recordedMetrics } from "./metrics";

/** PromQL that more than one dashboard or alarm uses. */

/** A quantile of a histogram's last five minutes, for each value of `by`. */
export function quantile(q: number, histogram: Metric, by: string): string {
  return `histogram_quantile(${q}, sum by (le, ${by}) (rate(${histogram.name}_bucket[5m])))`;
}

/** Events per second over the last five minutes, for each value of `by`. */
export function perSecond(counter: Metric, by: string): string {
  return `sum by (${by}) (rate(${counter.name}[5m]))`;
}

/**
 * Has a counter grown within the window? `increase` alone misses the first event of all: a counter that appears with
 * the value 1 has not increased, and Argo's and Kueue's counters appear with their first event. On the first scrape of
 * a new Prometheus, earlier events count once.
 */
export function hasGrown(counter: Metric, selector: string, by: string, window: string): string {
  const series = `${counter.name}{${selector}}`;
  return [
    `sum by (${by}) (increase(${series}[${window}])) > 0`,
    `or (sum by (${by}) (${series}) > 0 unless sum by (${by}) (${series} offset ${window}))`,
  ].join(" ");
}

/**
 * Runs that wait, for each team. Each of Kueue's two replicas reports all of them: they are the same ones, not twice as
 * many.
 */
export const pendingRuns = `sum by (cluster_queue) (max by (cluster_queue, status) (${queueMetrics.pending.name}))`;

/**
 * 1 for a GPU that is stalled, 0 for any other.
 *
 * A rank that waits in a collective doesn't sleep: NCCL's kernel spins on its multiprocessors until the other ranks
 * have come, so the GPU counts as fully used while its tensor cores and its memory stand still. That tells a stall from
 * what looks like it: decoding of a language model keeps the memory busy, loading and checkpointing leave the GPU
 * unused, a training step in bf16 uses the tensor cores.
 */
export const stalledGpu = [
  `(${gpuMetrics.utilization.name} >= bool 90)`,
  `(${gpuMetrics.tensorCores.name} < bool 0.01)`,
  `(${gpuMetrics.memoryInterface.name} < bool 0.1)`,
].join(" * ");

/** Share of GPU memory in use. */
export const memoryShare = `${gpuMetrics.memoryUsed.name} / (${gpuMetrics.memoryUsed.name} + ${gpuMetrics.memoryFree.name})`;

const { instanceType, capacityType, stack } = nodeLabelNames;
const nodes = nodeMetrics.labels.name;
const price = recordedMetrics.price.name;

/** Nodes with GPUs, as series of kube-state-metrics with their labels. */
const gpuNodes = `(${nodes} and on (node) (${nodeMetrics.capacity.name}{resource="nvidia_com_gpu"} > 0))`;

/**
 * What every GPU node costs in USD per hour, with the label `stack`. A node of a Capacity Block has the block's price;
 * any other, spot included, the on-demand price, which is the most that it can cost.
 */
export const gpuNodeCost = [
  "label_replace(",
  `(${gpuNodes} * on (${instanceType}, ${capacityType}) group_left () ${price}{${capacityType}="CAPACITY_BLOCK"}`,
  `or ${gpuNodes} * on (${instanceType}) group_left () ${price}{${capacityType}=""}),`,
  `"stack", "$1", "${stack}", "(.+)")`,
].join(" ");

/** GPU nodes whose price the instance table doesn't know: what the cost leaves out. */
export const gpuNodesWithoutPrice = `count by (${instanceType}) (${gpuNodes} unless on (${instanceType}) ${price})`;

/** USD per hour that go to GPUs' idle time, for each stack. */
export const idleCost = [
  `sum by (stack) (${recordedMetrics.nodeCost.name}`,
  `* on (node) (1 - avg by (node) (${gpuMetrics.utilization.name}) / 100))`,
].join(" ");
