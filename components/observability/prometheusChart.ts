import { exportedNodeLabels } from "../../observability/metrics";
import { placementValues } from "../gpu/gpuPlacement";
import type { OldestVersion } from "../core/chartVersion";
import type { ChartSource, ChartValues } from "../core/helmRelease";
import type { Placement } from "../core/systemPlacement";

/** Prometheus, Alertmanager, Grafana and their operator. */
export const prometheusChart = {
  repository: "https://prometheus-community.github.io/helm-charts",
  chart: "kube-prometheus-stack",
  release: "monitoring",
  oldest: { version: "59.1.0", because: "earlier ones cannot delete Prometheus' volume together with Prometheus" },
} as const satisfies ChartSource & { release: string; oldest: OldestVersion };

/**
 * Label by which our operator's Prometheus finds monitors and rules; those of other releases in the cluster are not its
 * business.
 */
export const releaseLabel = { release: prometheusChart.release } as const;

/**
 * Label by which Grafana's sidecar finds dashboards, and Grafana's own namespace is the only one that it looks into.
 */
export const dashboardLabel = { grafana_dashboard: "1" } as const;

/**
 * Size of Prometheus' volume. It is the same for every retention, since a volume that belongs to a StatefulSet doesn't
 * grow with it; Prometheus drops its oldest data before the volume is full. An idle platform has about 25,000 series,
 * which take 0.1 GiB a day at one sample in 30 s (1.5 bytes each, Prometheus documentation, "Storage"); every node of
 * eight GPUs adds some 4,000.
 */
export const metricsVolumeGib = 30;

/** Where Prometheus keeps its data. */
export type MetricsStorage =
  /** A volume of its own. `storageClass` null: the cluster's default class. */
  | { readonly kind: "volume"; readonly storageClass: string | null }
  /** The node's disk; gone with the pod. */
  | { readonly kind: "node-disk" };

const nodeDiskGib = 8;

/** Share of the disk that data may fill: compaction needs the rest. */
const usableShare = 0.85;

export interface PrometheusSettings {
  readonly namespace: string;
  readonly placement: Placement;
  readonly storage: MetricsStorage;
  readonly retentionDays: number;
}

function storageValues(storage: MetricsStorage): Record<string, unknown> {
  switch (storage.kind) {
    case "volume":
      return {
        storageSpec: {
          volumeClaimTemplate: {
            spec: {
              ...(storage.storageClass === null ? {} : { storageClassName: storage.storageClass }),
              accessModes: ["ReadWriteOnce"],
              resources: { requests: { storage: `${metricsVolumeGib}Gi` } },
            },
          },
        },
        // Without it the claim, and the EBS volume behind it, would outlive Prometheus, the cluster, and the stack.
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
      };
    case "node-disk":
      return { storageSpec: { emptyDir: { sizeLimit: `${nodeDiskGib}Gi` } } };
  }
}

function retentionSize(storage: MetricsStorage): string {
  const gib = storage.kind === "volume" ? metricsVolumeGib : nodeDiskGib;
  return `${Math.floor(gib * usableShare * 1024)}MiB`;
}

const off = { enabled: false } as const;

/** Values of the chart. */
export function prometheusValues({ namespace, placement, storage, retentionDays }: PrometheusSettings): ChartValues {
  const placed = placementValues(placement);
  return {
    fullnameOverride: prometheusChart.release,
    // EKS runs these itself and shows their logs in CloudWatch; nothing in the cluster can scrape them.
    kubeControllerManager: off,
    kubeScheduler: off,
    kubeEtcd: off,
    // Tens of thousands of series, and AWS answers for what they would say.
    kubeApiServer: off,
    kubeProxy: off,
    defaultRules: {
      rules: {
        etcd: false,
        kubeApiserverAvailability: false,
        kubeApiserverBurnrate: false,
        kubeApiserverHistogram: false,
        kubeApiserverSlos: false,
        kubeControllerManager: false,
        kubeProxy: false,
        kubeSchedulerAlerting: false,
        kubeSchedulerRecording: false,
        windows: false,
      },
    },
    prometheusOperator: {
      ...placed,
      // Its webhook would only check rules that the project's tests have checked, and needs jobs and certificates of
      // its own.
      admissionWebhooks: off,
      tls: off,
      // Leaves a Prometheus that somebody else runs in the cluster alone.
      prometheusInstanceNamespaces: [namespace],
      alertmanagerInstanceNamespaces: [namespace],
      thanosRulerInstanceNamespaces: [namespace],
      resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "256Mi" } },
    },
    prometheus: {
      service: { type: "ClusterIP" },
      ingress: off,
      prometheusSpec: {
        ...placed,
        retention: `${retentionDays}d`,
        retentionSize: retentionSize(storage),
        scrapeInterval: "30s",
        evaluationInterval: "30s",
        ...storageValues(storage),
        resources: { requests: { cpu: "200m", memory: "1Gi" }, limits: { memory: "3Gi" } },
      },
    },
    alertmanager: {
      service: { type: "ClusterIP" },
      ingress: off,
      alertmanagerSpec: {
        ...placed,
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
      },
    },
    grafana: {
      ...placed,
      service: { type: "ClusterIP" },
      ingress: off,
      // Empty, and not the chart's well-known default: the chart then makes a password at random and keeps it over
      // upgrades. It is in the secret, and neither in this program's values nor in the stack's state.
      adminPassword: "",
      // Everything it shows comes from ConfigMaps; it keeps nothing of its own.
      persistence: off,
      testFramework: off,
      rbac: { namespaced: true },
      "grafana.ini": {
        analytics: { reporting_enabled: false, check_for_updates: false, check_for_plugin_updates: false },
        users: { allow_sign_up: false },
        "auth.anonymous": off,
      },
      sidecar: { dashboards: { label: "grafana_dashboard", labelValue: "1", searchNamespace: namespace } },
      resources: { requests: { cpu: "50m", memory: "192Mi" }, limits: { memory: "512Mi" } },
    },
    "kube-state-metrics": {
      ...placed,
      metricLabelsAllowlist: [`nodes=[${exportedNodeLabels.join(",")}]`],
      resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } },
    },
    "prometheus-node-exporter": {
      // Every node, GPU nodes and system nodes with all their taints included.
      tolerations: [{ operator: "Exists", effect: "NoSchedule" }],
      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
    },
  };
}
