import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import {
  argoServer,
  ArgoWorkflows,
  type ArgoWorkflowsArgs,
  argoWorkflowsValues,
  eventBusSpec,
  jetStream,
  metaflowEvents,
  s3Endpoint,
  sensorRules,
  workflowRetention,
} from "../../../components/metaflow/argoWorkflows";
import type { KubernetesCluster } from "../../../components/core/kubernetesCluster";
import { placementFor, systemPlacement } from "../../../components/core/systemPlacement";
import { collect, type Collected, valueOf } from "../collect";
import { deletionOrder } from "../deletionOrder";

const store = { bucket: pulumi.output("models-bucket"), region: pulumi.output("eu-central-1") };
const charts = { argoWorkflows: "0.45.2", argoEvents: "2.4.8" };

interface Made {
  readonly argo: ArgoWorkflows;
  readonly cluster: KubernetesCluster;
  readonly node: pulumi.Resource;
}

function build(
  podPermissions: KubernetesCluster["podPermissions"] = "pod-identity",
  change: Partial<ArgoWorkflowsArgs> = {},
): Made {
  const provider = new kubernetes.Provider("cluster", { kubeconfig: "{}" });
  const node = new kubernetes.core.v1.ConfigMap("nodes", {});
  const cluster = { provider, name: pulumi.output("platform"), podPermissions, ready: [node] };
  const argo = new ArgoWorkflows("argo", {
    cluster,
    namespace: "metaflow",
    jobsNamespace: "metaflow-jobs",
    taskServiceAccount: "metaflow-task",
    store,
    charts,
    ...change,
  });
  return { argo, cluster, node };
}

function optionsOf(collected: Collected<unknown>, type: string, name: string): pulumi.CustomResourceOptions {
  const found = collected.registrations.find((one) => one.type.endsWith(`:${type}`) && one.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found.opts;
}

function inputsOf(collected: Collected<unknown>, type: string, name: string): Readonly<Record<string, unknown>> {
  const found = collected.resources.find((one) => one.type.endsWith(`:${type}`) && one.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found.inputs;
}

describe("ArgoWorkflows", () => {
  it("keeps Kueue and its quotas until the jobs' namespace is gone, whose pods carry their finalizers", async () => {
    const collected = await collect(() => {
      const kueue = new kubernetes.core.v1.ConfigMap("kueue", {});
      return { ...build("pod-identity", { admission: [kueue] }), kueue };
    });
    const goesBefore = await deletionOrder(collected.registrations);
    expect(goesBefore(collected.result.argo.nodes.jobsNamespace, collected.result.kueue)).toBe(true);
  });

  it("installs the two official charts, pinned, rolled back when they fail", async () => {
    const collected = await collect(() => build());
    for (const [chart, version] of [
      ["argo-workflows", "0.45.2"],
      ["argo-events", "2.4.8"],
    ] as const) {
      expect(inputsOf(collected, "Release", `argo-${chart}`)).toMatchObject({
        name: chart,
        chart,
        version,
        namespace: "metaflow",
        atomic: true,
        cleanupOnFail: true,
      });
    }
  });

  it("puts everything into its cluster, as its children, after the cluster is ready", async () => {
    const collected = await collect(() => build());
    const { argo, cluster, node } = collected.result;
    const children = collected.registrations.filter(
      ({ type, name }) => type.startsWith("kubernetes:") && name !== "nodes",
    );
    expect(children.length).toBeGreaterThan(8);
    for (const { opts } of children) {
      expect(opts.parent).toBe(argo);
      expect((opts as pulumi.CustomResourceOptions).provider).toBe(cluster.provider);
    }
    for (const chart of ["argo-argo-workflows", "argo-argo-events"])
      expect(optionsOf(collected, "Release", chart).dependsOn).toEqual([node]);
  });

  it("deletes the namespace of the runs while the controllers that finalize what is in it still run", async () => {
    const collected = await collect(() => build());
    const { workflows, events, jobsNamespace, eventBus, eventSource, sensorRole } = collected.result.argo.nodes;
    const goesBefore = await deletionOrder(collected.registrations);
    for (const controller of [workflows, events]) {
      expect(goesBefore(jobsNamespace, controller)).toBe(true);
      for (const inside of [eventBus, eventSource, sensorRole]) expect(goesBefore(inside, controller)).toBe(true);
    }
    for (const inside of [eventBus, eventSource, sensorRole]) expect(goesBefore(inside, jobsNamespace)).toBe(true);
    expect(goesBefore(eventSource, eventBus)).toBe(true);
  });

  it("leaves the deletion of bus and event source to the namespace, since a bus waits for every sensor", async () => {
    const collected = await collect(() => build());
    const { jobsNamespace } = collected.result.argo.nodes;
    expect(optionsOf(collected, "EventBus", "argo-event-bus").deletedWith).toBe(jobsNamespace);
    expect(optionsOf(collected, "EventSource", "argo-event-source").deletedWith).toBe(jobsNamespace);
  });

  it("makes bus, webhook and sensor account under the names that Metaflow is told, in the namespace of the runs", async () => {
    const collected = await collect(() => build());
    const metadata = (name: string) => ({ metadata: { name, namespace: "metaflow-jobs" } });
    expect(inputsOf(collected, "EventBus", "argo-event-bus")).toMatchObject(metadata("default"));
    expect(inputsOf(collected, "EventSource", "argo-event-source")).toMatchObject({
      ...metadata("argo-events-webhook"),
      spec: {
        eventBusName: "default",
        service: { ports: [{ port: 12000, targetPort: 12000 }] },
        webhook: { "metaflow-event": { port: "12000", endpoint: "/metaflow-event", method: "POST" } },
      },
    });
    expect(inputsOf(collected, "ServiceAccount", "argo-sensor")).toMatchObject(metadata(metaflowEvents.serviceAccount));
    expect(metaflowEvents.service).toBe(`${metaflowEvents.eventSource}-eventsource-svc`);
  });

  it("lets a sensor create workflows and nothing else", async () => {
    const collected = await collect(() => build());
    expect(inputsOf(collected, "Role", "argo-sensor").rules).toEqual(sensorRules);
    expect(sensorRules).toEqual([{ apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["create"] }]);
    expect(inputsOf(collected, "RoleBinding", "argo-sensor")).toMatchObject({
      roleRef: { kind: "Role", name: metaflowEvents.serviceAccount },
      subjects: [{ kind: "ServiceAccount", name: metaflowEvents.serviceAccount, namespace: "metaflow-jobs" }],
    });
  });

  it("keeps other namespaces away from the webhook, and every pod away from the server", async () => {
    const collected = await collect(() => build());
    expect(inputsOf(collected, "NetworkPolicy", "argo-event-source").spec).toEqual({
      podSelector: { matchLabels: { "eventsource-name": "argo-events-webhook" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 12000, protocol: "TCP" }] }],
    });
    expect(inputsOf(collected, "NetworkPolicy", "argo-server").spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": argoServer.service } },
      policyTypes: ["Ingress"],
    });
  });

  it("forbids privileged pods in the namespace of the runs", async () => {
    const collected = await collect(() => build());
    expect(inputsOf(collected, "Namespace", "argo-jobs")).toMatchObject({
      metadata: { name: "metaflow-jobs", labels: { "pod-security.kubernetes.io/enforce": "baseline" } },
    });
  });

  it("refuses chart versions on which Metaflow does not work, all at once, before it registers anything", async () => {
    const { result, registrations } = await collect(() => {
      try {
        return build("owner", { charts: { argoWorkflows: "1.0.18", argoEvents: "2.3.0" } });
      } catch (error) {
        return error;
      }
    });
    expect(String(result)).toMatch(/charts\.argoWorkflows: got "1\.0\.18"[^]*charts\.argoEvents: got "2\.3\.0"/);
    expect(registrations.map(({ name }) => name).sort()).toEqual(["cluster", "nodes"]);
  });

  it("lets transforms change what it makes", async () => {
    const collected = await collect(() =>
      build("pod-identity", {
        transform: {
          workflows: { timeout: 1200 },
          eventBus: (args) => ({ args: { ...args, spec: { jetstream: { version: "2.10.10", replicas: 5 } } } }),
        },
      }),
    );
    expect(inputsOf(collected, "Release", "argo-argo-workflows").timeout).toBe(1200);
    expect(inputsOf(collected, "Release", "argo-argo-events").timeout).toBe(600);
    expect(inputsOf(collected, "EventBus", "argo-event-bus").spec).toMatchObject({ jetstream: { replicas: 5 } });
  });
});

describe("argoWorkflowsValues", () => {
  const values = (extra: object = {}, podPermissions: KubernetesCluster["podPermissions"] = "pod-identity") =>
    argoWorkflowsValues({
      placement: placementFor({ podPermissions }),
      taskServiceAccount: "metaflow-task",
      store: { bucket: "models-bucket", region: "eu-central-1", ...extra },
    });

  it("runs pods whose template names no account, such as those that create JobSets, as the tasks' account", () => {
    expect(values().controller.workflowDefaults.spec.serviceAccountName).toBe("metaflow-task");
  });

  it("deletes finished workflows, failed ones later, but none that finished today", () => {
    const { secondsAfterSuccess, secondsAfterFailure } = values().controller.workflowDefaults.spec.ttlStrategy;
    expect(secondsAfterSuccess).toBe(workflowRetention.succeededDays * 86_400);
    expect(secondsAfterFailure).toBeGreaterThan(secondsAfterSuccess);
    expect(secondsAfterSuccess).toBeGreaterThan(86_400);
  });

  it("asks who calls, and is reached from inside of the cluster only", () => {
    expect(values().server).toMatchObject({ authModes: ["client"], serviceType: "ClusterIP" });
  });

  it("takes credentials for the artifact repository from Pod Identity", async () => {
    const { useStaticCredentials, artifactRepository } = values();
    expect(useStaticCredentials).toBe(false);
    expect(await valueOf(pulumi.output(artifactRepository.s3))).toMatchObject({
      bucket: "models-bucket",
      region: "eu-central-1",
      endpoint: "s3.eu-central-1.amazonaws.com",
      insecure: false,
      useSDKCreds: true,
    });
  });

  it("takes them from the store's secret where there is one", async () => {
    const { useStaticCredentials, artifactRepository } = values({
      endpoint: "http://minio.storage:9000",
      credentialsSecret: "keys",
    });
    expect(useStaticCredentials).toBe(true);
    expect(await valueOf(pulumi.output(artifactRepository.s3))).toMatchObject({
      endpoint: "minio.storage:9000",
      insecure: true,
      accessKeySecret: { name: "keys", key: "AWS_ACCESS_KEY_ID" },
      secretKeySecret: { name: "keys", key: "AWS_SECRET_ACCESS_KEY" },
    });
    expect(artifactRepository.s3).not.toHaveProperty("useSDKCreds");
  });

  it("places controller and server on the system nodes, and lets pods of workflows go there", () => {
    const { controller, server } = values();
    for (const { nodeSelector, tolerations } of [controller, server])
      expect({ nodeSelector, tolerations }).toEqual(systemPlacement);
    expect(controller.workflowDefaults.spec).toHaveProperty("tolerations", systemPlacement.tolerations);
    expect(controller.workflowDefaults.spec).not.toHaveProperty("nodeSelector");
  });

  it("leaves pods to the scheduler of an existing cluster", () => {
    const { controller } = values({}, "owner");
    expect(controller).toMatchObject({ nodeSelector: {}, tolerations: [] });
    expect(controller.workflowDefaults.spec).not.toHaveProperty("tolerations");
  });
});

describe("eventBusSpec", () => {
  it("asks for a JetStream that the controller offers, with every image pinned", async () => {
    const collected = await collect(() => build());
    const values = inputsOf(collected, "Release", "argo-argo-events").values as {
      configs: { jetstream: { versions: (typeof jetStream)[] } };
    };
    const { versions } = values.configs.jetstream;
    expect(versions.map(({ version }) => version)).toEqual([eventBusSpec(systemPlacement).jetstream.version]);
    for (const { natsImage, metricsExporterImage, configReloaderImage } of versions)
      for (const image of [natsImage, metricsExporterImage, configReloaderImage])
        expect(image).toMatch(/^[\w/-]+:\d+\.\d+\.\d+$/);
  });

  it("survives the loss of a node and a drain", async () => {
    const collected = await collect(() => build());
    expect(eventBusSpec(systemPlacement).jetstream.replicas).toBe(3);
    const budget = inputsOf(collected, "PodDisruptionBudget", "argo-event-bus").spec;
    expect(budget).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: { controller: "eventbus-controller", "eventbus-name": "default" } },
    });
  });
});

describe("s3Endpoint", () => {
  it.each([
    ["us-east-1", undefined, { endpoint: "s3.us-east-1.amazonaws.com", insecure: false }],
    ["cn-north-1", undefined, { endpoint: "s3.cn-north-1.amazonaws.com.cn", insecure: false }],
    ["any", "https://s3.example.com", { endpoint: "s3.example.com", insecure: false }],
    ["any", "http://10.0.0.7:9000/", { endpoint: "10.0.0.7:9000", insecure: true }],
  ])("%s %s", (region, address, expected) => {
    expect(s3Endpoint(region, address)).toEqual(expected);
  });
});
