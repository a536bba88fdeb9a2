import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { Cluster } from "../../../components/cluster/cluster";
import { existingNetwork } from "../../../components/network/network";
import { root } from "../../../machine/checkout.mjs";
import { collect } from "../collect";
import { transform } from "./documentedTransform";

describe("the transform of docs/platform.md", () => {
  it("is what runs here", () => {
    const page = fs.readFileSync(path.join(root, "docs", "platform.md"), "utf8");
    const [, shown = ""] = /<!-- transform-example:[^]*?```ts\n([^]*?)```/.exec(page) ?? [];
    const file = fs.readFileSync(path.join(__dirname, "documentedTransform.ts"), "utf8");
    expect(shown).toBe(file.slice(file.indexOf("export ") + "export ".length));
  });

  it("gives system nodes larger disks by their launch template, and none to the node group, where EKS would refuse it", async () => {
    const { resources, registrations } = await collect(
      () =>
        new Cluster("cluster", {
          region: "us-east-1",
          network: existingNetwork({ vpcId: "vpc-1", privateSubnetIds: ["subnet-1", "subnet-2"] }),
          ...{ version: "1.35", endpoint: { kind: "private" }, logDays: 30, ephemeral: true, tags: {} },
          administrators: ["arn:aws:iam::111122223333:role/deployer"],
          systemNodes: { instanceType: "t3.large", count: 2 },
          ...(transform === undefined ? {} : { transform }),
        }),
      {
        "aws:eks/cluster:Cluster": () => ({
          ...{ endpoint: "https://eks", certificateAuthority: { data: "" } },
          vpcConfig: { clusterSecurityGroupId: "sg-1" },
        }),
      },
    );
    const inputs = (type: string) => resources.find((resource) => resource.type.endsWith(type))?.inputs;
    expect(inputs(":LaunchTemplate")).toMatchObject({ blockDeviceMappings: [{ ebs: { volumeSize: 100 } }] });
    expect(inputs(":NodeGroup")).toHaveProperty("launchTemplate");
    expect(inputs(":NodeGroup")).not.toHaveProperty("diskSize");
    expect(inputs(":LogGroup")).toMatchObject({ skipDestroy: true, retentionInDays: 30 });
    const template = registrations.find(({ type }) => type.endsWith(":LaunchTemplate"));
    expect(template?.opts.ignoreChanges).toEqual(["description"]);
  });
});
