import type { Resource } from "./double";
import type { Tree } from "./properties";

/**
 * What the double of `aws` knows of each type of resource that the project uses. A type that is not here is refused.
 *
 * `immutable` is what a change of which the real plugin answers with a replacement. For the EKS cluster, node groups and RDS instances it
 * was read in terraform-provider-aws (`ForceNew` in internal/service/, 2026-11-24); for the other types it is from experience and not
 * looked up. Properties that the project never sets are left out.
 */

export interface AwsType {
  /** Property that gets a generated name when the program gives none; `longest` is what AWS takes. */
  readonly named?: { readonly property: string; readonly longest: number; readonly prefix?: string };
  readonly immutable: readonly string[];
  readonly id: (resource: AwsResource, unique: string) => string;
  readonly outputs?: (resource: AwsResource, id: string) => Tree;
}

export interface AwsResource extends Resource {
  readonly region: string;
  readonly account: string;
}

const text = (resource: Resource, property: string): string => String(resource.inputs[property]);

/** `vpc-0a1b2c3d4e5f60718` */
const hexId =
  (prefix: string) =>
  (_: AwsResource, unique: string): string =>
    `${prefix}-${unique.slice(0, 17)}`;

/** The values of properties, joined, as Terraform has it for things that AWS gives no id. */
const joined =
  (separator: string, ...properties: string[]) =>
  (resource: AwsResource): string =>
    properties.map((property) => text(resource, property)).join(separator);

/** `arn:aws:eks:us-east-1:111122223333:cluster/name` */
function arn({ region, account }: AwsResource, service: string, rest: string): string {
  switch (service) {
    case "iam":
      return `arn:aws:iam::${account}:${rest}`;
    case "s3":
      return `arn:aws:s3:::${rest}`;
    default:
      return `arn:aws:${service}:${region}:${account}:${rest}`;
  }
}

/** Part of an EC2 resource: an id, an ARN, an owner. */
function ec2(kind: string, prefix: string, immutable: readonly string[], more?: AwsType["outputs"]): AwsType {
  return {
    immutable,
    id: hexId(prefix),
    outputs: (resource, id) => ({
      arn: arn(resource, "ec2", `${kind}/${id}`),
      ownerId: resource.account,
      ...more?.(resource, id),
    }),
  };
}

/** Digits of the id, for other ids that belong to the same thing. */
const digits = (id: string): string => id.slice(id.lastIndexOf("-") + 1);

/** A setting of a bucket: it has the bucket's name as its id. */
const ofBucket: AwsType = { immutable: ["bucket"], id: joined("", "bucket") };

export const awsTypes: Readonly<Record<string, AwsType>> = {
  "aws:ec2/vpc:Vpc": ec2("vpc", "vpc", ["cidrBlock", "instanceTenancy"], (_, id) => ({
    defaultSecurityGroupId: `sg-${digits(id)}`,
    defaultNetworkAclId: `acl-${digits(id)}`,
    defaultRouteTableId: `rtb-${digits(id)}`,
    mainRouteTableId: `rtb-${digits(id)}`,
  })),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ec2("security-group", "sg", ["vpcId"]),
  "aws:ec2/subnet:Subnet": ec2("subnet", "subnet", ["availabilityZone", "cidrBlock", "vpcId"]),
  "aws:ec2/subnetCidrReservation:SubnetCidrReservation": {
    immutable: ["cidrBlock", "description", "reservationType", "subnetId"],
    id: hexId("scr"),
    outputs: ({ account }) => ({ ownerId: account }),
  },
  "aws:ec2/internetGateway:InternetGateway": ec2("internet-gateway", "igw", []),
  "aws:ec2/eip:Eip": ec2("elastic-ip", "eipalloc", ["domain"], (_, id) => ({
    allocationId: id,
    publicIp: "203.0.113.10",
  })),
  "aws:ec2/natGateway:NatGateway": {
    immutable: ["allocationId", "connectivityType", "subnetId"],
    id: hexId("nat"),
    outputs: (_, id) => ({ networkInterfaceId: `eni-${digits(id)}`, publicIp: "203.0.113.10" }),
  },
  "aws:ec2/routeTable:RouteTable": ec2("route-table", "rtb", ["vpcId"]),
  "aws:ec2/route:Route": {
    immutable: ["routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"],
    id: (resource, unique) => `r-${text(resource, "routeTableId")}${unique.slice(0, 10)}`,
    outputs: () => ({ state: "active", origin: "CreateRoute" }),
  },
  "aws:ec2/routeTableAssociation:RouteTableAssociation": {
    immutable: ["subnetId", "gatewayId"],
    id: hexId("rtbassoc"),
  },
  "aws:ec2/vpcEndpoint:VpcEndpoint": ec2(
    "vpc-endpoint",
    "vpce",
    ["serviceName", "serviceRegion", "vpcEndpointType", "vpcId"],
    () => ({ state: "available" }),
  ),
  "aws:ec2/securityGroup:SecurityGroup": {
    ...ec2("security-group", "sg", ["description", "name", "vpcId"]),
    named: { property: "name", longest: 255 },
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
    immutable: ["securityGroupId"],
    id: hexId("sgr"),
    outputs: (resource, id) => ({ arn: arn(resource, "ec2", `security-group-rule/${id}`), securityGroupRuleId: id }),
  },
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    immutable: ["securityGroupId"],
    id: hexId("sgr"),
    outputs: (resource, id) => ({ arn: arn(resource, "ec2", `security-group-rule/${id}`), securityGroupRuleId: id }),
  },
  "aws:ec2/flowLog:FlowLog": ec2("vpc-flow-log", "fl", ["vpcId", "logDestination", "trafficType", "iamRoleArn"]),
  "aws:ec2/launchTemplate:LaunchTemplate": {
    named: { property: "name", longest: 128 },
    immutable: ["name"],
    id: hexId("lt"),
    outputs: (resource, id) => ({
      arn: arn(resource, "ec2", `launch-template/${id}`),
      latestVersion: 1,
      defaultVersion: 1,
    }),
  },
  "aws:eks/cluster:Cluster": {
    named: { property: "name", longest: 100 },
    immutable: [
      "accessConfig.bootstrapClusterCreatorAdminPermissions",
      "bootstrapSelfManagedAddons",
      "kubernetesNetworkConfig.ipFamily",
      "kubernetesNetworkConfig.serviceIpv4Cidr",
      "name",
      "roleArn",
    ],
    id: joined("", "name"),
    outputs: (resource, id) => {
      const host = digits(id).toUpperCase().padStart(32, "0");
      return {
        arn: arn(resource, "eks", `cluster/${id}`),
        certificateAuthority: { data: "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==" },
        endpoint: `https://${host}.gr7.${resource.region}.eks.amazonaws.com`,
        identities: [{ oidcs: [{ issuer: `https://oidc.eks.${resource.region}.amazonaws.com/id/${host}` }] }],
        platformVersion: "eks.1",
        status: "ACTIVE",
        vpcConfig: { clusterSecurityGroupId: `sg-${digits(id).padStart(17, "0")}`, vpcId: "vpc-00000000000000000" },
      };
    },
  },
  "aws:eks/nodeGroup:NodeGroup": {
    named: { property: "nodeGroupName", longest: 63 },
    immutable: [
      "amiType",
      "capacityType",
      "clusterName",
      "diskSize",
      "instanceTypes",
      "launchTemplate.id",
      "launchTemplate.name",
      "nodeGroupName",
      "nodeRoleArn",
      "remoteAccess",
      "subnetIds",
    ],
    id: joined(":", "clusterName", "nodeGroupName"),
    outputs: (resource, id) => ({
      arn: arn(resource, "eks", `nodegroup/${id.replace(":", "/")}`),
      resources: [{ autoscalingGroups: [{ name: `eks-${id.replace(":", "-")}` }] }],
      status: "ACTIVE",
    }),
  },
  "aws:eks/addon:Addon": {
    immutable: ["addonName", "clusterName"],
    id: joined(":", "clusterName", "addonName"),
    outputs: (resource, id) => ({ arn: arn(resource, "eks", `addon/${id.replace(":", "/")}`) }),
  },
  "aws:eks/accessEntry:AccessEntry": {
    immutable: ["clusterName", "principalArn", "type"],
    id: joined(":", "clusterName", "principalArn"),
    outputs: (resource, id) => ({ accessEntryArn: arn(resource, "eks", `access-entry/${id}`) }),
  },
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
    immutable: ["accessScope", "clusterName", "policyArn", "principalArn"],
    id: joined("#", "clusterName", "principalArn", "policyArn"),
  },
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
    immutable: ["clusterName", "namespace", "serviceAccount"],
    id: hexId("a"),
    outputs: (resource, id) => ({
      associationArn: arn(resource, "eks", `podidentityassociation/${id}`),
      associationId: id,
    }),
  },
  "aws:iam/role:Role": {
    named: { property: "name", longest: 64 },
    immutable: ["name", "path"],
    id: joined("", "name"),
    outputs: (resource, id) => ({
      arn: arn(resource, "iam", `role/${id}`),
      uniqueId: `AROA${digits(id).toUpperCase()}`,
    }),
  },
  "aws:iam/rolePolicy:RolePolicy": {
    named: { property: "name", longest: 128 },
    immutable: ["name", "role"],
    id: joined(":", "role", "name"),
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    immutable: ["policyArn", "role"],
    id: joined("/", "role", "policyArn"),
  },
  "aws:iam/policy:Policy": {
    named: { property: "name", longest: 128 },
    immutable: ["description", "name", "path"],
    id: (resource) => arn(resource, "iam", `policy/${text(resource, "name")}`),
    outputs: (_, id) => ({ arn: id }),
  },
  "aws:kms/key:Key": {
    immutable: ["customerMasterKeySpec", "keyUsage", "multiRegion"],
    id: (_, unique) => unique.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    outputs: (resource, id) => ({ arn: arn(resource, "kms", `key/${id}`), keyId: id }),
  },
  "aws:kms/alias:Alias": {
    named: { property: "name", longest: 256, prefix: "alias/" },
    immutable: ["name"],
    id: joined("", "name"),
    outputs: (resource, id) => ({ arn: arn(resource, "kms", id) }),
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    named: { property: "name", longest: 512 },
    immutable: ["logGroupClass", "name"],
    id: joined("", "name"),
    outputs: (resource, id) => ({ arn: arn(resource, "logs", `log-group:${id}`) }),
  },
  "aws:s3/bucket:Bucket": {
    named: { property: "bucket", longest: 63 },
    immutable: ["bucket", "bucketPrefix", "objectLockEnabled"],
    id: joined("", "bucket"),
    outputs: (resource, id) => ({
      arn: arn(resource, "s3", id),
      bucketDomainName: `${id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${id}.s3.${resource.region}.amazonaws.com`,
      region: resource.region,
    }),
  },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ofBucket,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ofBucket,
  "aws:s3/bucketPolicy:BucketPolicy": ofBucket,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ofBucket,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ofBucket,
  "aws:s3/bucketVersioning:BucketVersioning": ofBucket,
  "aws:rds/instance:Instance": {
    named: { property: "identifier", longest: 63 },
    immutable: ["availabilityZone", "dbName", "engine", "identifier", "kmsKeyId", "storageEncrypted", "username"],
    id: (_, unique) => `db-${unique.slice(0, 26).toUpperCase()}`,
    outputs: (resource, id) => {
      const address = `${text(resource, "identifier")}.c${digits(id).toLowerCase().slice(0, 11)}.${resource.region}.rds.amazonaws.com`;
      const port = Number(resource.inputs.port ?? 5432);
      return {
        address,
        arn: arn(resource, "rds", `db:${text(resource, "identifier")}`),
        endpoint: `${address}:${port}`,
        port,
        resourceId: id,
        status: "available",
        ...(resource.inputs.manageMasterUserPassword === true
          ? { masterUserSecrets: [{ secretArn: arn(resource, "secretsmanager", `secret:rds!${id}`) }] }
          : {}),
      };
    },
  },
  "aws:rds/parameterGroup:ParameterGroup": {
    named: { property: "name", longest: 255 },
    immutable: ["description", "family", "name"],
    id: joined("", "name"),
    outputs: (resource, id) => ({ arn: arn(resource, "rds", `pg:${id}`) }),
  },
  "aws:rds/subnetGroup:SubnetGroup": {
    named: { property: "name", longest: 255 },
    immutable: ["name"],
    id: joined("", "name"),
    outputs: (resource, id) => ({ arn: arn(resource, "rds", `subgrp:${id}`) }),
  },
  "aws:secretsmanager/secret:Secret": {
    named: { property: "name", longest: 512 },
    immutable: ["name"],
    id: (resource, unique) => arn(resource, "secretsmanager", `secret:${text(resource, "name")}-${unique.slice(0, 6)}`),
    outputs: (_, id) => ({ arn: id }),
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    immutable: ["secretId"],
    id: (resource, unique) => `${text(resource, "secretId")}|${unique}`,
    outputs: (_, id) => ({ arn: id.split("|")[0], versionId: id.split("|")[1] }),
  },
  "aws:sns/topic:Topic": {
    named: { property: "name", longest: 256 },
    immutable: ["fifoTopic", "name"],
    id: (resource) => arn(resource, "sns", text(resource, "name")),
    outputs: (_, id) => ({ arn: id }),
  },
  "aws:budgets/budget:Budget": {
    named: { property: "name", longest: 100 },
    immutable: ["accountId", "budgetType", "name"],
    id: (resource) => `${resource.account}:${text(resource, "name")}`,
    outputs: (resource) => ({ arn: `arn:aws:budgets::${resource.account}:budget/${text(resource, "name")}` }),
  },
};
