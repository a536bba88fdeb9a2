import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterArgs } from "../../../components/cluster/cluster";
import { existingCluster } from "../../../components/cluster/existingCluster";
import { componentTypes } from "../../../components/core/componentTypes";
import { ServiceAccountRole } from "../../../components/core/serviceAccountRole";
import { type Transform, transformed } from "../../../components/core/transform";
import { GpuAddons } from "../../../components/gpu/gpuAddons";
import { TeamQueues } from "../../../components/gpu/teamQueues";
import { ArgoWorkflows } from "../../../components/metaflow/argoWorkflows";
import { LocalMetaflowBackend } from "../../../components/metaflow/localMetaflowBackend";
import { type DatabaseConnection, MetaflowDatabase } from "../../../components/metaflow/metaflowDatabase";
import { OuterboundsMetaflowBackend } from "../../../components/metaflow/outerboundsMetaflowBackend";
import { SelfHostedMetaflowBackend } from "../../../components/metaflow/selfHostedMetaflowBackend";
import { existingNetwork, Network } from "../../../components/network/network";
import { Observability } from "../../../components/observability/observability";
import { FlowDeployment } from "../../../components/run/flowDeployment";
import { LocalInferenceEndpoint } from "../../../components/run/localInferenceEndpoint";
import { existingArtifactStore } from "../../../components/store/existingArtifactStore";
import { LocalArtifactStore } from "../../../components/store/localArtifactStore";
import { S3ArtifactStore } from "../../../components/store/s3ArtifactStore";
import { localStackMachine, planForThisMachine } from "../../../recipe/plan";
import { parseRecipe } from "../../../recipe/read";
import { sftDocument } from "../../unit/recipe/recipes";
import { collect, type ProviderOutputs, type Registration } from "../collect";

/** Every resource that a component makes can be changed in every way: a new one that no transform reaches fails here. */

/** Stands for every transform at once: a function as any of them may be, and a record of such functions. */
function everyTransform(): never {
  const mark: Transform<object> = (args, options, name) => ({
    args: { ...args },
    options: { ...options, aliases: [{ name: "reached" }] },
    name: `${name}-reached`,
  });
  const proxy: object = new Proxy(mark, {
    get: (target, key) => (key in target ? (Reflect.get(target, key) as unknown) : proxy),
  });
  return proxy as never;
}

const region = "us-east-1";
const network = () => existingNetwork({ vpcId: "vpc-1", privateSubnetIds: ["subnet-1", "subnet-2"] });
const existing = () => existingCluster("cluster", { context: "lab" });
const store = () => existingArtifactStore({ bucket: "models", region });
const ofLab = () =>
  existingArtifactStore({ bucket: "models", region: "lab", endpoint: "https://s3.lab", credentialsSecret: "keys" });
const clusterArgs = (): ClusterArgs => ({
  region,
  network: network(),
  version: "1.35",
  endpoint: { kind: "private" },
  administrators: ["arn:aws:iam::111122223333:role/deployer"],
  deployers: ["arn:aws:iam::111122223333:role/scientist"],
  deployersGroup: "deployers",
  systemNodes: { instanceType: "t3.large", count: 2 },
  logDays: 30,
  ephemeral: true,
  tags: {},
});
const charts = {
  nvidiaDevicePlugin: "0.19.3",
  efaDevicePlugin: "0.5.30",
  dcgmExporter: "4.8.2",
  jobSet: "0.10.1",
  kueue: "0.16.9",
};
const teams = [{ name: "red", gpus: 8 }];
const selfHosted = {
  systemNamespace: "metaflow",
  jobsNamespace: "jobs",
  charts: { argoWorkflows: "0.45.2", argoEvents: "2.4.8" },
  images: { metadataService: "metadata:1", userInterface: "ui:1" },
};
const database = (): DatabaseConnection => ({
  ...{
    host: "postgres",
    port: 5432,
    name: "metaflow",
    user: "metaflow",
    tls: "verify-full",
    certificateAuthority: "PEM",
  },
  password: { kind: "value", value: pulumi.output("secret") },
});
const local = () =>
  new LocalMetaflowBackend("base-metaflow", {
    store: new LocalArtifactStore("base-store", { dataDirectory: "/data", processesDirectory: "/processes" }),
    ...{ homeDirectory: "/home", runsDirectory: "/runs", cacheDirectory: "/cache" },
  });
const parsed = parseRecipe(sftDocument);
if (!("recipe" in parsed)) throw new Error("the recipe for tests is not valid");
const { recipe } = parsed;

/** Every component, in the forms that together make all that it can make. The one under test is called `it`. */
const components: Readonly<Record<keyof typeof componentTypes, readonly ((transform: never) => unknown)[]>> = {
  network: [
    (transform) =>
      new Network("it", {
        ...{ region, cidr: "10.64.0.0/16", natGateways: "per-zone", interfaceEndpoints: "per-zone", transform },
        availabilityZones: ["us-east-1a", "us-east-1b"],
      }),
  ],
  cluster: [
    (transform) => new Cluster("it", { ...clusterArgs(), transform }),
    (transform) => existingCluster("it", { context: "lab", transform }),
  ],
  serviceAccountRole: [
    (transform) =>
      new ServiceAccountRole("it", {
        ...{ clusterName: "cluster", namespace: "jobs", serviceAccount: "tasks", statements: [], transform },
      }),
  ],
  gpuAddons: [(transform) => new GpuAddons("it", { cluster: existing(), charts, teams, transform })],
  teamQueues: [
    (transform) => new TeamQueues("it", { cluster: existing(), namespace: "jobs", teams, admission: [], transform }),
  ],
  artifactStore: [
    (transform) =>
      new S3ArtifactStore("it", { region, checkpointDays: 14, noncurrentDays: 30, ephemeral: true, transform }),
    (transform) =>
      new LocalArtifactStore("it", { dataDirectory: "/data", processesDirectory: "/processes", transform }),
  ],
  metaflowDatabase: [
    (transform) =>
      new MetaflowDatabase("it", {
        ...{ region, network: network(), clusterSecurityGroupId: "sg-1", instanceClass: "db.t4g.micro" },
        ...{ storageGib: 20, multiZone: false, backupDays: 7, ephemeral: true, transform },
      }),
  ],
  argoWorkflows: [
    (transform) =>
      new ArgoWorkflows("it", {
        ...{ cluster: existing(), namespace: "metaflow", jobsNamespace: "jobs", taskServiceAccount: "tasks" },
        ...{ store: store(), charts: selfHosted.charts, transform },
      }),
  ],
  metaflowBackend: [
    (transform) =>
      new SelfHostedMetaflowBackend("it", {
        ...{
          cluster: new Cluster("base", clusterArgs()),
          store: store(),
          database: database(),
          ...selfHosted,
          transform,
        },
      }),
    (transform) =>
      new SelfHostedMetaflowBackend("it", {
        ...{ cluster: existing(), store: ofLab(), database: database(), ...selfHosted, transform },
      }),
    (transform) =>
      new LocalMetaflowBackend("it", {
        store: new LocalArtifactStore("base-store", { dataDirectory: "/data", processesDirectory: "/processes" }),
        ...{ homeDirectory: "/home", runsDirectory: "/runs", cacheDirectory: "/cache", transform },
      }),
    // Makes nothing.
    () =>
      new OuterboundsMetaflowBackend("it", {
        ...{ domain: "acme.obp.outerbounds.com", perimeter: "default", computePools: ["h100"], store: store() },
        servicePrincipal: { name: "post-training", token: "environment" },
      }),
  ],
  observability: [
    (transform) =>
      new Observability("it", {
        ...{ cluster: new Cluster("base", clusterArgs()), charts: { kubePrometheusStack: "77.14.0" }, stack: "test" },
        ...{ retentionDays: 15, idleGpuMinutes: 30, ephemeral: false, transform },
        budget: { usdPerMonth: 100, emails: ["team@example.com"] },
        awsProvider: new aws.Provider("account", { region }),
      }),
  ],
  flowDeployment: [
    (transform) =>
      new FlowDeployment("it", {
        ...{ backend: local(), recipe, plan: planForThisMachine(recipe, localStackMachine), transform },
        ...{ code: { code: "", packages: "" }, placement: null, estimate: { usd: 0, minutes: 1, where: "here" } },
      }),
  ],
  inferenceEndpoint: [
    (transform) =>
      new LocalInferenceEndpoint("it", {
        ...{ store: local().store, modelUri: "s3://models/1", modelName: "one", processesDirectory: "/", transform },
      }),
  ],
};

/** What the program waits for and only AWS would know. */
const outputs: ProviderOutputs = {
  "aws:eks/cluster:Cluster": () => ({
    endpoint: "https://eks",
    certificateAuthority: { data: "" },
    vpcConfig: { clusterSecurityGroupId: "sg-1" },
  }),
};

/** Resources that are neither components nor parts of what was made for the test. */
const made = (registrations: readonly Registration[]) =>
  registrations.filter(({ resource, name }) => pulumi.CustomResource.isInstance(resource) && /^it(?:-|$)/.test(name));

describe.each(Object.entries(components))("%s", (_, forms) => {
  it.each(forms.map((form, index) => [index, form] as const))(
    "form %i: a transform reaches arguments, options and name of every resource",
    async (__, form) => {
      const plain = made((await collect(() => form(undefined as never), outputs)).registrations);
      const changed = made((await collect(() => form(everyTransform()), outputs)).registrations);
      const names = ({ type, name }: Registration) => `${type} ${name}`;
      expect(changed.map(names).toSorted()).toEqual(plain.map((each) => `${names(each)}-reached`).toSorted());
      // Arguments go the same way (below); classes of the SDK show only those that they know.
      for (const { name, opts } of changed) expect(opts.aliases, name).toContainEqual({ name: "reached" });
    },
  );
});

describe("transformed", () => {
  const options = { protect: true };

  it("changes nothing without a transform", () => {
    expect(transformed(undefined, "name", { one: 1 }, options)).toEqual(["name", { one: 1 }, options]);
  });

  it("lays values over the arguments", () => {
    expect(transformed<{ one: number; two?: number }>({ two: 2 }, "name", { one: 1 }, options)).toEqual([
      "name",
      { one: 1, two: 2 },
      options,
    ]);
  });

  it("refuses a function that returns arguments by themselves, which would have no effect", () => {
    const old = ((args: object) => ({ ...args, two: 2 })) as never;
    expect(() => transformed<object>(old, "name", { one: 1 }, options)).toThrow(
      'The transform of "name" returns one, two; return { args, options, name }',
    );
  });

  it("takes from a function what it returns, and the rest as it was", () => {
    const args = { one: 1 };
    expect(transformed((own) => ({ args: { one: own.one + 1 } }), "name", args, options)).toEqual([
      "name",
      { one: 2 },
      options,
    ]);
    expect(
      transformed(
        (_, own, name) => ({ options: { ...own, protect: false }, name: `${name}-2` }),
        "name",
        args,
        options,
      ),
    ).toEqual(["name-2", args, { protect: false }]);
  });
});
