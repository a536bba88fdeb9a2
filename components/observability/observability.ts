import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { dashboards } from "../../observability/dashboards";
import { alarmGroup, recordingGroups } from "../../observability/rules";
import { type Monitor, monitors } from "../../observability/scraping";
import { componentTypes } from "../core/componentTypes";
import { releaseArgs } from "../core/helmRelease";
import { refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { podsReadyMinutes } from "../gpu/kueueQueues";
import { type Budget, observabilityArgumentErrors } from "./observabilityArguments";
import {
  dashboardLabel,
  type MetricsStorage,
  prometheusChart,
  prometheusValues,
  releaseLabel,
} from "./prometheusChart";
import type { PortForward } from "../../contracts/stackOutputs";
import { placementFor } from "../core/systemPlacement";
import { projectTag } from "../core/tags";
import { type Transform, transformed } from "../core/transform";

/** Who runs Prometheus, its operator and Grafana. */
export type Prometheus =
  /** This component installs them. */
  | { readonly kind: "managed" }
  /** The cluster has them. */
  | {
      readonly kind: "existing";
      /** Labels by which they find monitors and rules. */
      readonly labels: Readonly<Record<string, pulumi.Input<string>>>;
    };

/**
 * Arguments of `Observability`. Inputs take outputs of other resources. What is plain decides what is made and which version is installed:
 * it is checked before anything exists.
 */
export interface ObservabilityArgs {
  /** Where to install: a `Cluster`, or `existingCluster(...)`. */
  cluster: KubernetesCluster;

  /**
   * Who runs Prometheus, its operator and Grafana. Plain in its kind, since that decides whether there is a release.
   *
   * @default `{ kind: "managed" }`
   * @example
   * ```ts
   * { prometheus: { kind: "existing", labels: { release: "prometheus" } } }
   * ```
   */
  prometheus?: Prometheus;

  /**
   * Versions of the charts, pinned.
   *
   * @example
   * ```ts
   * { charts: { kubePrometheusStack: "77.14.0" } }
   * ```
   */
  charts: {
    /** Version of the chart `kube-prometheus-stack`. */
    readonly kubePrometheusStack: string;
  };

  /**
   * Days for which metrics are kept, 90 at most; less if the volume is full before.
   *
   * @example
   * ```ts
   * { retentionDays: 15 }
   * ```
   */
  retentionDays: number;

  /**
   * Minutes below 5% use after which a GPU raises an alarm: 5 to 1440.
   *
   * @example
   * ```ts
   * { idleGpuMinutes: 30 }
   * ```
   */
  idleGpuMinutes: number;

  /**
   * True: metrics live on the node's disk and nothing is made outside of the cluster. False: on a volume of their own. Plain, since it
   * decides whether there is one.
   */
  ephemeral: boolean;

  /**
   * Name of the stack: a label on alarms, and part of the volume's tags.
   *
   * @example
   * ```ts
   * { stack: pulumi.getStack() }
   * ```
   */
  stack: string;

  /**
   * Budget of everything that carries the tag `project`: this platform and its experiments.
   *
   * @default none
   * @example
   * ```ts
   * { budget: { usdPerMonth: 5000, emails: ["ml-platform@example.com"] } }
   * ```
   */
  budget?: Budget;

  /**
   * Provider for the budget. Needed with one.
   *
   * @default none
   */
  awsProvider?: aws.Provider;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    namespace?: Transform<kubernetes.core.v1.NamespaceArgs>;
    release?: Transform<kubernetes.helm.v3.ReleaseArgs>;
    storageClass?: Transform<kubernetes.storage.v1.StorageClassArgs>;
    /** One for each dashboard. */
    dashboard?: Transform<kubernetes.core.v1.ConfigMapArgs>;
    /** One for each kind of target. */
    monitor?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    rules?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    budget?: Transform<aws.budgets.BudgetArgs>;
  };
}

/**
 * Arguments of the AWS budget: 80% forecast and 100% spent are told by e-mail.
 *
 * The filter is the tag `project`, not `stack`: what costs money are the experiments, whose stacks have other names.
 * Credits and refunds are not counted, since they would hide what is spent. The tag must be active as a cost allocation
 * tag in the account's billing settings, once, by hand: AWS allows that only to the payer's account, and only after the
 * tag has been seen for a day. Until then the budget stays at 0.
 */
export function budgetArgs(budget: Budget, project: string): aws.budgets.BudgetArgs {
  const notification = (notificationType: "FORECASTED" | "ACTUAL", threshold: number) => ({
    comparisonOperator: "GREATER_THAN",
    notificationType,
    threshold,
    thresholdType: "PERCENTAGE",
    subscriberEmailAddresses: [...budget.emails],
  });
  return {
    budgetType: "COST",
    timeUnit: "MONTHLY",
    limitAmount: pulumi.output(budget.usdPerMonth).apply((usdPerMonth) => usdPerMonth.toFixed(2)),
    limitUnit: "USD",
    costFilters: [{ name: "TagKeyValue", values: [`user:project$${project}`] }],
    costTypes: { includeCredit: false, includeRefund: false },
    notifications: [notification("FORECASTED", 80), notification("ACTUAL", 100)],
  };
}

/**
 * Arguments of the class of Prometheus' volume: gp3, encrypted, deleted with its claim, and tagged so that a search for
 * leftovers finds it.
 */
export function metricsStorageClassArgs(
  tags: Readonly<Record<string, string>>,
): kubernetes.storage.v1.StorageClassArgs {
  const tagParameters: Record<string, string> = Object.fromEntries(
    Object.entries(tags).map(([key, value], index) => [`tagSpecification_${index + 1}`, `${key}=${value}`]),
  );
  return {
    provisioner: "ebs.csi.aws.com",
    parameters: { type: "gp3", encrypted: "true", ...tagParameters },
    reclaimPolicy: "Delete",
    // The volume is made in the zone in which the pod is placed.
    volumeBindingMode: "WaitForFirstConsumer",
    allowVolumeExpansion: true,
  };
}

/** Grafana as the chart names it. Its own port 3000 is Metaflow's web interface's on a person's machine. */
const grafanaForward = (namespace: string): PortForward => ({
  name: "Grafana",
  namespace,
  service: `${prometheusChart.release}-grafana`,
  localPort: 3001,
  port: 80,
  onlyToLookAt: true,
});

/**
 * Prometheus, Alertmanager and Grafana, with dashboards (GPUs, NCCL stalls, cost per stack, vLLM latency, queues and
 * runs) and alarms (idle and unused GPUs, stalls, runs that wait or fail); and a budget on AWS.
 *
 * Nothing is public: all services are ClusterIP, reached by `kubectl port-forward`. Grafana's password is made in the
 * cluster and never leaves it: `kubectl -n posttraining-monitoring get secret monitoring-grafana -o
 * jsonpath='{.data.admin-password}' | base64 -d`. Alarms show in Alertmanager; where they go from there (mail, chat) is
 * said by an `AlertmanagerConfig`, or by values in `transform.release`.
 *
 * In a cluster that has a Prometheus operator, name it (`prometheus: { kind: "existing" }`): two would both look after the
 * same objects. It then gets dashboards (its Grafana must look for the label `grafana_dashboard` in all namespaces, as
 * kube-prometheus-stack has it), monitors and rules; kube-state-metrics must export the nodes' labels that
 * `observability/metrics.ts` lists for the costs to be shown.
 *
 * Prometheus finds its targets by labels in all namespaces: the DCGM exporter, Kueue, Argo Workflows (with
 * `controller.metricsConfig.enabled`), and pods with the label `posttraining.dev/engine: vllm`.
 *
 * **Cost**: a gp3 volume of 30 GiB, about $2.40 a month in us-east-1 (not when `ephemeral`); about 0.4 vCPU and 1.6 GiB of
 * the system nodes. Nothing where Prometheus was there. A budget without actions is free.
 *
 * **Teardown**: dashboards, rules and monitors, then the release; Prometheus' StatefulSet takes its claim along, and the
 * namespace waits until that is gone. The EBS driver deletes the volume then, within seconds and out of Pulumi's sight:
 * the cluster, which outlives all this, must still run it. Metrics are lost. The Prometheus operator's CRDs stay in a
 * cluster that stays (Helm never deletes CRDs).
 *
 * @example
 * ```ts
 * new Observability("observability", {
 *   cluster, charts: { kubePrometheusStack: "77.14.0" }, retentionDays: 15, idleGpuMinutes: 30, ephemeral: false, stack: "platform",
 *   budget: { usdPerMonth: 5000, emails: ["ml-platform@example.com"] }, awsProvider,
 * });
 * ```
 */
export class Observability extends pulumi.ComponentResource {
  /** Grafana; empty where the cluster's own shows the dashboards. */
  readonly portForwards: pulumi.Output<PortForward[]>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly namespace: kubernetes.core.v1.Namespace;
    /** Null: the cluster has its own Prometheus. */
    readonly release: kubernetes.helm.v3.Release | null;
    /** Null: the metrics are not on a volume, or on one of the cluster's default class. */
    readonly storageClass: kubernetes.storage.v1.StorageClass | null;
    readonly dashboards: readonly kubernetes.core.v1.ConfigMap[];
    readonly monitors: readonly kubernetes.apiextensions.CustomResource[];
    readonly rules: kubernetes.apiextensions.CustomResource;
    readonly budget: aws.budgets.Budget | null;
  };

  constructor(name: string, args: ObservabilityArgs, options?: pulumi.ComponentResourceOptions) {
    refuse(
      "Observability",
      name,
      observabilityArgumentErrors({ ...args, hasAwsProvider: args.awsProvider !== undefined }),
    );
    super(componentTypes.observability, name, {}, options);
    const { cluster } = args;
    const inCluster = { parent: this, provider: cluster.provider };
    const afterCluster = { ...inCluster, dependsOn: cluster.ready };
    const onAws = { parent: this, ...(args.awsProvider === undefined ? {} : { provider: args.awsProvider }) };
    const physicalNamespace = "posttraining-monitoring";
    const prometheus: Prometheus = args.prometheus ?? { kind: "managed" };
    const labels = prometheus.kind === "managed" ? releaseLabel : prometheus.labels;

    const namespace = createNamespace();
    const storageClass = createStorageClass();
    const release = prometheus.kind === "managed" ? createRelease() : null;
    const afterRelease = release === null ? afterCluster : { ...inCluster, dependsOn: [release] };
    const dashboardMaps = createDashboards();
    const monitorResources = Object.entries(monitors()).map(([target, monitor]) => createMonitor(target, monitor));
    const rules = createRules();
    const budget = createBudget();

    this.portForwards = pulumi.output(release === null ? [] : [grafanaForward(physicalNamespace)]);
    this.nodes = {
      namespace,
      release,
      storageClass,
      dashboards: dashboardMaps,
      monitors: monitorResources,
      rules,
      budget,
    };
    this.registerOutputs({ portForwards: this.portForwards });

    function createNamespace() {
      // The node exporter reads the host's /proc and /sys.
      const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
      return new kubernetes.core.v1.Namespace(
        ...transformed(
          args.transform?.namespace,
          `${name}-namespace`,
          { metadata: { name: physicalNamespace, ...(prometheus.kind === "managed" ? { labels } : {}) } },
          afterCluster,
        ),
      );
    }

    function createStorageClass() {
      // EKS comes with no gp3 class; an existing cluster has a default class of its owner's choice.
      if (prometheus.kind === "existing" || args.ephemeral || cluster.podPermissions !== "pod-identity") return null;
      return new kubernetes.storage.v1.StorageClass(
        ...transformed(
          args.transform?.storageClass,
          `${name}-metrics`,
          metricsStorageClassArgs({ project: projectTag, stack: args.stack }),
          afterCluster,
        ),
      );
    }

    function createRelease() {
      const storage: pulumi.Input<MetricsStorage> = args.ephemeral
        ? { kind: "node-disk" }
        : storageClass === null
          ? { kind: "volume", storageClass: null }
          : storageClass.metadata.name.apply((storageClassName): MetricsStorage => ({
              kind: "volume",
              storageClass: storageClassName,
            }));
      const values = pulumi.output(storage).apply((resolved) =>
        prometheusValues({
          namespace: physicalNamespace,
          placement: placementFor(cluster),
          storage: resolved,
          retentionDays: args.retentionDays,
        }),
      );
      return new kubernetes.helm.v3.Release(
        ...transformed(
          args.transform?.release,
          `${name}-release`,
          releaseArgs({
            source: prometheusChart,
            version: args.charts.kubePrometheusStack,
            name: prometheusChart.release,
            namespace: namespace.metadata.name,
            values,
            timeoutSeconds: 900,
          }),
          afterCluster,
        ),
      );
    }

    function createDashboards() {
      return Object.entries(dashboards()).map(
        ([file, content]) =>
          new kubernetes.core.v1.ConfigMap(
            ...transformed(
              args.transform?.dashboard,
              `${name}-dashboard-${file}`,
              {
                metadata: { namespace: namespace.metadata.name, labels: dashboardLabel },
                data: { [`posttraining-${file}.json`]: JSON.stringify(content, null, 1) },
              },
              afterRelease,
            ),
          ),
      );
    }

    function createMonitor(target: string, { kind, spec }: Monitor) {
      return new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.monitor,
          `${name}-monitor-${target}`,
          {
            apiVersion: "monitoring.coreos.com/v1",
            kind,
            metadata: { name: `posttraining-${target}`, namespace: namespace.metadata.name, labels },
            spec,
          },
          afterRelease,
        ),
      );
    }

    function createRules() {
      const alarms = alarmGroup({
        stack: args.stack,
        idleGpuMinutes: args.idleGpuMinutes,
        // Twice the time in which a run that has its quota becomes ready: waiting that long means that quota is short.
        pendingMinutes: 2 * podsReadyMinutes,
      });
      return new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.rules,
          `${name}-rules`,
          {
            apiVersion: "monitoring.coreos.com/v1",
            kind: "PrometheusRule",
            metadata: { name: "posttraining", namespace: namespace.metadata.name, labels },
            spec: { groups: [...recordingGroups(), alarms] },
          },
          afterRelease,
        ),
      );
    }

    function createBudget() {
      if (args.budget === undefined) return null;
      return new aws.budgets.Budget(
        ...transformed(args.transform?.budget, `${name}-budget`, budgetArgs(args.budget, projectTag), onAws),
      );
    }
  }
}
