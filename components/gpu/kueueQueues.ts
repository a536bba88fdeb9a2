import { stringify } from "yaml";
import { catalog, type Instance } from "../../catalog/instances";
import { placementValues } from "./gpuPlacement";
import type { ChartValues } from "../core/helmRelease";
import type { Placement } from "../core/systemPlacement";

/** A team and the GPUs that are its own. */
export interface Team {
  /** Lower-case letters, digits and dashes. */
  readonly name: string;
  /** GPUs that nobody else can keep from it, and that others may borrow while it leaves them idle. */
  readonly gpus: number;
}

/**
 * Version of Kueue's API that the objects below are written in; served from Kueue 0.15 on, the older v1beta1 is
 * deprecated since.
 */
export const kueueApiVersion = "kueue.x-k8s.io/v1beta2";

/** The cohort within which teams lend each other their idle quota. */
export const cohort = "posttraining";

/** The one flavour: which nodes a run gets is decided by its plan's node selector, not by the queue. */
export const flavor = "gpu-node";

const queuePrefix = "team-";

/** A label's value has 63 characters at most, and the queue's name is one. */
export const longestTeamName = 63 - queuePrefix.length;

/**
 * Name of a team's queue in the jobs' namespace: what goes into the label `kueue.x-k8s.io/queue-name`.
 *
 * Never `default`: Kueue puts everything in the namespace that names no queue into one of that name, Metaflow's own
 * services included.
 */
export function queueName(team: string): string {
  return `${queuePrefix}${team}`;
}

/** What one GPU brings with it at most, over all instance types: so much that no run waits for anything but GPUs. */
export interface ResourcesPerGpu {
  readonly cpu: number;
  readonly memoryGib: number;
  readonly efa: number;
}

export function largestShares(instances: readonly Instance[] = catalog.instances): ResourcesPerGpu {
  const largest = (share: (instance: Instance) => number) => Math.max(...instances.map(share));
  return {
    cpu: Math.ceil(largest(({ vcpus, gpus }) => vcpus / gpus)),
    memoryGib: Math.ceil(largest(({ hostMemoryGib, gpus }) => hostMemoryGib / gpus)),
    efa: Math.ceil(largest(({ efaInterfaces, gpus }) => efaInterfaces / gpus)),
  };
}

/** A quota of one resource as Kueue writes it. */
export interface ResourceQuota {
  readonly name: string;
  readonly nominalQuota: string;
}

/**
 * Quota of a team: the GPUs say how much; CPU, memory and EFA follow from them, since Kueue admits nothing that asks
 * for a resource its queue doesn't cover.
 */
export function quotaOf(team: Team, perGpu: ResourcesPerGpu = largestShares()): ResourceQuota[] {
  return [
    { name: "cpu", nominalQuota: String(team.gpus * perGpu.cpu) },
    { name: "memory", nominalQuota: `${team.gpus * perGpu.memoryGib}Gi` },
    { name: "nvidia.com/gpu", nominalQuota: String(team.gpus) },
    { name: "vpc.amazonaws.com/efa", nominalQuota: String(team.gpus * perGpu.efa) },
  ];
}

/**
 * The queue that holds a team's quota.
 *
 * Idle quota is lent: a team may run beyond its own. Nothing is stopped for that reason alone, since an hour of a run
 * can cost hundreds of dollars and Metaflow starts a stopped step anew: a run gives way only to one of higher priority,
 * so only runs of the class `preemptible` do.
 */
export function clusterQueueSpec(team: Team, jobsNamespace: string) {
  const quota = quotaOf(team);
  return {
    cohortName: cohort,
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": jobsNamespace } },
    // A large run that waits doesn't hold up small ones that fit; StrictFIFO would leave GPUs idle.
    queueingStrategy: "BestEffortFIFO",
    preemption: {
      reclaimWithinCohort: "LowerPriority",
      withinClusterQueue: "LowerPriority",
      borrowWithinCohort: { policy: "Never" },
    },
    resourceGroups: [
      { coveredResources: quota.map(({ name }) => name), flavors: [{ name: flavor, resources: quota }] },
    ],
  };
}

/** Priority of runs that may be stopped for others; everything else has 0. */
export const preemptibleClass = {
  name: "preemptible",
  value: -100,
  description: "May be stopped, and started anew later, when a run of ordinary priority needs its GPUs",
} as const;

/**
 * Minutes within which all pods of an admitted run must be ready, else it is taken off its nodes: a gang that is short
 * of one node doesn't hold the others. A JobSet is suspended and waits in its queue again; a bare pod is deleted, and
 * Argo's retry makes the next one. Longer than a p5 node takes to boot and pull a 20 GB image.
 */
export const podsReadyMinutes = 30;

/**
 * Configuration of Kueue's controller.
 *
 * - Only the jobs' namespace is managed: were Kueue down, pods could be created everywhere else.
 * - `pod` is there for Metaflow's ordinary steps, which Argo runs as bare pods; `jobset` for `@torchrun` and
 *   `num_parallel`; `batch/job` because JobSet makes jobs, whose pods Kueue must know as not its own.
 * - Local disk and huge pages come with the node; Metaflow asks for the first in every step, and a queue that doesn't
 *   cover a resource admits nothing that asks for it.
 * - `blockAdmission` is off: with it, a fan-out over a hundred pods would start them one after the other.
 */
export function kueueConfiguration(jobsNamespace: string) {
  return {
    apiVersion: "config.kueue.x-k8s.io/v1beta2",
    kind: "Configuration",
    health: { healthProbeBindAddress: ":8081" },
    metrics: { bindAddress: ":8443", enableClusterQueueResources: true },
    webhook: { port: 9443 },
    leaderElection: { leaderElect: true, resourceName: "c1f6bfd2.kueue.x-k8s.io" },
    manageJobsWithoutQueueName: false,
    managedJobsNamespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": jobsNamespace } },
    waitForPodsReady: {
      timeout: `${podsReadyMinutes}m`,
      recoveryTimeout: `${podsReadyMinutes}m`,
      blockAdmission: false,
      requeuingStrategy: { timestamp: "Eviction", backoffBaseSeconds: 60, backoffMaxSeconds: 1800 },
    },
    integrations: { frameworks: ["batch/job", "jobset.x-k8s.io/jobset", "pod"] },
    resources: { excludeResourcePrefixes: ["ephemeral-storage", "hugepages-"] },
  };
}

/** Values of Kueue's chart. */
export function kueueValues(jobsNamespace: string, placement: Placement): ChartValues {
  return {
    enablePrometheus: false,
    enableKueueViz: false,
    controllerManager: {
      // Its webhook must answer before a pod can be created in the jobs' namespace, also while a system node is
      // replaced.
      replicas: 2,
      podDisruptionBudget: { enabled: true, minAvailable: 1 },
      ...placementValues(placement),
      manager: {
        priorityClassName: "system-cluster-critical",
        resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
      },
    },
    managerConfig: { controllerManagerConfigYaml: stringify(kueueConfiguration(jobsNamespace)) },
  };
}
