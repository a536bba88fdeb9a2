import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { GpuAddons, type GpuAddonsArgs } from "../../../components/gpu/gpuAddons";
import {
  dcgmExporterValues,
  efaDevicePluginValues,
  type GpuAddon,
  jobSetValues,
  nvidiaDevicePluginValues,
} from "../../../components/gpu/gpuCharts";
import { gpuNodeAffinity } from "../../../components/gpu/gpuPlacement";
import type { KubernetesCluster } from "../../../components/core/kubernetesCluster";
import { kueueValues } from "../../../components/gpu/kueueQueues";
import { placementFor } from "../../../components/core/systemPlacement";
import { TeamQueues } from "../../../components/gpu/teamQueues";
import { addonsSchema } from "../../../configuration/platform";
import { gpuMetrics } from "../../../observability/metrics";
import { catalog } from "../../../catalog/instances";
import { collect, type Collected } from "../collect";
import { deletionOrder } from "../deletionOrder";

const { charts } = addonsSchema.parse({});
const teams = [
  { name: "red", gpus: 16 },
  { name: "blue", gpus: 8 },
];

interface Made {
  readonly addons: GpuAddons;
  readonly queues: TeamQueues;
  readonly cluster: KubernetesCluster;
  readonly node: pulumi.Resource;
  /** A jobs' namespace that is made as the self-hosted backend makes it. */
  readonly madeElsewhere: kubernetes.core.v1.Namespace;
}

function build(
  change: Partial<GpuAddonsArgs> = {},
  podPermissions: KubernetesCluster["podPermissions"] = "pod-identity",
): Made {
  const provider = new kubernetes.Provider("cluster", { kubeconfig: "{}" });
  const node = new kubernetes.core.v1.ConfigMap("nodes", {});
  const cluster = { provider, name: pulumi.output("platform"), podPermissions, ready: [node] };
  const addons = new GpuAddons("addons", { cluster, charts, teams, ...change });
  const madeElsewhere = new kubernetes.core.v1.Namespace(
    "jobs",
    { metadata: { name: "metaflow-jobs" } },
    { dependsOn: [...addons.admission] },
  );
  const namespace = change.jobsNamespace === undefined ? addons.jobsNamespace : madeElsewhere.metadata.name;
  const queues = new TeamQueues("addons-queues", { cluster, teams, namespace, admission: addons.admission });
  return { addons, queues, cluster, node, madeElsewhere };
}

const ofKind = ({ resources }: Collected<unknown>, kind: string) =>
  resources.filter(({ type, name }) => type.endsWith(`:${kind}`) && name.startsWith("addons"));

function releaseOf(collected: Collected<unknown>, release: string) {
  const found = ofKind(collected, "Release").find(({ name }) => name === `addons-${release}`);
  if (found === undefined) throw new Error(`no release ${release}`);
  return found.inputs as { values: Record<string, never>; [key: string]: unknown };
}

async function refusal(change: Partial<GpuAddonsArgs>): Promise<string> {
  return collect(() => build(change)).then(
    () => "accepted",
    (error: unknown) => (error as Error).message,
  );
}

interface NodeView {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { key: string; value: string; effect: string }[];
}

const everyTaint = [
  { key: "nvidia.com/gpu", value: "true", effect: "NoSchedule" },
  { key: "posttraining.dev/experiment", value: "sft-70b", effect: "NoSchedule" },
];
const labelledGpuNode: NodeView = { labels: { "nvidia.com/gpu.present": "true" }, taints: everyTaint };
const p5: NodeView = { labels: { "node.kubernetes.io/instance-type": "p5.48xlarge" }, taints: everyTaint };
const smallGpuNode: NodeView = { labels: { "node.kubernetes.io/instance-type": "g5.xlarge" }, taints: everyTaint };
const cpuNode: NodeView = { labels: { "node.kubernetes.io/instance-type": "m5.xlarge" }, taints: [] };
const systemNode: NodeView = {
  labels: { "node.kubernetes.io/instance-type": "t3.large", "posttraining.dev/pool": "system" },
  taints: [{ key: "posttraining.dev/system", value: "true", effect: "NoSchedule" }],
};

interface Term {
  matchExpressions: { key: string; operator: string; values: string[] }[];
}

/** What Kubernetes' scheduler makes of required node affinity with the operator `In`, and of taints that forbid scheduling. */
function runsOn(node: NodeView, terms: readonly Term[], tolerations: readonly { key?: string; operator: string }[]) {
  const selected = terms.some(({ matchExpressions }) =>
    matchExpressions.every(({ key, operator, values }) => {
      if (operator !== "In") throw new Error(`unexpected operator ${operator}`);
      return values.includes(node.labels[key] ?? "");
    }),
  );
  const tolerated = node.taints.every(({ key }) =>
    tolerations.some((toleration) => toleration.operator === "Exists" && toleration.key === key),
  );
  return selected && tolerated;
}

describe("agents", () => {
  const termsOf = (values: Record<string, unknown>) =>
    (
      values as {
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: Term[] } } };
      }
    ).affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  const tolerationsOf = (values: Record<string, unknown>) =>
    (values as { tolerations: { key?: string; operator: string }[] }).tolerations;

  it.each([
    ["the NVIDIA device plugin", nvidiaDevicePluginValues()],
    ["the DCGM exporter", dcgmExporterValues()],
  ])("%s runs on every GPU node, labelled or known by its type, and on no other", (_, values) => {
    const on = (node: NodeView) => runsOn(node, termsOf(values), tolerationsOf(values));
    expect([labelledGpuNode, p5, smallGpuNode].map(on)).toEqual([true, true, true]);
    expect([cpuNode, systemNode].map(on)).toEqual([false, false]);
  });

  it("the EFA device plugin runs on the GPU nodes that have the adapter", () => {
    const values = efaDevicePluginValues() as {
      supportedInstanceLabels: { keys: string[]; values: string[] };
      tolerations: { key?: string; operator: string }[];
    };
    const { keys, values: types } = values.supportedInstanceLabels;
    const terms = keys.map((key) => ({ matchExpressions: [{ key, operator: "In", values: types }] }));
    const on = (node: NodeView) => runsOn(node, terms, values.tolerations);
    expect([p5, smallGpuNode, cpuNode, systemNode].map(on)).toEqual([true, false, false, false]);
  });

  it("know every GPU instance type of the catalog", () => {
    const types =
      gpuNodeAffinity().nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.flatMap(
        ({ matchExpressions }) => matchExpressions.flatMap(({ values }) => values ?? []),
      );
    for (const { name } of catalog.instances) expect(types).toContain(name);
  });

  it("the exporter collects exactly the fields that dashboards use, and leaves its monitor to Observability", () => {
    const values = dcgmExporterValues() as { customMetrics: string; serviceMonitor: { enabled: boolean } };
    const fields = values.customMetrics.split("\n").map((line) => line.split(",").map((part) => part.trim()));
    expect(fields.map(([field]) => field)).toEqual(Object.values(gpuMetrics).map(({ name }) => name));
    // The format is a CSV of three columns: a comma in a help text would make a fourth one.
    for (const field of fields) expect(field).toHaveLength(3);
    expect(values.serviceMonitor.enabled).toBe(false);
  });
});

describe("controllers", () => {
  const system = placementFor({ podPermissions: "pod-identity" });
  const anywhere = placementFor({ podPermissions: "owner" });

  it("run on the system nodes of a cluster that the platform made", () => {
    const placed = { nodeSelector: system.nodeSelector, tolerations: system.tolerations };
    expect(jobSetValues(system)).toMatchObject({ controller: placed });
    expect(kueueValues("jobs", system)).toMatchObject({ controllerManager: placed });
  });

  it("run anywhere in a cluster that was there", () => {
    const placed = { nodeSelector: {}, tolerations: [] };
    expect(jobSetValues(anywhere)).toMatchObject({ controller: placed });
    expect(kueueValues("jobs", anywhere)).toMatchObject({ controllerManager: placed });
  });

  it("the cluster says where they run", async () => {
    const made = await collect(() => build({}, "owner"));
    expect(releaseOf(made, "kueue").values).toMatchObject({ controllerManager: { nodeSelector: {} } });
    const own = await collect(() => build());
    expect(releaseOf(own, "kueue").values).toMatchObject({
      controllerManager: { nodeSelector: { "posttraining.dev/pool": "system" } },
    });
  });
});

describe("releases", () => {
  it("install the five charts at their pinned versions, and take back what fails", async () => {
    const made = await collect(() => build());
    const releases = ofKind(made, "Release").map(({ inputs }) => inputs);
    expect(releases).toHaveLength(5);
    for (const release of releases)
      expect(release).toMatchObject({ atomic: true, cleanupOnFail: true, timeout: expect.any(Number) as number });
    const versions = new Map(releases.map(({ name, version }) => [name, version]));
    expect(Object.fromEntries(versions) as unknown).toEqual({
      "nvidia-device-plugin": charts.nvidiaDevicePlugin,
      "aws-efa-k8s-device-plugin": charts.efaDevicePlugin,
      "dcgm-exporter": charts.dcgmExporter,
      jobset: charts.jobSet,
      kueue: charts.kueue,
    });
  });

  it("come from the projects' own places", async () => {
    const made = await collect(() => build());
    expect(releaseOf(made, "kueue").chart).toBe("oci://registry.k8s.io/kueue/charts/kueue");
    expect(releaseOf(made, "kueue").repositoryOpts).toBeUndefined();
    expect(releaseOf(made, "dcgm-exporter")).toMatchObject({
      chart: "dcgm-exporter",
      repositoryOpts: { repo: "https://nvidia.github.io/dcgm-exporter/helm-charts" },
    });
  });

  it("only those that are asked for, with no namespace or queue for the others", async () => {
    const made = await collect(() => build({ install: ["jobSet", "dcgmExporter"] satisfies GpuAddon[] }));
    const releases = ofKind(made, "Release").map(({ name }) => name);
    expect(releases.sort()).toEqual(["addons-dcgm-exporter", "addons-jobset"]);
    const namespaces = ofKind(made, "Namespace").map(({ inputs }) => (inputs.metadata as { name: string }).name);
    expect(namespaces.sort()).toEqual(["experiments", "jobset-system", "posttraining-gpu"]);
    expect(ofKind(made, "ClusterQueue")).toEqual([]);
    expect(made.result.addons.admission).toEqual([]);
  });

  it("without any agent there is no namespace for agents", async () => {
    const made = await collect(() => build({ install: ["kueue"] satisfies GpuAddon[] }));
    expect(made.result.addons.nodes.namespace).toBeNull();
    expect(ofKind(made, "Release")).toHaveLength(1);
  });

  it("let agents reach the host, and nothing else", async () => {
    const made = await collect(() => build());
    const security = Object.fromEntries(
      ofKind(made, "Namespace").map(({ inputs }) => {
        const { name, labels } = inputs.metadata as { name: string; labels?: Record<string, string> };
        return [name, labels?.["pod-security.kubernetes.io/enforce"]];
      }),
    );
    expect(security).toMatchObject({
      "posttraining-gpu": "privileged",
      "kueue-system": "restricted",
      "jobset-system": "restricted",
    });
  });

  it("are children of the component and use the cluster's provider", async () => {
    const made = await collect(() => build());
    const children = made.registrations.filter(({ opts }) => opts.parent === made.result.addons);
    expect(children.length).toBe(ofKind(made, "Release").length + ofKind(made, "Namespace").length + 4);
    for (const { opts } of children)
      expect((opts as pulumi.CustomResourceOptions).provider).toBe(made.result.cluster.provider);
  });

  it("a transform changes a release and the quotas", async () => {
    const made = await collect(() =>
      build({
        transform: {
          release: { kueue: { timeout: 1234 } },
          clusterQueue: (args) => ({ args: { ...args, metadata: { name: "renamed", labels: { changed: "yes" } } } }),
        },
      }),
    );
    expect(releaseOf(made, "kueue").timeout).toBe(1234);
    expect(releaseOf(made, "jobset").timeout).toBe(600);
    expect(ofKind(made, "ClusterQueue").map(({ inputs }) => inputs.metadata)).toEqual([
      { name: "renamed", labels: { changed: "yes" } },
      { name: "renamed", labels: { changed: "yes" } },
    ]);
  });
});

describe("queues", () => {
  it("every team has a quota in one cohort and a queue in the jobs' namespace", async () => {
    const made = await collect(() => build());
    const quotas = ofKind(made, "ClusterQueue").map(
      ({ inputs }) => inputs as { metadata: object; spec: { cohortName: string } },
    );
    expect(quotas.map(({ metadata }) => metadata)).toEqual([{ name: "red" }, { name: "blue" }]);
    expect(new Set(quotas.map(({ spec }) => spec.cohortName)).size).toBe(1);
    expect(ofKind(made, "LocalQueue").map(({ inputs }) => inputs)).toMatchObject([
      { metadata: { name: "team-red", namespace: "experiments" }, spec: { clusterQueue: "red" } },
      { metadata: { name: "team-blue", namespace: "experiments" }, spec: { clusterQueue: "blue" } },
    ]);
    expect(made.result.queues.queues).toEqual({ red: "team-red", blue: "team-blue" });
  });

  it("the jobs' namespace can be somebody else's; then Kueue manages that one, and none is made", async () => {
    const made = await collect(() => build({ jobsNamespace: "metaflow-jobs" }));
    expect(made.result.addons.nodes.jobsNamespace).toBeNull();
    const { managerConfig } = releaseOf(made, "kueue").values as unknown as {
      managerConfig: { controllerManagerConfigYaml: string };
    };
    expect(parse(managerConfig.controllerManagerConfigYaml)).toMatchObject({
      managedJobsNamespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "metaflow-jobs" } },
    });
    for (const { inputs } of ofKind(made, "LocalQueue"))
      expect(inputs).toMatchObject({ metadata: { namespace: "metaflow-jobs" } });
    for (const { inputs } of ofKind(made, "ClusterQueue"))
      expect(inputs).toMatchObject({
        spec: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "metaflow-jobs" } } },
      });
  });
});

describe("teardown", () => {
  it("deletes what carries Kueue's finalizers while Kueue still runs: queues, the jobs' namespace, quotas; then Kueue, then JobSet", async () => {
    const made = await collect(() => build());
    const { nodes } = made.result.addons;
    const { localQueues } = made.result.queues.nodes;
    const before = await deletionOrder(made.registrations);
    const { kueue, jobSet } = nodes.releases;
    if (nodes.jobsNamespace === null || kueue === undefined || jobSet === undefined) throw new Error("not made");
    const flavorResource = made.registrations.find(({ name }) => name === "addons-flavor")?.resource;
    if (flavorResource === undefined) throw new Error("no flavor");
    for (const localQueue of localQueues) {
      expect(before(localQueue, nodes.jobsNamespace)).toBe(true);
      for (const clusterQueue of nodes.clusterQueues) expect(before(localQueue, clusterQueue)).toBe(true);
    }
    for (const clusterQueue of nodes.clusterQueues) {
      expect(before(nodes.jobsNamespace, clusterQueue)).toBe(true);
      expect(before(clusterQueue, flavorResource)).toBe(true);
      expect(before(clusterQueue, kueue)).toBe(true);
    }
    expect(before(flavorResource, kueue)).toBe(true);
    expect(before(kueue, jobSet)).toBe(true);
  });

  it("deletes queues before a jobs' namespace that is made elsewhere, and that before Kueue and its quotas", async () => {
    const made = await collect(() => build({ jobsNamespace: "metaflow-jobs" }));
    const before = await deletionOrder(made.registrations);
    const { addons, queues, madeElsewhere } = made.result;
    for (const queue of queues.nodes.localQueues) expect(before(queue, madeElsewhere)).toBe(true);
    expect(addons.admission).toHaveLength(3);
    for (const resource of addons.admission) expect(before(madeElsewhere, resource)).toBe(true);
  });

  it("is done before the cluster's nodes go", async () => {
    const made = await collect(() => build());
    const before = await deletionOrder(made.registrations);
    for (const { resource, opts } of made.registrations)
      if (opts.parent === made.result.addons) expect(before(resource, made.result.node)).toBe(true);
  });
});

describe("refusals", () => {
  it("name everything that is wrong in one message, and nothing is registered", async () => {
    const message = await refusal({
      install: ["kueue", "jobSet", "kueue"],
      charts: { ...charts, jobSet: "0.7.0", kueue: "0.14.9", dcgmExporter: "3.0.0" },
      teams: [
        { name: "red", gpus: 8 },
        { name: "red", gpus: -1 },
        { name: "Blue_Team", gpus: 1.5 },
        { name: "x".repeat(59), gpus: 1 },
      ],
    });
    expect(message).toContain('GpuAddons "addons"');
    expect(message).toContain("install: names kueue twice");
    expect(message).toContain('charts.jobSet: got "0.7.0"; needs 0.8.1 or newer');
    expect(message).toContain('charts.kueue: got "0.14.9"; needs 0.15.0 or newer');
    expect(message).toContain('teams[1].name: got "red", which teams[0] is called already');
    expect(message).toContain("teams[1].gpus: got -1");
    expect(message).toContain('teams[2].name: got "Blue_Team"');
    expect(message).toContain("teams[2].gpus: got 1.5");
    expect(message).toContain("; it has 59 characters");
    // It isn't installed, so its version doesn't matter.
    expect(message).not.toContain("dcgmExporter");
  });

  it("come before anything is registered", async () => {
    const registered: string[] = [];
    await collect(() => {
      pulumi.runtime.registerStackTransformation(({ name }) => {
        registered.push(name);
        return undefined;
      });
      try {
        build({ teams: [] });
      } catch {
        // The refusal itself is tested above.
      }
    });
    expect(registered.filter((name) => name.startsWith("addons"))).toEqual([]);
  });

  it.each([
    ["no team at all", { teams: [] }, "teams: got []; no run could ever start"],
    [
      "an add-on that doesn't exist",
      { install: ["gpuOperator"] as unknown as GpuAddon[] },
      'install: knows no "gpuOperator"',
    ],
    [
      "an EFA plugin that cannot be placed",
      { charts: { ...charts, efaDevicePlugin: "v0.3.3" } },
      "charts.efaDevicePlugin",
    ],
    ["a version that is none", { charts: { ...charts, kueue: "latest" } }, 'charts.kueue: got "latest"'],
  ])("%s", async (_, change, text) => {
    expect(await refusal(change)).toContain(text);
  });

  it("accepts the oldest versions, with and without v", async () => {
    const oldest = {
      nvidiaDevicePlugin: "0.17.0",
      efaDevicePlugin: "v0.4.2",
      dcgmExporter: "3.5.0",
      jobSet: "0.8.1",
      kueue: "0.15",
    };
    expect(await refusal({ charts: oldest })).toBe("accepted");
    expect(await refusal({ charts })).toBe("accepted");
  });

  it("teams don't matter where Kueue isn't installed", async () => {
    expect(await refusal({ install: ["dcgmExporter"], teams: [] })).toBe("accepted");
  });
});
