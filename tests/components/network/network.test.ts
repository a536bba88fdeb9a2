import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { existingNetwork, Network, type NetworkArgs } from "../../../components/network/network";
import { type Collected, collect, type ProviderOutputs, valueOf } from "../collect";
import { deletionOrder } from "../deletionOrder";

const zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
const defaults: NetworkArgs = {
  region: "us-east-1",
  cidr: "10.64.0.0/16",
  availabilityZones: zones,
  natGateways: "one",
  interfaceEndpoints: "one-zone",
};
const outputs: ProviderOutputs = {
  "aws:ec2/vpc:Vpc": () => ({ ownerId: "111122223333" }),
  "aws:cloudwatch/logGroup:LogGroup": () => ({ arn: "arn:aws:logs:us-east-1:111122223333:log-group:flow" }),
};

const build = (change: Partial<NetworkArgs> = {}) =>
  collect(() => new Network("network", { ...defaults, ...change }), outputs);

const inputsOf = ({ resources }: Collected<unknown>, type: string) =>
  resources.filter((resource) => resource.type === type).map(({ inputs }) => inputs);

const refusal = async (change: Partial<NetworkArgs>): Promise<string> => {
  try {
    await build(change);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the network was not refused");
};

describe("Network", () => {
  let made: Collected<Network>;
  beforeAll(async () => {
    made = await build();
  });

  it("makes a VPC with DNS names and a private and a public subnet in each zone, as planned", () => {
    expect(inputsOf(made, "aws:ec2/vpc:Vpc")).toEqual([
      expect.objectContaining({ cidrBlock: "10.64.0.0/16", enableDnsSupport: true, enableDnsHostnames: true }),
    ]);
    const subnets = inputsOf(made, "aws:ec2/subnet:Subnet").map((subnet) => [
      subnet.availabilityZone,
      subnet.cidrBlock,
      subnet.vpcId,
    ]);
    expect(subnets).toHaveLength(6);
    for (const [index, zone] of zones.entries()) {
      const { privateCidr, publicCidr } = made.result.plan.zones[index] ?? { privateCidr: "", publicCidr: "" };
      expect(subnets).toContainEqual([zone, privateCidr, "network-vpc-id"]);
      expect(subnets).toContainEqual([zone, publicCidr, "network-vpc-id"]);
    }
  });

  it("gives no instance a public address, and marks private subnets only for load balancers, internal ones", () => {
    for (const subnet of inputsOf(made, "aws:ec2/subnet:Subnet")) expect(subnet.mapPublicIpOnLaunch).toBe(false);
    const tagsOf = (name: string): unknown => made.resources.find((resource) => resource.name === name)?.inputs.tags;
    expect(tagsOf("network-private-us-east-1b")).toMatchObject({ "kubernetes.io/role/internal-elb": "1" });
    expect(Object.keys(tagsOf("network-public-us-east-1b") as object)).toEqual(["Name"]);
  });

  it("keeps half of each private subnet for the prefixes of pods", () => {
    expect(inputsOf(made, "aws:ec2/subnetCidrReservation:SubnetCidrReservation")).toEqual(
      ["10.64.32.0/19", "10.64.96.0/19", "10.64.160.0/19"].map((cidrBlock, index): unknown =>
        expect.objectContaining({
          cidrBlock,
          reservationType: "prefix",
          subnetId: `network-private-${zones[index] ?? ""}-id`,
        }),
      ),
    );
  });

  it("closes the default security group", () => {
    const [group] = inputsOf(made, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(group).toMatchObject({ vpcId: "network-vpc-id", ingress: [], egress: [] });
  });

  it("sends private traffic of every zone through the one NAT gateway, in the first zone", () => {
    expect(inputsOf(made, "aws:ec2/natGateway:NatGateway")).toEqual([
      expect.objectContaining({
        subnetId: "network-public-us-east-1a-id",
        allocationId: "network-nat-us-east-1a-address-id",
      }),
    ]);
    const routes = inputsOf(made, "aws:ec2/route:Route").filter((route) => route.natGatewayId !== undefined);
    expect(routes).toHaveLength(3);
    for (const route of routes) {
      expect(route).toMatchObject({ destinationCidrBlock: "0.0.0.0/0", natGatewayId: "network-nat-us-east-1a-id" });
    }
    // Each route belongs to a table of its own, and each table to the subnet of its zone.
    const tables = inputsOf(made, "aws:ec2/routeTableAssociation:RouteTableAssociation");
    for (const zone of zones) {
      expect(tables).toContainEqual({
        subnetId: `network-private-${zone}-id`,
        routeTableId: `network-private-${zone}-routes-id`,
      });
      expect(tables).toContainEqual({
        subnetId: `network-public-${zone}-id`,
        routeTableId: "network-public-routes-id",
      });
    }
  });

  it("with per-zone NAT gateways, keeps the traffic of each zone in it, and renames nothing of the single one", async () => {
    const perZone = await build({ natGateways: "per-zone" });
    const namesOf = ({ resources }: Collected<Network>) => resources.map(({ type, name }) => `${type} ${name}`);
    expect(namesOf(perZone)).toEqual(expect.arrayContaining(namesOf(made)));
    const routes = inputsOf(perZone, "aws:ec2/route:Route");
    for (const zone of zones) {
      expect(routes).toContainEqual({
        routeTableId: `network-private-${zone}-routes-id`,
        destinationCidrBlock: "0.0.0.0/0",
        natGatewayId: `network-nat-${zone}-id`,
      });
    }
  });

  it("reaches S3 from all private route tables without the NAT gateway", () => {
    const gateways = inputsOf(made, "aws:ec2/vpcEndpoint:VpcEndpoint").filter((e) => e.vpcEndpointType === "Gateway");
    expect(gateways).toEqual([
      expect.objectContaining({
        serviceName: "com.amazonaws.us-east-1.s3",
        routeTableIds: zones.map((zone) => `network-private-${zone}-routes-id`),
      }),
    ]);
  });

  it("has interface endpoints that only the VPC can reach, in as many zones as asked", async () => {
    const endpointsOf = (collected: Collected<Network>) =>
      inputsOf(collected, "aws:ec2/vpcEndpoint:VpcEndpoint").filter((e) => e.vpcEndpointType === "Interface");
    const endpoints = endpointsOf(made);
    expect(endpoints.map(({ serviceName }) => serviceName)).toEqual(
      ["ecr.api", "ecr.dkr", "sts", "ec2", "logs"].map((service) => `com.amazonaws.us-east-1.${service}`),
    );
    for (const endpoint of endpoints) {
      expect(endpoint).toMatchObject({
        privateDnsEnabled: true,
        subnetIds: ["network-private-us-east-1a-id"],
        securityGroupIds: ["network-endpoints-id"],
      });
    }
    expect(inputsOf(made, "aws:ec2/securityGroup:SecurityGroup")).toEqual([
      expect.objectContaining({
        ingress: [
          expect.objectContaining({ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["10.64.0.0/16"] }),
        ],
        egress: [],
      }),
    ]);
    const [everywhere] = endpointsOf(await build({ interfaceEndpoints: "per-zone" }));
    expect(everywhere?.subnetIds).toEqual(zones.map((zone) => `network-private-${zone}-id`));
    const without = await build({ interfaceEndpoints: "none" });
    expect(endpointsOf(without)).toEqual([]);
    expect(inputsOf(without, "aws:ec2/securityGroup:SecurityGroup")).toEqual([]);
  });

  it("logs refused traffic only, for two weeks, by a role that can write to that group and nowhere else", () => {
    expect(inputsOf(made, "aws:ec2/flowLog:FlowLog")).toEqual([
      expect.objectContaining({ vpcId: "network-vpc-id", trafficType: "REJECT" }),
    ]);
    expect(inputsOf(made, "aws:cloudwatch/logGroup:LogGroup")).toEqual([
      expect.objectContaining({ retentionInDays: 14 }),
    ]);
    const [role] = inputsOf(made, "aws:iam/role:Role");
    expect(JSON.parse(String(role?.assumeRolePolicy))).toMatchObject({
      Statement: [
        {
          Principal: { Service: "vpc-flow-logs.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": "111122223333" } },
        },
      ],
    });
    const [policy] = inputsOf(made, "aws:iam/rolePolicy:RolePolicy");
    const { Statement } = JSON.parse(String(policy?.policy)) as {
      Statement: { Action: string[]; Resource: string[] }[];
    };
    expect(Statement.flatMap(({ Action }) => Action)).not.toContain("logs:CreateLogGroup");
    const writes = Statement.filter(({ Action }) => Action.includes("logs:PutLogEvents"));
    expect(writes.map(({ Resource }) => Resource)).toEqual([["arn:aws:logs:us-east-1:111122223333:log-group:flow:*"]]);
  });

  it("tells others what it is", async () => {
    expect(await valueOf(made.result.vpcId)).toBe("network-vpc-id");
    expect(await valueOf(made.result.privateSubnetIds)).toEqual(zones.map((zone) => `network-private-${zone}-id`));
    expect(await valueOf(made.result.publicSubnetIds)).toEqual(zones.map((zone) => `network-public-${zone}-id`));
  });

  it("has all of its resources as children, and protects none: nothing in a network is lost with it", () => {
    for (const { name, opts } of made.registrations.filter(
      (r) => r.resource !== made.result && r.name !== "posttraining-test",
    )) {
      expect(opts.parent, name).toBe(made.result);
      expect(opts.protect, name).toBeUndefined();
    }
  });

  it("keeps routes, gateways and endpoints until everything that depends on it is gone, and deletes them in order", async () => {
    const { result, registrations } = await collect(() => {
      const network = new Network("network", defaults);
      const instance = new aws.ec2.Instance("node", {}, { dependsOn: network.ready });
      return { network, instance };
    }, outputs);
    const before = await deletionOrder(registrations);
    const { internetGateway, natGateways, privateRoutes, publicSubnets, s3Endpoint, interfaceEndpoints, vpc } =
      result.network.nodes;
    const kept = registrations.filter(
      ({ type }) =>
        type.startsWith("aws:ec2/route") || type === "aws:ec2/natGateway:NatGateway" || type.endsWith(":VpcEndpoint"),
    );
    expect(kept).toHaveLength(6 + 4 + 4 + 1 + 6);
    for (const { name, resource } of kept) expect(before(result.instance, resource), name).toBe(true);
    expect([...privateRoutes, s3Endpoint, ...interfaceEndpoints].every((r) => before(r, vpc))).toBe(true);
    expect(before(vpc, result.instance)).toBe(false);
    for (const natGateway of natGateways) {
      expect(privateRoutes.every((route) => before(route, natGateway))).toBe(true);
      expect(before(natGateway, internetGateway)).toBe(true);
      expect(publicSubnets.some((subnet) => before(natGateway, subnet))).toBe(true);
    }
    const addresses = registrations.filter(({ type }) => type === "aws:ec2/eip:Eip");
    expect(addresses.length > 0 && addresses.every(({ resource }) => before(resource, internetGateway))).toBe(true);
  });

  it("lets a transform change what it makes", async () => {
    const changed = await build({
      transform: {
        vpc: { instanceTenancy: "dedicated" },
        flowLog: (args) => ({ args: { ...args, trafficType: "ALL" } }),
        privateSubnet: (args) => ({
          args: { ...args, tags: { ...(args.tags as Record<string, string>), team: "ml" } },
        }),
      },
    });
    expect(inputsOf(changed, "aws:ec2/vpc:Vpc")[0]).toMatchObject({
      instanceTenancy: "dedicated",
      cidrBlock: "10.64.0.0/16",
    });
    expect(inputsOf(changed, "aws:ec2/flowLog:FlowLog")[0]?.trafficType).toBe("ALL");
    const subnets = inputsOf(changed, "aws:ec2/subnet:Subnet");
    expect(subnets.filter(({ tags }) => (tags as Record<string, string>).team === "ml")).toHaveLength(3);
  });

  it("refuses everything that is wrong at once, before it registers anything", async () => {
    const message = await refusal({
      cidr: "10.64.0.0/22",
      availabilityZones: ["eu-west-1a", "us-east-1ab", "us-east-1a", "us-east-1a"],
    });
    expect(message).toContain('The arguments of Network "network" are not valid');
    expect(message).toMatch(/- cidr: .*too small.*such as "10\.64\.0\.0\/18"/);
    expect(message).toContain("name two or three zones, not 4");
    expect(message).toContain(
      '- availabilityZones[0]: got "eu-west-1a", which is not a zone of us-east-1; write one such as "us-east-1a"',
    );
    expect(message).toContain('- availabilityZones[1]: got "us-east-1ab", which is not a zone of us-east-1');
    expect(message).toContain('- availabilityZones[3]: got "us-east-1a"; it is named twice');
  });

  it("registers nothing when it refuses", async () => {
    const { registrations } = await collect(() => {
      expect(() => new Network("network", { ...defaults, availabilityZones: ["us-east-1a"] })).toThrow(
        pulumi.InputPropertiesError,
      );
    });
    expect(registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  });
});

describe("existingNetwork", () => {
  it("passes on what there is and makes nothing", async () => {
    const { result, registrations } = await collect(() =>
      existingNetwork({ vpcId: "vpc-0123456789abcdef0", privateSubnetIds: ["subnet-1", "subnet-2"] }),
    );
    expect(result).toEqual({
      vpcId: "vpc-0123456789abcdef0",
      privateSubnetIds: ["subnet-1", "subnet-2"],
      ready: [],
    });
    expect(registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  });
});
