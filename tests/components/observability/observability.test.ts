import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import type { KubernetesCluster } from "../../../components/core/kubernetesCluster";
import { portForwards as backendForwards } from "../../../components/metaflow/metaflowConfiguration";
import {
  type MetricsStorage,
  metricsVolumeGib,
  prometheusValues,
} from "../../../components/observability/prometheusChart";
import { Observability, type ObservabilityArgs } from "../../../components/observability/observability";
import { placementFor } from "../../../components/core/systemPlacement";
import { stackTags } from "../../../components/core/tags";
import { observabilitySchema } from "../../../configuration/platform";
import { collect, type Collected, type ProviderOutputs, valueOf } from "../collect";
import { deletionOrder } from "../deletionOrder";

const defaults = observabilitySchema.parse({});
const budget = { usdPerMonth: 5000, emails: ["ml@example.com", "finance@example.com"] };

interface Made {
  readonly observability: Observability;
  readonly cluster: KubernetesCluster;
  readonly node: pulumi.Resource;
  readonly awsProvider: aws.Provider;
}

function build(
  change: (awsProvider: aws.Provider) => Partial<ObservabilityArgs> = () => ({}),
  podPermissions: KubernetesCluster["podPermissions"] = "pod-identity",
): Made {
  const provider = new kubernetes.Provider("cluster", { kubeconfig: "{}" });
  const awsProvider = new aws.Provider("aws", { region: "us-east-1" });
  const node = new kubernetes.core.v1.ConfigMap("nodes", {});
  const cluster = { provider, name: pulumi.output("platform"), podPermissions, ready: [node] };
  const observability = new Observability("observability", {
    cluster,
    charts: defaults.charts,
    retentionDays: defaults.retentionDays,
    idleGpuMinutes: defaults.idleGpuMinutes,
    ephemeral: false,
    stack: "platform",
    ...change(awsProvider),
  });
  return { observability, cluster, node, awsProvider };
}

const outputs: ProviderOutputs = {
  "kubernetes:storage.k8s.io/v1:StorageClass": () => ({ metadata: { name: "observability-metrics-1a2b3c4d" } }),
};

const made = (...args: Parameters<typeof build>) => collect(() => build(...args), outputs);

const ofKind = ({ resources }: Collected<unknown>, kind: string) =>
  resources.filter(({ type, name }) => type.endsWith(`:${kind}`) && name.startsWith("observability"));

interface PrometheusSpec {
  readonly retention: string;
  readonly retentionSize: string;
  readonly storageSpec: unknown;
  readonly persistentVolumeClaimRetentionPolicy?: unknown;
}

function prometheusSpecOf(values: unknown): PrometheusSpec {
  return (values as { prometheus: { prometheusSpec: PrometheusSpec } }).prometheus.prometheusSpec;
}

const releaseValues = (collected: Collected<unknown>) => ofKind(collected, "Release")[0]?.inputs.values;

async function refusal(change: Parameters<typeof build>[0]): Promise<string> {
  return made(change).then(
    () => "accepted",
    (error: unknown) => (error as Error).message,
  );
}

describe("metrics on a volume", () => {
  it("of a class that is encrypted gp3, deleted with its claim and tagged like the stack", async () => {
    const collected = await made();
    expect(ofKind(collected, "StorageClass")[0]?.inputs).toMatchObject({
      provisioner: "ebs.csi.aws.com",
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
      parameters: { type: "gp3", encrypted: "true" },
    });
    const { parameters } = ofKind(collected, "StorageClass")[0]?.inputs as { parameters: Record<string, string> };
    const volumeTags = Object.entries(parameters).filter(([key]) => /^tagSpecification_\d+$/.test(key));
    const { project, stack } = stackTags("platform", "anyone");
    expect(volumeTags.map(([, tag]) => tag)).toEqual([`project=${project ?? ""}`, `stack=${stack ?? ""}`]);
  });

  it("is claimed by Prometheus in that class, and the claim goes with Prometheus", async () => {
    const spec = prometheusSpecOf(releaseValues(await made()));
    expect(spec.storageSpec).toEqual({
      volumeClaimTemplate: {
        spec: {
          storageClassName: "observability-metrics-1a2b3c4d",
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: `${metricsVolumeGib}Gi` } },
        },
      },
    });
    expect(spec.persistentVolumeClaimRetentionPolicy).toMatchObject({ whenDeleted: "Delete" });
  });

  it("is of the cluster's default class in a cluster that was there", async () => {
    const collected = await made(() => ({}), "owner");
    expect(ofKind(collected, "StorageClass")).toEqual([]);
    expect(collected.result.observability.nodes.storageClass).toBeNull();
    const { storageSpec } = prometheusSpecOf(releaseValues(collected)) as {
      storageSpec: { volumeClaimTemplate: { spec: object } };
    };
    expect(storageSpec.volumeClaimTemplate.spec).not.toHaveProperty("storageClassName");
  });

  it("is not made for a platform that is for trying out", async () => {
    const collected = await made(() => ({ ephemeral: true }));
    expect(ofKind(collected, "StorageClass")).toEqual([]);
    expect(prometheusSpecOf(releaseValues(collected)).storageSpec).toHaveProperty("emptyDir");
  });

  it.each<[string, MetricsStorage, number]>([
    ["a volume", { kind: "volume", storageClass: null }, metricsVolumeGib],
    ["the node's disk", { kind: "node-disk" }, 8],
  ])("on %s, never fills it", (_, storage, gib) => {
    const placement = placementFor({ podPermissions: "owner" });
    const spec = prometheusSpecOf(prometheusValues({ namespace: "monitoring", placement, storage, retentionDays: 90 }));
    const limit = /^(\d+)MiB$/.exec(spec.retentionSize)?.[1];
    expect(Number(limit)).toBeLessThan(gib * 1024 * 0.9);
    expect(Number(limit)).toBeGreaterThan(gib * 1024 * 0.5);
    expect(spec.retention).toBe("90d");
  });
});

describe("the chart", () => {
  it("is pinned, is taken back where it fails, and lives in a namespace of its own", async () => {
    const collected = await made();
    expect(ofKind(collected, "Release")[0]?.inputs).toMatchObject({
      name: "monitoring",
      chart: "kube-prometheus-stack",
      version: defaults.charts.kubePrometheusStack,
      namespace: "posttraining-monitoring",
      atomic: true,
      cleanupOnFail: true,
    });
  });

  it("puts its pods on the system nodes", async () => {
    const values = releaseValues(await made());
    const placed = {
      nodeSelector: { "posttraining.dev/pool": "system" },
      tolerations: [{ key: "posttraining.dev/system", operator: "Equal", value: "true", effect: "NoSchedule" }],
    };
    expect(values).toMatchObject({
      prometheusOperator: placed,
      prometheus: { prometheusSpec: placed },
      alertmanager: { alertmanagerSpec: placed },
      grafana: placed,
      "kube-state-metrics": placed,
      // On every node, whatever its taints.
      "prometheus-node-exporter": { tolerations: [{ operator: "Exists", effect: "NoSchedule" }] },
    });
  });

  it("opens nothing to the outside", async () => {
    const values = JSON.stringify(releaseValues(await made()));
    expect(values).not.toMatch(/LoadBalancer|NodePort/);
    expect(releaseValues(await made())).toMatchObject({
      grafana: {
        service: { type: "ClusterIP" },
        ingress: { enabled: false },
        "grafana.ini": { "auth.anonymous": { enabled: false } },
      },
      prometheus: { service: { type: "ClusterIP" }, ingress: { enabled: false } },
      alertmanager: { service: { type: "ClusterIP" }, ingress: { enabled: false } },
    });
  });

  it("is given no password for Grafana, so that the cluster makes one, and none is in values, outputs or state", async () => {
    const collected = await made();
    const { grafana } = releaseValues(collected) as { grafana: { adminPassword: string } };
    expect(grafana.adminPassword).toBe("");
    const everything = JSON.stringify(collected.resources);
    expect(everything).not.toContain("prom-operator");
    expect(everything.match(/admin-?password/gi)).toHaveLength(1);
  });

  it("exports the node labels by which nodes get their price", async () => {
    expect(releaseValues(await made())).toMatchObject({
      "kube-state-metrics": {
        metricLabelsAllowlist: [
          "nodes=[node.kubernetes.io/instance-type,eks.amazonaws.com/capacityType,posttraining.dev/stack]",
        ],
      },
    });
  });

  it("leaves a Prometheus that somebody else runs in the cluster alone", async () => {
    expect(releaseValues(await made())).toMatchObject({
      prometheusOperator: {
        prometheusInstanceNamespaces: ["posttraining-monitoring"],
        alertmanagerInstanceNamespaces: ["posttraining-monitoring"],
        admissionWebhooks: { enabled: false },
      },
    });
  });

  it("can be changed by a transform", async () => {
    const collected = await made(() => ({
      transform: { release: { timeout: 1234 }, storageClass: { reclaimPolicy: "Retain" } },
    }));
    expect(ofKind(collected, "Release")[0]?.inputs.timeout).toBe(1234);
    expect(ofKind(collected, "StorageClass")[0]?.inputs.reclaimPolicy).toBe("Retain");
  });
});

describe("what Prometheus watches", () => {
  it("finds monitors and rules by the label that the chart's Prometheus selects", async () => {
    const collected = await made();
    const found = [
      ...ofKind(collected, "PodMonitor"),
      ...ofKind(collected, "ServiceMonitor"),
      ...ofKind(collected, "PrometheusRule"),
    ];
    expect(found).toHaveLength(5);
    for (const { inputs } of found)
      expect(inputs.metadata).toMatchObject({
        namespace: "posttraining-monitoring",
        labels: { release: "monitoring" },
      });
  });

  it("takes the labels of the pod that holds a GPU from the exporter, not those of the exporter's own pod", async () => {
    const dcgm = ofKind(await made(), "PodMonitor").find(({ name }) => name === "observability-monitor-dcgm");
    expect(dcgm?.inputs.spec).toMatchObject({
      podMetricsEndpoints: [
        {
          relabelings: [
            { sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" },
            { action: "labeldrop", regex: "namespace|pod|container" },
          ],
        },
      ],
    });
  });

  it("waits with the idle alarm as long as it is told, and names the stack", async () => {
    const collected = await made(() => ({ idleGpuMinutes: 45, stack: "team-platform" }));
    const { spec } = ofKind(collected, "PrometheusRule")[0]?.inputs as {
      spec: { groups: { rules: { alert?: string; for?: string; labels?: Record<string, string> }[] }[] };
    };
    const alarms = spec.groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
    expect(alarms.find(({ alert }) => alert === "IdleGpu")?.for).toBe("45m");
    expect(alarms.find(({ alert }) => alert === "UnusedGpuNode")?.for).toBe("45m");
    for (const { labels } of alarms) expect(labels).toMatchObject({ platform: "team-platform" });
  });

  it("shows every dashboard, in maps that Grafana's sidecar looks for", async () => {
    const collected = await made();
    const maps = ofKind(collected, "ConfigMap");
    expect(maps.map(({ name }) => name).sort()).toEqual(
      ["cost", "gpus", "nccl-stalls", "runs", "vllm"].map((name) => `observability-dashboard-${name}`),
    );
    const { grafana } = releaseValues(collected) as {
      grafana: { sidecar: { dashboards: { label: string; labelValue: string; searchNamespace: string } } };
    };
    const { label, labelValue, searchNamespace } = grafana.sidecar.dashboards;
    for (const { inputs } of maps) {
      expect(inputs.metadata).toMatchObject({ namespace: searchNamespace, labels: { [label]: labelValue } });
      const [content] = Object.values(inputs.data as Record<string, string>);
      expect(JSON.parse(content ?? "")).toHaveProperty("panels");
    }
  });
});

describe("budget", () => {
  const withBudget = (awsProvider: aws.Provider) => ({ budget, awsProvider });

  it("counts what carries the project's tag, and tells at 80% forecast and 100% spent", async () => {
    const collected = await made(withBudget);
    const [registered] = ofKind(collected, "Budget");
    const notification = {
      comparisonOperator: "GREATER_THAN",
      thresholdType: "PERCENTAGE",
      subscriberEmailAddresses: budget.emails,
    };
    expect(registered?.inputs).toMatchObject({
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: "5000.00",
      limitUnit: "USD",
      costFilters: [{ name: "TagKeyValue", values: ["user:project$posttraining"] }],
      costTypes: { includeCredit: false, includeRefund: false },
      notifications: [
        { ...notification, notificationType: "FORECASTED", threshold: 80 },
        { ...notification, notificationType: "ACTUAL", threshold: 100 },
      ],
    });
    // The same tag that everything on AWS is given.
    expect(stackTags("sft-70b", "ml").project).toBe("posttraining");
  });

  it("is made by the AWS provider, and everything else by the cluster's", async () => {
    const collected = await made(withBudget);
    const { observability, awsProvider, cluster } = collected.result;
    const children = collected.registrations.filter(({ opts }) => opts.parent === observability);
    expect(children).toHaveLength(14);
    for (const { type, opts } of children)
      expect((opts as pulumi.CustomResourceOptions).provider, type).toBe(
        type.startsWith("aws:") ? awsProvider : cluster.provider,
      );
  });

  it("isn't made unless it is set", async () => {
    const collected = await made();
    expect(ofKind(collected, "Budget")).toEqual([]);
    expect(collected.result.observability.nodes.budget).toBeNull();
  });

  it("can be changed by a transform", async () => {
    const collected = await made((awsProvider) => ({
      ...withBudget(awsProvider),
      transform: { budget: { timeUnit: "QUARTERLY" } },
    }));
    expect(ofKind(collected, "Budget")[0]?.inputs.timeUnit).toBe("QUARTERLY");
  });
});

describe("outputs", () => {
  it("say where a port-forward finds Grafana, on a port that the backend's forwards leave free", async () => {
    const forwards = await valueOf((await made()).result.observability.portForwards);
    expect(forwards).toEqual([
      {
        name: "Grafana",
        namespace: "posttraining-monitoring",
        service: "monitoring-grafana",
        localPort: 3001,
        port: 80,
        onlyToLookAt: true,
      },
    ]);
    const others = backendForwards({ system: "metaflow", jobs: "metaflow-jobs" });
    expect(others.map(({ localPort }) => localPort)).not.toContain(forwards[0]?.localPort);
  });
});

describe("in a cluster that has a Prometheus operator", () => {
  const existing = () => made(() => ({ prometheus: { kind: "existing", labels: { release: "prometheus" } } }));

  it("installs none, claims no disk, and forwards no Grafana", async () => {
    const collected = await existing();
    expect(ofKind(collected, "Release")).toEqual([]);
    expect(ofKind(collected, "StorageClass")).toEqual([]);
    expect(collected.result.observability.nodes.release).toBeNull();
    expect(await valueOf(collected.result.observability.portForwards)).toEqual([]);
  });

  it("labels monitors and rules so that they are found, and still has all dashboards", async () => {
    const collected = await existing();
    const managed = await made();
    for (const kind of ["PodMonitor", "ServiceMonitor", "PrometheusRule"]) {
      const found = ofKind(collected, kind);
      expect(found, kind).not.toEqual([]);
      for (const { inputs } of found) expect(inputs.metadata).toMatchObject({ labels: { release: "prometheus" } });
    }
    expect(ofKind(collected, "ConfigMap")).toEqual(ofKind(managed, "ConfigMap"));
  });

  it("leaves the namespace as strict as the cluster has them", async () => {
    expect(JSON.stringify(ofKind(await existing(), "Namespace"))).not.toContain("privileged");
  });

  it("goes before the nodes", async () => {
    const collected = await existing();
    const { node, observability } = collected.result;
    const before = await deletionOrder(collected.registrations);
    for (const monitor of observability.nodes.monitors) expect(before(monitor, node)).toBe(true);
  });
});

describe("teardown", () => {
  it("deletes what needs the operator's CRDs before the release, then class and namespace, all before the nodes", async () => {
    const collected = await made();
    const { observability, node } = collected.result;
    const { namespace, release, storageClass, dashboards, monitors, rules } = observability.nodes;
    if (storageClass === null || release === null) throw new Error("no class or no release");
    const before = await deletionOrder(collected.registrations);
    for (const resource of [...dashboards, ...monitors, rules]) expect(before(resource, release)).toBe(true);
    expect(before(release, namespace)).toBe(true);
    expect(before(release, storageClass)).toBe(true);
    for (const resource of [namespace, release, storageClass]) expect(before(resource, node)).toBe(true);
  });
});

describe("refusals", () => {
  it("name everything that is wrong in one message", async () => {
    const message = await refusal(() => ({
      charts: { kubePrometheusStack: "58.7.2" },
      retentionDays: 0,
      idleGpuMinutes: 2.5,
      budget: { usdPerMonth: 0, emails: [] },
    }));
    expect(message).toContain('Observability "observability"');
    expect(message).toContain('charts.kubePrometheusStack: got "58.7.2"; needs 59.1.0 or newer');
    expect(message).toContain("retentionDays: got 0");
    expect(message).toContain("idleGpuMinutes: got 2.5");
    expect(message).toContain("budget.usdPerMonth: got 0");
    expect(message).toContain("budget.emails: got []; nobody would hear of it");
    expect(message).toContain("awsProvider: is missing");
  });

  it("an amount that is no number, and more addresses than AWS takes", async () => {
    const emails = Array.from({ length: 11 }, (_, index) => `person${index}@example.com`);
    const message = await refusal((awsProvider) => ({ awsProvider, budget: { usdPerMonth: Number.NaN, emails } }));
    expect(message).toContain("budget.usdPerMonth: got NaN");
    expect(message).toContain("; it has 11 addresses");
    expect(message).not.toContain("awsProvider");
  });

  it("accepts the oldest chart, and the defaults", async () => {
    expect(await refusal(() => ({ charts: { kubePrometheusStack: "59.1.0" } }))).toBe("accepted");
    expect(await refusal(() => ({}))).toBe("accepted");
  });
});
