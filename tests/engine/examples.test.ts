import * as path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gpuAddonCharts, metaflowCharts, metaflowImages } from "../../catalog/platformVersions";
import { componentTypes } from "../../components/core/componentTypes";
import { root } from "../../machine/checkout.mjs";
import { resourceTypes } from "../../provider/resourceTypes";
import { unknownValue } from "../../provider/wire";
import { account } from "./doubles/awsDouble";
import type { Tree } from "./doubles/properties";
import { PlatformStack } from "./platformStack";
import type { Preview, PreviewStep } from "./pulumi";
import { nameOf, typeOf } from "./urns";

/**
 * The programs in examples/, each as a person's own Pulumi previews it: a stack that is not there yet, with doubles in the place of the
 * providers of AWS and Kubernetes, and the project's own provider.
 */

async function previewOf(example: string, config: Readonly<Record<string, unknown>> = {}): Promise<Preview> {
  const stack = new PlatformStack(`examples-${example}`, path.join(root, "examples", example));
  // The project's own commands set it; a person's Pulumi does not.
  delete stack.environment.PULUMI_NODEJS_TRANSPILE_ONLY;
  stack.initialize();
  stack.configureKeys(Object.fromEntries(Object.entries(config).map(([key, value]) => [`${example}:${key}`, value])));
  const preview = await stack.preview();
  expect(stack.journal.operations()).toEqual([]);
  return preview;
}

const ofType = ({ steps }: Preview, type: string): readonly PreviewStep[] =>
  steps.filter(({ urn }) => typeOf(urn) === type);

const names = (preview: Preview, type: string): string[] =>
  ofType(preview, type)
    .map(({ urn }) => nameOf(urn))
    .sort();

const inputs = (preview: Preview, type: string): readonly Tree[] =>
  ofType(preview, type).map(({ newState }) => newState?.inputs ?? {});

/** What is said, but for what the engine says of the doubles themselves. */
const sayings = ({ diagnostics }: Preview): string[] =>
  diagnostics
    .filter(({ message }) => !/pulumi-resource-\w+ from \$PATH|0\.0\.0-double/.test(message))
    .map(({ severity, message }) => `${severity}: ${message.trim()}`);

/** Charts by their release, with their versions. */
function charts(preview: Preview): Readonly<Record<string, unknown>> {
  const releases = inputs(preview, "kubernetes:helm.sh/v3:Release");
  return Object.fromEntries(releases.map(({ name, version }): [string, unknown] => [String(name), version]));
}

describe("examples/gpu-ready-cluster", () => {
  const deployer = `arn:aws:iam::${account}:role/deployer`;
  let preview: Preview;

  beforeAll(async () => {
    preview = await previewOf("gpu-ready-cluster", { deployer });
  });

  it("makes a network, a cluster, and what GPU jobs need, and says nothing", () => {
    expect(sayings(preview)).toEqual([]);
    const components = [componentTypes.network, componentTypes.cluster, componentTypes.gpuAddons];
    expect(components.flatMap((type) => names(preview, type))).toEqual(["network", "cluster", "gpu-addons"]);
    expect(inputs(preview, "aws:ec2/subnet:Subnet")).toHaveLength(6);
    expect(charts(preview)).toEqual({
      "nvidia-device-plugin": gpuAddonCharts.nvidiaDevicePlugin,
      "aws-efa-k8s-device-plugin": gpuAddonCharts.efaDevicePlugin,
      "dcgm-exporter": gpuAddonCharts.dcgmExporter,
      jobset: gpuAddonCharts.jobSet,
      kueue: gpuAddonCharts.kueue,
    });
  });

  it("lets in a role whose ARN nobody knows yet, beside the one that deploys", () => {
    expect(names(preview, "aws:eks/accessEntry:AccessEntry")).toEqual([
      "cluster-admin-111122223333-role-deployer",
      "cluster-admin-on-call",
    ]);
    const arns = inputs(preview, "aws:eks/accessEntry:AccessEntry").map(({ principalArn }) => principalArn);
    expect(arns.toSorted()).toEqual([unknownValue, deployer].toSorted());
  });

  it("keeps the logs that its transform names", () => {
    const [cluster] = inputs(preview, "aws:eks/cluster:Cluster");
    expect(cluster).toMatchObject({ enabledClusterLogTypes: ["audit", "authenticator"], deletionProtection: false });
  });

  it("gives each team a quota and a queue", () => {
    const ofKind = (kind: string): readonly Tree[] => inputs(preview, `kubernetes:kueue.x-k8s.io/v1beta2:${kind}`);
    const quotas = ofKind("ClusterQueue").map(({ metadata }) => (metadata as Tree).name);
    const queues = ofKind("LocalQueue").map(({ spec }) => (spec as Tree).clusterQueue);
    expect([quotas.toSorted(), queues.toSorted()]).toEqual([
      ["reasoning", "vision"],
      ["reasoning", "vision"],
    ]);
  });
});

describe("examples/artifact-store-with-metaflow", () => {
  const cluster = {
    context: "team",
    name: "team-eks",
    securityGroupId: "sg-0123456789abcdef0",
    vpcId: "vpc-0123456789abcdef0",
    privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
  };
  let preview: Preview;

  beforeAll(async () => {
    preview = await previewOf("artifact-store-with-metaflow", { cluster });
  });

  it("makes a store, a database and Metaflow, and no network or cluster", () => {
    expect(sayings(preview)).toEqual([]);
    for (const type of [componentTypes.artifactStore, componentTypes.metaflowDatabase, componentTypes.metaflowBackend])
      expect(ofType(preview, type)).toHaveLength(1);
    for (const type of ["aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster"]) expect(ofType(preview, type)).toEqual([]);
    expect(charts(preview)).toEqual({
      "argo-workflows": metaflowCharts.argoWorkflows,
      "argo-events": metaflowCharts.argoEvents,
    });
    const deployments = JSON.stringify(inputs(preview, "kubernetes:apps/v1:Deployment"));
    for (const image of Object.values(metaflowImages)) expect(deployments).toContain(`"${image}"`);
  });

  it("puts the database into the cluster's network, for the cluster's pods alone", () => {
    const [subnets] = inputs(preview, "aws:rds/subnetGroup:SubnetGroup");
    expect(subnets?.subnetIds).toEqual(cluster.privateSubnetIds);
    const [group] = inputs(preview, "aws:ec2/securityGroup:SecurityGroup");
    expect(group).toMatchObject({
      vpcId: cluster.vpcId,
      ingress: [{ fromPort: 5432, toPort: 5432, securityGroups: [cluster.securityGroupId] }],
    });
  });

  it("gives tasks and the web interface roles for the store in the cluster that has that name in EKS", () => {
    const associations = inputs(preview, "aws:eks/podIdentityAssociation:PodIdentityAssociation");
    expect(associations.map(({ clusterName }) => clusterName)).toEqual([cluster.name, cluster.name]);
  });
});

describe("examples/local-chain", () => {
  let preview: Preview;

  beforeAll(async () => {
    preview = await previewOf("local-chain");
  });

  it("makes two runs and an endpoint on this machine, and says what the runs take", () => {
    expect(sayings(preview).toSorted()).toEqual([
      expect.stringMatching(/^info: starts 1 run of dpo: this machine, about [1-9]\d* min, \$0\.00$/),
      expect.stringMatching(/^info: starts 1 run of sft: this machine, about [1-9]\d* min, \$0\.00$/),
    ]);
    const own = Object.values(resourceTypes).flatMap((type) => names(preview, type));
    expect(own).toEqual(["store-server", "metaflow-home", "dpo-run", "sft-run", "endpoint-server"]);
  });

  it("trains by DPO what SFT makes, and serves what DPO makes", () => {
    const [sft, dpo] = ["sft-run", "dpo-run"].map((name) =>
      preview.steps.find(({ urn }) => typeOf(urn) === resourceTypes.flowRun && nameOf(urn) === name),
    );
    expect(sft?.newState?.propertyDependencies?.contentHash ?? []).toEqual([]);
    expect(dpo?.newState?.propertyDependencies?.contentHash).toEqual([sft?.urn]);
    const [endpoint] = ofType(preview, resourceTypes.modelServer);
    expect(endpoint?.newState?.propertyDependencies?.modelUri).toEqual([dpo?.urn]);
  });
});
