import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Password } from "../../provider/sdk/password";
import { dumpProgram, dumpText } from "./dump";

class Group extends pulumi.ComponentResource {
  constructor(name: string, options: pulumi.ComponentResourceOptions) {
    super("posttraining:index:Group", name, {}, options);
    this.registerOutputs({});
  }
}

function program(): Record<string, unknown> {
  const provider = new aws.Provider("aws", { region: "us-east-1" });
  const group = new Group("group", { provider, protect: true, retainOnDelete: true });
  const role = new aws.iam.Role(
    "role",
    { assumeRolePolicy: JSON.stringify({ Statement: [{ Effect: "Allow" }] }) },
    { parent: group, aliases: [{ name: "former" }] },
  );
  const cluster = new aws.eks.Cluster(
    "cluster",
    { roleArn: role.arn, vpcConfig: { subnetIds: ["subnet-1"] } },
    { parent: group, dependsOn: pulumi.output([role]), ignoreChanges: ["version"], customTimeouts: { create: "1h" } },
  );
  const access = new kubernetes.Provider("access", {
    kubeconfig: pulumi.jsonStringify({ clusters: [{ cluster: { server: cluster.endpoint } }] }),
  });
  const namespace = new kubernetes.core.v1.Namespace("jobs", {}, { provider: access, deletedWith: cluster });
  new kubernetes.core.v1.Secret(
    "secret",
    { metadata: { namespace: namespace.metadata.name }, stringData: { password: pulumi.secret("hunter2") } },
    { parent: namespace, provider: access },
  );
  const password = new Password("password", { length: 20, generation: 1 });
  new aws.s3.Bucket("bucket", { tags: { password: password.value } });
  return { issuer: cluster.identities.apply((identities) => identities[0]?.oidcs[0]?.issuer) };
}

describe("a dump", () => {
  it("shows placeholders, hides secrets, and opens JSON in strings", async () => {
    const text = dumpText("title", await dumpProgram(program));
    expect(text).toContain("assumeRolePolicy: !json\n      Statement:\n        - Effect: Allow");
    expect(text).toContain("roleArn: ${role.arn}");
    expect(text).toContain("server: ${cluster.endpoint}");
    expect(text).toContain("issuer: ${cluster.identities[0].oidcs[0].issuer}");
    expect(text).toContain("namespace: ${jobs.metadata.name}");
    expect(text).toContain("stringData:\n      password: <secret>");
    expect(text).not.toContain("hunter2");
    expect(text).toContain("tags:\n      password: <secret>");
    expect(text).toContain("# 9 resources: aws 3, components 1, kubernetes 2, posttraining 1, providers 2");
  });

  it("shows options, those that are inherited too, and names the resources in them", async () => {
    const { resources } = await dumpProgram(program);
    const optionsOf = (path: string) => resources.find((resource) => resource.path === path)?.options;
    expect(optionsOf("group/role")).toEqual({ protect: true, retainOnDelete: true, aliases: [{ name: "former" }] });
    expect(optionsOf("group/cluster")).toEqual({
      protect: true,
      retainOnDelete: true,
      dependsOn: ["group/role"],
      ignoreChanges: ["version"],
      customTimeouts: { create: "1h" },
    });
    expect(optionsOf("jobs/secret")).toEqual({ deletedWith: "group/cluster" });
    expect(optionsOf("bucket")).toEqual({});
  });

  it("tells which resources have no provider of their own", async () => {
    const { resources } = await dumpProgram(program);
    const without = resources.filter(({ type, provider }) => !type.startsWith("p") && provider === undefined);
    expect(without.map(({ path }) => path)).toEqual(["bucket"]);
  });

  it("says the type where resources of several types have one name", async () => {
    const text = dumpText(
      "title",
      await dumpProgram(() => {
        const provider = new aws.Provider("aws", { region: "us-east-1" });
        const key = new aws.kms.Key("store", {}, { provider });
        const bucket = new aws.s3.Bucket("store", { tags: { key: key.arn } }, { provider, dependsOn: key });
        return { arn: bucket.arn };
      }),
    );
    expect(text).toContain("key: ${store(Key).arn}");
    expect(text).toContain("- store (Key)");
    expect(text).toContain("arn: ${store(Bucket).arn}");
  });

  it("comes in the order of the tree, whatever the order of registration", async () => {
    const { resources } = await dumpProgram(program);
    const paths = resources.map(({ path }) => path);
    expect(paths).toEqual(paths.toSorted());
  });
});
