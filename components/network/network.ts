import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Region } from "../../catalog/regions";
import { componentTypes } from "../core/componentTypes";
import { refuse } from "../core/inputErrors";
import { networkArgumentErrors } from "./networkArguments";
import { type NetworkPlan, planNetwork, type ZonePlan } from "./networkPlan";
import { policyDocument } from "../core/serviceAccountRole";
import { type Transform, transformed } from "../core/transform";

/** A network that a cluster and its database live in: one that the platform made, or one that was there. */
export interface ClusterNetwork {
  /** The VPC. */
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets of at least two zones, with a way out. */
  readonly privateSubnetIds: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * What must stay until everything that runs in the network is gone: routes, NAT gateways, endpoints. Without them nodes can neither
   * drain nor hand back their network interfaces, and those would hold the subnets. Nodes, clusters and databases depend on it.
   */
  readonly ready: pulumi.Resource[];
}

/**
 * A network that was there before the platform; nothing in it is made, changed or deleted.
 *
 * Its owner sees to what EKS needs: DNS names and resolution on, subnets of two zones with free addresses and a way to ECR, EKS, STS,
 * EC2 and S3, and the tag `kubernetes.io/role/internal-elb=1` on the subnets if load balancers are to be found there.
 *
 * **Cost**: none of its own.
 *
 * **Teardown**: the network stays as it is.
 *
 * @example
 * ```ts
 * const network = existingNetwork({ vpcId: vpc.id, privateSubnetIds: [first.id, second.id] });
 * ```
 */
export function existingNetwork(args: {
  /** The VPC. */
  vpcId: pulumi.Input<string>;
  /** Private subnets of at least two zones, with a way out. */
  privateSubnetIds: pulumi.Input<pulumi.Input<string>[]>;
}): ClusterNetwork {
  return { vpcId: args.vpcId, privateSubnetIds: args.privateSubnetIds, ready: [] };
}

/**
 * Arguments of `Network`. They are plain on purpose: they decide how many subnets, gateways and endpoints there are and which addresses
 * each has, so everything is planned, checked and shown in the preview before anything exists.
 */
export interface NetworkArgs {
  /**
   * Region that the AWS provider works in; the names of endpoints contain it.
   *
   * @example
   * ```ts
   * { region: "us-east-1" }
   * ```
   */
  region: Region;

  /**
   * Range of the VPC: private addresses, /16 to /18. It cannot be changed later without a new VPC, and must not overlap with networks
   * that the VPC is to be peered with.
   *
   * @example
   * ```ts
   * { cidr: "10.64.0.0/16" }
   * ```
   */
  cidr: string;

  /**
   * Two or three zones of the region. A third one may be added at the end later; another order moves subnets, which replaces them.
   * EKS has no room for its control plane in `use1-az3`, `usw1-az2` and `cac1-az3`; which letter that is differs between accounts.
   *
   * @example
   * ```ts
   * { availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"] }
   * ```
   */
  availabilityZones: readonly string[];

  /**
   * `one`: a NAT gateway in the first zone; the others lose their way out while that zone is down, and their traffic crosses zones.
   * `per-zone`: one in each. Either can be changed to the other in place.
   *
   * @example
   * ```ts
   * { natGateways: "one" }
   * ```
   */
  natGateways: "one" | "per-zone";

  /**
   * Interface endpoints for ECR, STS, EC2 and CloudWatch Logs: image pulls and node start-up neither need the NAT gateway nor pay its
   * $0.045 per GB. `one-zone`: in the first zone only, reachable from all.
   *
   * @example
   * ```ts
   * { interfaceEndpoints: "one-zone" }
   * ```
   */
  interfaceEndpoints: "one-zone" | "per-zone" | "none";

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    vpc?: Transform<aws.ec2.VpcArgs>;
    defaultSecurityGroup?: Transform<aws.ec2.DefaultSecurityGroupArgs>;
    internetGateway?: Transform<aws.ec2.InternetGatewayArgs>;
    publicRouteTable?: Transform<aws.ec2.RouteTableArgs>;
    publicRoute?: Transform<aws.ec2.RouteArgs>;
    /** One in each zone, as all that follow but the endpoints and the flow log. */
    publicSubnet?: Transform<aws.ec2.SubnetArgs>;
    publicRouteTableAssociation?: Transform<aws.ec2.RouteTableAssociationArgs>;
    natAddress?: Transform<aws.ec2.EipArgs>;
    natGateway?: Transform<aws.ec2.NatGatewayArgs>;
    privateSubnet?: Transform<aws.ec2.SubnetArgs>;
    prefixReservation?: Transform<aws.ec2.SubnetCidrReservationArgs>;
    privateRouteTable?: Transform<aws.ec2.RouteTableArgs>;
    privateRouteTableAssociation?: Transform<aws.ec2.RouteTableAssociationArgs>;
    privateRoute?: Transform<aws.ec2.RouteArgs>;
    s3Endpoint?: Transform<aws.ec2.VpcEndpointArgs>;
    endpointSecurityGroup?: Transform<aws.ec2.SecurityGroupArgs>;
    /** One for each service. */
    interfaceEndpoint?: Transform<aws.ec2.VpcEndpointArgs>;
    flowLogGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
    flowLogRole?: Transform<aws.iam.RoleArgs>;
    flowLogPolicy?: Transform<aws.iam.RolePolicyArgs>;
    flowLog?: Transform<aws.ec2.FlowLogArgs>;
  };
}

const endpointServices = ["ecr.api", "ecr.dkr", "sts", "ec2", "logs"] as const;
const anywhere = "0.0.0.0/0";
const flowLogDays = 14;

/**
 * A VPC for the cluster, its GPU nodes and its database: private subnets with room for EFA and for pods, a way out, no way in.
 *
 * Instances get no public address, the default security group admits nothing, and the public subnets hold NAT gateways only: they are
 * not tagged for load balancers, so that Kubernetes finds no place for a public one.
 *
 * Flow logs hold refused traffic only. In a network that nothing can reach from outside that is next to nothing, and it is just what one
 * looks for when nodes cannot talk to each other; to log accepted traffic as well ($0.50 per GB) would cost most while data is loaded.
 *
 * **Cost** (us-east-1, $ per month of 730 hours): NAT gateway $32.85 each, its public address $3.65, and $0.045 per GB; five interface
 * endpoints $36.50 for each zone that has them, and $0.01 per GB; S3 through its gateway endpoint is free, flow logs are cents.
 *
 * **Teardown**: everything goes: endpoints and routes first, then NAT gateways, addresses, internet gateway, subnets, VPC. What depends
 * on `ready` is gone by then. Network interfaces that somebody else left behind hold their subnet; the delete is retried for 20 minutes.
 *
 * @example
 * ```ts
 * const network = new Network("network", {
 *   region: "us-east-1",
 *   cidr: "10.64.0.0/16",
 *   availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
 *   natGateways: "one",
 *   interfaceEndpoints: "one-zone",
 * }, { provider });
 * ```
 */
export class Network extends pulumi.ComponentResource implements ClusterNetwork {
  readonly vpcId: pulumi.Output<string>;
  readonly privateSubnetIds: pulumi.Output<string[]>;
  /** The subnets of the NAT gateways, one in each zone. */
  readonly publicSubnetIds: pulumi.Output<string[]>;
  /** Which addresses are for what, and which are free. */
  readonly plan: NetworkPlan;
  readonly ready: pulumi.Resource[];
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly vpc: aws.ec2.Vpc;
    readonly internetGateway: aws.ec2.InternetGateway;
    readonly publicSubnets: readonly aws.ec2.Subnet[];
    readonly privateSubnets: readonly aws.ec2.Subnet[];
    readonly privateRoutes: readonly aws.ec2.Route[];
    readonly natGateways: readonly aws.ec2.NatGateway[];
    readonly s3Endpoint: aws.ec2.VpcEndpoint;
    readonly interfaceEndpoints: readonly aws.ec2.VpcEndpoint[];
    readonly flowLog: aws.ec2.FlowLog;
  };

  constructor(name: string, args: NetworkArgs, options?: pulumi.ComponentResourceOptions) {
    refuse("Network", name, networkArgumentErrors(args));
    const plan = planNetwork(args);
    super(componentTypes.network, name, {}, options);
    const inside = { parent: this };

    const vpc = createVpc();
    const internetGateway = createInternetGateway();
    const publicRoutes = createPublicRoutes();
    const publicZones = plan.zones.map(createPublicZone);
    const natGateways = (args.natGateways === "one" ? publicZones.slice(0, 1) : publicZones).map(createNatGateway);
    const privateZones = plan.zones.map(createPrivateZone);
    const s3Endpoint = createS3Endpoint();
    const interfaceEndpoints =
      args.interfaceEndpoints === "none" ? [] : createInterfaceEndpoints(args.interfaceEndpoints);
    const flowLog = createFlowLog();

    this.plan = plan;
    this.vpcId = vpc.id;
    this.privateSubnetIds = pulumi.output(privateZones.map(({ subnet }) => subnet.id));
    this.publicSubnetIds = pulumi.output(publicZones.map(({ subnet }) => subnet.id));
    // One by one, not the component: to depend on a component leaves out children of the resources inside it.
    this.ready = [
      publicRoutes.route,
      ...publicZones.map(({ association }) => association),
      ...natGateways,
      ...privateZones.flatMap(({ route, association }) => [route, association]),
      s3Endpoint,
      ...interfaceEndpoints,
    ];
    this.nodes = {
      vpc,
      internetGateway,
      publicSubnets: publicZones.map(({ subnet }) => subnet),
      privateSubnets: privateZones.map(({ subnet }) => subnet),
      privateRoutes: privateZones.map(({ route }) => route),
      natGateways,
      s3Endpoint,
      interfaceEndpoints,
      flowLog,
    };
    this.registerOutputs({ vpcId: this.vpcId, privateSubnetIds: this.privateSubnetIds });

    function createVpc() {
      const made = new aws.ec2.Vpc(
        ...transformed(
          args.transform?.vpc,
          `${name}-vpc`,
          {
            cidrBlock: plan.cidr,
            // Private DNS names of endpoints, the private EKS endpoint and the database need both.
            enableDnsSupport: true,
            enableDnsHostnames: true,
            tags: named("vpc"),
          },
          inside,
        ),
      );
      // Taken over, not made: without rules here it admits and lets out nothing, whatever is launched without a group of its own.
      new aws.ec2.DefaultSecurityGroup(
        ...transformed(
          args.transform?.defaultSecurityGroup,
          `${name}-default-security-group`,
          { vpcId: made.id, ingress: [], egress: [], tags: named("default-closed") },
          inside,
        ),
      );
      return made;
    }

    function createInternetGateway() {
      return new aws.ec2.InternetGateway(
        ...transformed(
          args.transform?.internetGateway,
          `${name}-internet`,
          { vpcId: vpc.id, tags: named("internet") },
          inside,
        ),
      );
    }

    function createPublicRoutes() {
      const table = new aws.ec2.RouteTable(
        ...transformed(
          args.transform?.publicRouteTable,
          `${name}-public-routes`,
          { vpcId: vpc.id, tags: named("public") },
          inside,
        ),
      );
      const route = new aws.ec2.Route(
        ...transformed(
          args.transform?.publicRoute,
          `${name}-public-out`,
          { routeTableId: table.id, destinationCidrBlock: anywhere, gatewayId: internetGateway.id },
          inside,
        ),
      );
      return { table, route };
    }

    function createPublicZone({ zone, publicCidr }: ZonePlan) {
      const subnet = new aws.ec2.Subnet(
        ...transformed(
          args.transform?.publicSubnet,
          `${name}-public-${zone}`,
          {
            vpcId: vpc.id,
            availabilityZone: zone,
            cidrBlock: publicCidr,
            mapPublicIpOnLaunch: false,
            tags: named(`public-${zone}`),
          },
          inside,
        ),
      );
      const association = new aws.ec2.RouteTableAssociation(
        ...transformed(
          args.transform?.publicRouteTableAssociation,
          `${name}-public-${zone}-routes`,
          { subnetId: subnet.id, routeTableId: publicRoutes.table.id },
          inside,
        ),
      );
      return { zone, subnet, association };
    }

    function createNatGateway({ zone, subnet }: { zone: string; subnet: aws.ec2.Subnet }) {
      const address = new aws.ec2.Eip(
        ...transformed(
          args.transform?.natAddress,
          `${name}-nat-${zone}-address`,
          { domain: "vpc", tags: named(`nat-${zone}`) },
          // AWS refuses to detach an internet gateway while addresses are mapped through it.
          { ...inside, dependsOn: [internetGateway] },
        ),
      );
      return new aws.ec2.NatGateway(
        ...transformed(
          args.transform?.natGateway,
          `${name}-nat-${zone}`,
          {
            subnetId: subnet.id,
            allocationId: address.id,
            tags: named(`nat-${zone}`),
          },
          { ...inside, dependsOn: [internetGateway] },
        ),
      );
    }

    function createPrivateZone({ zone, privateCidr, prefixCidr }: ZonePlan, index: number) {
      const subnet = new aws.ec2.Subnet(
        ...transformed(
          args.transform?.privateSubnet,
          `${name}-private-${zone}`,
          {
            vpcId: vpc.id,
            availabilityZone: zone,
            cidrBlock: privateCidr,
            mapPublicIpOnLaunch: false,
            tags: { ...named(`private-${zone}`), "kubernetes.io/role/internal-elb": "1" },
          },
          inside,
        ),
      );
      new aws.ec2.SubnetCidrReservation(
        ...transformed(
          args.transform?.prefixReservation,
          `${name}-private-${zone}-prefixes`,
          {
            subnetId: subnet.id,
            cidrBlock: prefixCidr,
            reservationType: "prefix",
            description: "Prefixes that the VPC CNI gives to nodes for their pods",
          },
          inside,
        ),
      );
      // A table for each zone even with a single NAT gateway: to go from one to several then changes routes, and nothing is cut off.
      const table = new aws.ec2.RouteTable(
        ...transformed(
          args.transform?.privateRouteTable,
          `${name}-private-${zone}-routes`,
          { vpcId: vpc.id, tags: named(`private-${zone}`) },
          inside,
        ),
      );
      const association = new aws.ec2.RouteTableAssociation(
        ...transformed(
          args.transform?.privateRouteTableAssociation,
          `${name}-private-${zone}-routes`,
          { subnetId: subnet.id, routeTableId: table.id },
          inside,
        ),
      );
      const natGateway = natGateways[index] ?? natGateways[0];
      if (natGateway === undefined) throw new Error("a network has at least one NAT gateway");
      const route = new aws.ec2.Route(
        ...transformed(
          args.transform?.privateRoute,
          `${name}-private-${zone}-out`,
          { routeTableId: table.id, destinationCidrBlock: anywhere, natGatewayId: natGateway.id },
          inside,
        ),
      );
      return { subnet, table, route, association };
    }

    function createS3Endpoint() {
      return new aws.ec2.VpcEndpoint(
        ...transformed(
          args.transform?.s3Endpoint,
          `${name}-s3`,
          {
            vpcId: vpc.id,
            serviceName: `com.amazonaws.${args.region}.s3`,
            vpcEndpointType: "Gateway",
            routeTableIds: privateZones.map(({ table }) => table.id),
            tags: named("s3"),
          },
          inside,
        ),
      );
    }

    function createInterfaceEndpoints(placement: "one-zone" | "per-zone") {
      const securityGroup = new aws.ec2.SecurityGroup(
        ...transformed(
          args.transform?.endpointSecurityGroup,
          `${name}-endpoints`,
          {
            vpcId: vpc.id,
            description: "Interface endpoints: HTTPS from inside the VPC",
            ingress: [
              {
                description: "HTTPS from the VPC",
                protocol: "tcp",
                fromPort: 443,
                toPort: 443,
                cidrBlocks: [plan.cidr],
              },
            ],
            // An endpoint answers and never calls.
            egress: [],
            tags: named("endpoints"),
          },
          inside,
        ),
      );
      const zones = placement === "one-zone" ? privateZones.slice(0, 1) : privateZones;
      return endpointServices.map(
        (service) =>
          new aws.ec2.VpcEndpoint(
            ...transformed(
              args.transform?.interfaceEndpoint,
              `${name}-${service.replace(".", "-")}`,
              {
                vpcId: vpc.id,
                serviceName: `com.amazonaws.${args.region}.${service}`,
                vpcEndpointType: "Interface",
                privateDnsEnabled: true,
                subnetIds: zones.map(({ subnet }) => subnet.id),
                securityGroupIds: [securityGroup.id],
                tags: named(service),
              },
              inside,
            ),
          ),
      );
    }

    function createFlowLog() {
      const logGroup = new aws.cloudwatch.LogGroup(
        ...transformed(
          args.transform?.flowLogGroup,
          `${name}-flow-log`,
          { retentionInDays: flowLogDays, tags: named("flow-log") },
          inside,
        ),
      );
      const role = new aws.iam.Role(
        ...transformed(
          args.transform?.flowLogRole,
          `${name}-flow-log`,
          {
            description: "VPC flow logs into their log group",
            assumeRolePolicy: pulumi.jsonStringify({
              Version: "2012-10-17",
              Statement: [
                {
                  Effect: "Allow",
                  Principal: { Service: "vpc-flow-logs.amazonaws.com" },
                  Action: "sts:AssumeRole",
                  // Flow logs of other accounts may not borrow the role.
                  Condition: { StringEquals: { "aws:SourceAccount": vpc.ownerId } },
                },
              ],
            }),
            tags: named("flow-log"),
          },
          inside,
        ),
      );
      const policy = new aws.iam.RolePolicy(
        ...transformed(
          args.transform?.flowLogPolicy,
          `${name}-flow-log`,
          {
            role: role.id,
            // Not logs:CreateLogGroup: a late delivery would make the group again after teardown has deleted it.
            policy: policyDocument([
              {
                Effect: "Allow",
                Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                Resource: [pulumi.interpolate`${logGroup.arn}:*`],
              },
              { Effect: "Allow", Action: ["logs:DescribeLogGroups"], Resource: ["*"] },
            ]),
          },
          inside,
        ),
      );
      return new aws.ec2.FlowLog(
        ...transformed(
          args.transform?.flowLog,
          `${name}-flow-log`,
          {
            vpcId: vpc.id,
            trafficType: "REJECT",
            logDestination: logGroup.arn,
            iamRoleArn: role.arn,
            tags: named("flow-log"),
          },
          { ...inside, dependsOn: [policy] },
        ),
      );
    }

    /** What the AWS console shows as the name. */
    function named(suffix: string) {
      return { Name: `${name}-${suffix}` };
    }
  }
}
