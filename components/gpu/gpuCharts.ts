import { exporterFields } from "../../observability/metrics";
import { efaInstanceTypes, gpuNodeAffinity, gpuNodeTolerations, placementValues } from "./gpuPlacement";
import type { OldestVersion } from "../core/chartVersion";
import type { ChartSource, ChartValues } from "../core/helmRelease";
import type { Placement } from "../core/systemPlacement";

/** What can be installed for GPU nodes; a cluster that was there may have some of it. */
export const gpuAddonNames = ["nvidiaDevicePlugin", "efaDevicePlugin", "dcgmExporter", "jobSet", "kueue"] as const;

/** One of what can be installed for GPU nodes. */
export type GpuAddon = (typeof gpuAddonNames)[number];

/** Versions of the charts. */
export type GpuAddonVersions = Readonly<Record<GpuAddon, string>>;

export interface GpuChart extends ChartSource {
  /** Name of the release. */
  readonly release: string;
  /** Oldest version that works here, and why; left out where none is known not to. */
  readonly oldest?: OldestVersion;
}

/** The official charts. Read 2026-11 from the projects' own repositories and documentation. */
export const gpuCharts = {
  nvidiaDevicePlugin: {
    release: "nvidia-device-plugin",
    repository: "https://nvidia.github.io/k8s-device-plugin",
    chart: "nvidia-device-plugin",
  },
  efaDevicePlugin: {
    release: "aws-efa-k8s-device-plugin",
    repository: "https://aws.github.io/eks-charts",
    chart: "aws-efa-k8s-device-plugin",
    oldest: { version: "0.4.2", because: "earlier ones cannot be told which instance types have the adapter" },
  },
  dcgmExporter: {
    release: "dcgm-exporter",
    repository: "https://nvidia.github.io/dcgm-exporter/helm-charts",
    chart: "dcgm-exporter",
    oldest: { version: "3.5.0", because: "earlier ones cannot be told which fields to export" },
  },
  jobSet: {
    release: "jobset",
    chart: "oci://registry.k8s.io/jobset/charts/jobset",
    oldest: {
      version: "0.8.1",
      because:
        "it is the first that registry.k8s.io holds, and Metaflow waits for status.terminalState, which JobSet has from 0.6 on",
    },
  },
  kueue: {
    release: "kueue",
    chart: "oci://registry.k8s.io/kueue/charts/kueue",
    oldest: {
      version: "0.15.0",
      because: "it is the first that serves the API v1beta2, in which the queues are written",
    },
  },
} as const satisfies Record<GpuAddon, GpuChart>;

const agentResources = { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } };

/**
 * The device plugin alone: driver, container toolkit and fabric manager are in the AMI, so that NVIDIA's operator has
 * nothing to add.
 */
export function nvidiaDevicePluginValues(): ChartValues {
  return { affinity: gpuNodeAffinity(), tolerations: gpuNodeTolerations, resources: agentResources };
}

/**
 * The chart has no `affinity`; it runs on the instance types that it is given, here those with GPUs and the adapter.
 */
export function efaDevicePluginValues(): ChartValues {
  return {
    supportedInstanceLabels: { keys: ["node.kubernetes.io/instance-type"], values: efaInstanceTypes() },
    tolerations: gpuNodeTolerations,
    resources: agentResources,
  };
}

/**
 * DCGM exporter with exactly the fields that dashboards and alarms use; its ServiceMonitor is left to Observability.
 */
export function dcgmExporterValues(): ChartValues {
  return {
    affinity: gpuNodeAffinity(),
    tolerations: gpuNodeTolerations,
    customMetrics: exporterFields(),
    serviceMonitor: { enabled: false },
    // Profiling eight GPUs takes more than the other agents do.
    resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { cpu: "1", memory: "1Gi" } },
  };
}

/** Values of JobSet's chart. */
export function jobSetValues(placement: Placement): ChartValues {
  return {
    controller: {
      // Its webhook must answer before a distributed step can start, also while a system node is replaced.
      replicas: 2,
      ...placementValues(placement),
      resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    },
  };
}
