import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterArgs } from "../../../components/cluster/cluster";
import { existingCluster } from "../../../components/cluster/existingCluster";
import { checked, valueErrors, wholeNumber } from "../../../components/core/inputErrors";
import { MetaflowDatabase } from "../../../components/metaflow/metaflowDatabase";
import { OuterboundsMetaflowBackend } from "../../../components/metaflow/outerboundsMetaflowBackend";
import { SelfHostedMetaflowBackend } from "../../../components/metaflow/selfHostedMetaflowBackend";
import { existingNetwork } from "../../../components/network/network";
import { budgetArgs, Observability } from "../../../components/observability/observability";
import { existingArtifactStore } from "../../../components/store/existingArtifactStore";
import { collect, type Collected, type ProviderOutputs, valueOf } from "../collect";

/** Programs whose arguments are outputs of other resources. */

const outputs: ProviderOutputs = {
  "aws:eks/cluster:Cluster": () => ({
    endpoint: "https://eks",
    certificateAuthority: { data: "" },
    vpcConfig: { clusterSecurityGroupId: "sg-1" },
  }),
};

/** A value that another resource gives, known only once that is made. */
class Other extends pulumi.CustomResource {
  declare readonly value: pulumi.Output<string>;
  constructor(value: string) {
    super("test:index:Other", `other ${value}`, { value });
  }
}
const from = (value: string): pulumi.Output<string> => new Other(value).value;

const inputsOf = ({ resources }: Collected<unknown>, type: string, name = /(?:)/) =>
  resources.filter((resource) => resource.type.endsWith(type) && name.test(resource.name)).map(({ inputs }) => inputs);

const clusterArgs = (change: Partial<ClusterArgs> = {}): ClusterArgs => ({
  region: "us-east-1",
  network: existingNetwork({ vpcId: from("vpc-1"), privateSubnetIds: [from("subnet-1"), from("subnet-2")] }),
  version: "1.35",
  endpoint: { kind: "public", allowedCidrs: [from("203.0.113.7/32")] },
  administrators: [from("arn:aws:iam::111122223333:role/deployer")],
  deployers: [{ name: "scientist", arn: from("arn:aws:iam::111122223333:role/scientist") }],
  deployersGroup: from("deployers"),
  systemNodes: { instanceType: "t3.large", count: 2 },
  logDays: 30,
  ephemeral: true,
  tags: { owner: from("ml-team") },
  ...change,
});

describe("outputs of other resources as arguments", () => {
  it("of Cluster", async () => {
    const made = await collect(() => new Cluster("cluster", clusterArgs()), outputs);
    expect(inputsOf(made, ":AccessEntry", /^cluster-admin-0$/)).toMatchObject([
      { principalArn: "arn:aws:iam::111122223333:role/deployer" },
    ]);
    expect(inputsOf(made, ":AccessEntry", /^cluster-deployer-scientist$/)).toMatchObject([
      { principalArn: "arn:aws:iam::111122223333:role/scientist", kubernetesGroups: ["deployers"] },
    ]);
    expect(inputsOf(made, "eks/cluster:Cluster")).toMatchObject([
      { vpcConfig: { subnetIds: ["subnet-1", "subnet-2"], publicAccessCidrs: ["203.0.113.7/32"] } },
    ]);
    expect(JSON.stringify(inputsOf(made, ":LaunchTemplate"))).toContain('"owner":"ml-team"');
    expect(JSON.stringify(inputsOf(made, ":Addon", /vpc-cni/))).toContain("ml-team");
  });

  it("of existingCluster", async () => {
    const made = await collect(() =>
      existingCluster("cluster", { context: from("lab"), kubeconfig: from("/etc/kubeconfig") }),
    );
    expect(inputsOf(made, "pulumi:providers:kubernetes")).toMatchObject([
      { context: "lab", kubeconfig: "/etc/kubeconfig", clusterIdentifier: "lab" },
    ]);
  });

  it("of existingArtifactStore", async () => {
    const { result: policy } = await collect(() => {
      const store = existingArtifactStore({
        bucket: from("models"),
        region: from("eu-west-1"),
        kmsKeyArn: from("arn:aws:kms:eu-west-1:111122223333:key/1"),
      });
      return pulumi.jsonStringify(store.statements("read"));
    });
    for (const part of ["arn:aws:s3:::models/*", "key/1", "s3.eu-west-1.amazonaws.com"])
      expect(await valueOf(policy)).toContain(part);
  });

  it("of MetaflowDatabase", async () => {
    const made = await collect(
      () =>
        new MetaflowDatabase("database", {
          region: "us-east-1",
          network: existingNetwork({ vpcId: from("vpc-1"), privateSubnetIds: [from("subnet-1"), from("subnet-2")] }),
          clusterSecurityGroupId: from("sg-1"),
          certificateAuthority: from("-----BEGIN CERTIFICATE-----"),
          ...{ instanceClass: "db.t4g.micro", storageGib: 20, multiZone: false, backupDays: 7, ephemeral: true },
        }),
    );
    expect(inputsOf(made, ":SubnetGroup")).toMatchObject([{ subnetIds: ["subnet-1", "subnet-2"] }]);
    expect(inputsOf(made, ":SecurityGroup")).toMatchObject([{ ingress: [{ securityGroups: ["sg-1"] }] }]);
    const { certificateAuthority = "" } = made.result.connection;
    expect(await valueOf(pulumi.output(certificateAuthority))).toContain("BEGIN CERTIFICATE");
  });

  it("of SelfHostedMetaflowBackend", async () => {
    const made = await collect(
      () =>
        new SelfHostedMetaflowBackend("metaflow", {
          cluster: existingCluster("cluster", { context: "lab" }),
          store: existingArtifactStore({
            ...{ bucket: from("models"), region: from("lab-1") },
            ...{ endpoint: from("https://s3.lab"), credentialsSecret: from("keys") },
          }),
          database: {
            ...{ host: from("postgres"), port: 5432, name: from("metaflow"), user: from("ann"), tls: "require" },
            password: { kind: "kubernetes-secret", name: from("database-password") },
          },
          systemNamespace: "metaflow",
          jobsNamespace: "jobs",
          charts: { argoWorkflows: "0.45.2", argoEvents: "2.4.8" },
          images: { metadataService: from("registry/metadata:1"), userInterface: from("registry/ui:1") },
        }),
    );
    const deployments = JSON.stringify(inputsOf(made, ":Deployment"));
    for (const value of ["postgres", "ann", "database-password", "registry/metadata:1", "registry/ui:1", "keys"])
      expect(deployments).toContain(`"${value}"`);
    expect(inputsOf(made, ":Release", /argo-workflows/)).toMatchObject([
      {
        values: {
          artifactRepository: { s3: { bucket: "models", region: "lab-1", endpoint: "s3.lab", insecure: false } },
        },
      },
    ]);
    expect(await valueOf(made.result.configuration)).toMatchObject({
      METAFLOW_S3_ENDPOINT_URL: "https://s3.lab",
      METAFLOW_KUBERNETES_SECRETS: "metaflow-store,keys",
    });
  });

  it("of OuterboundsMetaflowBackend", async () => {
    const { result } = await collect(
      () =>
        new OuterboundsMetaflowBackend("metaflow", {
          ...{ domain: from("acme.outerbounds.com"), perimeter: from("research"), computePools: [from("h100")] },
          servicePrincipal: { name: from("robot"), token: "environment" },
          store: existingArtifactStore({ bucket: "models", region: "us-east-1" }),
          profile: from("ours"),
        }),
    );
    expect(await valueOf(result.signIn)).toContain(
      "--name robot --deployment-domain acme.outerbounds.com --perimeter research --profile ours",
    );
    expect(await valueOf(result.orchestrator)).toMatchObject({ computePools: ["h100"] });
  });

  it("of Observability", async () => {
    const made = await collect(
      () =>
        new Observability("observability", {
          cluster: existingCluster("cluster", { context: "lab" }),
          prometheus: { kind: "existing", labels: { release: from("theirs") } },
          ...{ charts: { kubePrometheusStack: "77.14.0" }, retentionDays: 15, idleGpuMinutes: 30 },
          ...{ ephemeral: true, stack: "test" },
        }),
    );
    expect(JSON.stringify(inputsOf(made, ":PrometheusRule"))).toContain('"release":"theirs"');
    const { result } = await collect(() =>
      pulumi.output(
        budgetArgs({ usdPerMonth: from("7").apply(Number), emails: [from("team@example.com")] }, "posttraining"),
      ),
    );
    expect(await valueOf(result)).toMatchObject({
      limitAmount: "7.00",
      notifications: [{ subscriberEmailAddresses: ["team@example.com"] }, {}],
    });
  });
});

/** The value of an output that is refused: all that it promises is refused with it. */
async function refused(input: unknown): Promise<unknown> {
  const output = input as {
    promise(): Promise<unknown>;
    allResources(): Promise<unknown>;
    readonly isKnown: Promise<boolean>;
    readonly isSecret: Promise<boolean>;
  };
  await Promise.allSettled([output.isKnown, output.isSecret, output.allResources()]);
  return output.promise();
}

describe("a key of a bucket", () => {
  const later = (value: string): pulumi.Output<string> => pulumi.output(Promise.resolve(value));
  const key = "arn:aws:kms:us-east-1:111122223333:key/1";

  it.each<[string, pulumi.Input<string>, pulumi.Input<string>, RegExp]>([
    ["the key is an output", later(key), "eu-west-1", /the key is in us-east-1, the bucket in eu-west-1/],
    ["the region is one", key, later("eu-west-1"), /the key is in us-east-1, the bucket in eu-west-1/],
    ["an output is no key", later("alias/models"), "us-east-1", /the ARN of the key itself/],
  ])("is refused when it is known, where %s", async (_what, kmsKeyArn, region, message) => {
    const statements = existingArtifactStore({ bucket: "models", region, kmsKeyArn }).statements("read");
    const [resource] = (statements.at(-1)?.Resource ?? []) as readonly unknown[];
    await expect(refused(resource)).rejects.toThrow(message);
  });
});

describe("checked", () => {
  const small = wholeNumber({ least: 1, most: 9 });

  it("hands on what is written as it is: its errors are part of the component's one message", () => {
    expect(checked("Cluster", "one", "count", 12, small)).toBe(12);
    expect(valueErrors("count", 12, small)).toEqual([
      { propertyPath: "count", reason: "got 12; must be a whole number from 1 to 9" },
    ]);
  });

  it("says nothing of an output beforehand, and refuses it when it is known, by name of component and argument", async () => {
    const output = pulumi.output(Promise.resolve(12));
    expect(valueErrors("count", output, small)).toEqual([]);
    const later = checked("Cluster", "one", "count", output, small);
    await expect(refused(later)).rejects.toThrow(
      'The arguments of Cluster "one" are not valid:\n  - count: got 12; must be a whole number from 1 to 9',
    );
  });

  it("lets an output pass that is right", async () => {
    const later = checked("Cluster", "one", "count", pulumi.output(Promise.resolve(3)), small);
    expect(await valueOf(pulumi.output(later))).toBe(3);
  });
});
