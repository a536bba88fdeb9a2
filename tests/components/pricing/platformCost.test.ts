import { describe, expect, it } from "vitest";
import { parsePlatform } from "../../../configuration/platformChecks";
import { readStackFile } from "../../../configuration/stackFile";
import { hoursPerMonth, platformCost } from "../../../pricing/platformCost";
import { quote } from "../../../pricing/platformPrices";
import { platformStack } from "../../../stacks/platform";
import { type DumpedResource, dumpProgram } from "../../golden/dump";

/** What the bill names is what the program makes: every resource that AWS bills by the hour or the month, in its number and size. */

type Document = Readonly<Record<string, unknown>>;

const committed = readStackFile("platform") as { compute: Document; backend: Document };
const compute = (parts: Document): Document => ({ compute: { ...committed.compute, ...parts } });

const stacks: Readonly<Record<string, Document>> = {
  "as committed": {},
  "all of everything": {
    ...compute({ network: { kind: "managed", natGateways: "per-zone", interfaceEndpoints: "per-zone" } }),
    backend: { kind: "self-hosted", database: { kind: "rds", storageGib: 100, instanceClass: "db.m7g.large" } },
  },
  "no endpoints, Outerbounds, ephemeral": {
    ...compute({ network: { kind: "managed", interfaceEndpoints: "none" } }),
    ephemeral: true,
    backend: {
      kind: "outerbounds",
      domain: "acme.obp.outerbounds.com",
      servicePrincipal: { name: "post-training" },
      computePools: ["h100"],
    },
  },
  "a network and a bucket that were there": {
    ...compute({
      network: {
        kind: "existing",
        vpcId: "vpc-0123456789abcdef0",
        privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      },
    }),
    store: { kind: "existing", bucket: "acme-models", region: "us-east-1" },
  },
};

const usd = (what: string): number => {
  const price = quote("us-east-1", what).usd;
  if (price === "unknown") throw new Error(`${what} has no price`);
  return price;
};

/** Everywhere in a value: the sizes of the volumes that a chart asks for. */
function volumeSizes(value: unknown): number[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const size = key === "storage" && typeof child === "string" ? /^(\d+)Gi$/.exec(child)?.[1] : undefined;
    return size === undefined ? volumeSizes(child) : [Number(size)];
  });
}

/** USD a month of the resources that a program makes. */
function billOf(resources: readonly DumpedResource[]): Record<string, number> {
  const of = (type: string): readonly DumpedResource[] => resources.filter((resource) => resource.type === type);
  const sum = (type: string, cost: (inputs: Record<string, unknown>) => number): number =>
    of(type).reduce((total, { inputs }) => total + cost(inputs), 0);
  const hour = (what: string): number => hoursPerMonth * usd(what);
  const nodes = of("aws:eks/nodeGroup:NodeGroup").map(({ inputs }) => {
    const { instanceTypes, scalingConfig } = inputs as {
      instanceTypes: [string];
      scalingConfig: { desiredSize: number };
    };
    return { count: scalingConfig.desiredSize, type: instanceTypes[0] };
  });
  const diskGib = sum("aws:ec2/launchTemplate:LaunchTemplate", ({ blockDeviceMappings }) =>
    (blockDeviceMappings as { ebs: { volumeSize: number } }[]).reduce((gib, { ebs }) => gib + ebs.volumeSize, 0),
  );
  const lines = {
    "EKS control plane": sum("aws:eks/cluster:Cluster", () => hour("control-plane")),
    "System nodes": nodes.reduce((total, { count, type }) => total + count * hour(type), 0),
    "Disks of the system nodes": nodes.reduce((total, { count }) => total + count * diskGib * usd("volume"), 0),
    "NAT gateways": sum("aws:ec2/natGateway:NatGateway", () => hour("nat-gateway")),
    "Public addresses": sum("aws:ec2/eip:Eip", () => hour("public-address")),
    "Interface endpoints": sum("aws:ec2/vpcEndpoint:VpcEndpoint", ({ vpcEndpointType, subnetIds }) =>
      vpcEndpointType === "Interface" ? (subnetIds as string[]).length * hour("interface-endpoint") : 0,
    ),
    Database: sum("aws:rds/instance:Instance", ({ instanceClass }) => hour(String(instanceClass))),
    "Database storage": sum(
      "aws:rds/instance:Instance",
      ({ allocatedStorage }) => Number(allocatedStorage) * usd("database-storage"),
    ),
    "Database password": sum("aws:secretsmanager/secret:Secret", () => usd("secret")),
    "Encryption keys": sum("aws:kms/key:Key", () => usd("key")),
    "Disk of metrics": sum("kubernetes:helm.sh/v3:Release", ({ values }) =>
      volumeSizes(values).reduce((total, gib) => total + gib * usd("volume"), 0),
    ),
  };
  return Object.fromEntries(
    Object.entries(lines)
      .filter(([, amount]) => amount > 0)
      .map(([item, amount]) => [item, Math.round(amount * 100) / 100]),
  );
}

/** Types that AWS bills only by use, or not at all. */
const free = new Set([
  "aws:budgets/budget:Budget",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  "aws:ec2/flowLog:FlowLog",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/route:Route",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/subnetCidrReservation:SubnetCidrReservation",
  "aws:ec2/vpc:Vpc",
  "aws:eks/accessEntry:AccessEntry",
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
  "aws:eks/addon:Addon",
  "aws:eks/podIdentityAssociation:PodIdentityAssociation",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:kms/alias:Alias",
  "aws:rds/parameterGroup:ParameterGroup",
  "aws:rds/subnetGroup:SubnetGroup",
  "aws:s3/bucket:Bucket",
  "aws:secretsmanager/secretVersion:SecretVersion",
  "aws:sns/topic:Topic",
]);
const billed = new Set([
  "aws:ec2/eip:Eip",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:eks/cluster:Cluster",
  "aws:eks/nodeGroup:NodeGroup",
  "aws:kms/key:Key",
  "aws:rds/instance:Instance",
  "aws:secretsmanager/secret:Secret",
]);

describe.each(Object.entries(stacks))("the bill of a platform with %s", (_, parts) => {
  const configuration = parsePlatform({ ...committed, ...parts });
  const made = dumpProgram(() => platformStack(configuration, "platform"), "platform");

  it("has what the program makes, logs apart", async () => {
    const items = platformCost(configuration).items.filter(({ item }) => item !== "Logs");
    expect(billOf((await made).resources)).toEqual(
      Object.fromEntries(items.map(({ item, usdPerMonth }) => [item, usdPerMonth])),
    );
  });

  it("leaves out nothing that costs money while it is idle", async () => {
    const types = new Set((await made).resources.map(({ type }) => type).filter((type) => type.startsWith("aws:")));
    const ofBucket = /^aws:s3\/bucket[A-Z]\w*:/;
    expect([...types].filter((type) => !billed.has(type) && !free.has(type) && !ofBucket.test(type))).toEqual([]);
  });
});
