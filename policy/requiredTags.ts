import * as aws from "@pulumi/aws";
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import { ifKnown, rule } from "./rule";

/** Everything that costs money or holds data says whose it is: budgets, the idle-cost output and teardown's sweep go by tags. */

/** Tag with the time after which teardown may destroy a stack. */
const expiryTag = "expires-at";

/** Types that cost money or hold data, and can be tagged. What has no tags (a policy, a route) goes with one of these. */
const tagged: ReadonlySet<string> = new Set([
  "aws:autoscaling/group:Group",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ebs/snapshot:Snapshot",
  "aws:ebs/volume:Volume",
  "aws:ec2/capacityBlockReservation:CapacityBlockReservation",
  "aws:ec2/capacityReservation:CapacityReservation",
  "aws:ec2/eip:Eip",
  "aws:ec2/instance:Instance",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ecr/repository:Repository",
  "aws:efs/fileSystem:FileSystem",
  "aws:eks/addon:Addon",
  "aws:eks/cluster:Cluster",
  "aws:eks/nodeGroup:NodeGroup",
  "aws:fsx/lustreFileSystem:LustreFileSystem",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:kms/key:Key",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:rds/cluster:Cluster",
  "aws:rds/instance:Instance",
  "aws:s3/bucket:Bucket",
  "aws:secretsmanager/secret:Secret",
  "aws:sns/topic:Topic",
  "aws:sqs/queue:Queue",
]);

type Tags = Readonly<Record<string, unknown>>;

const isTags = (value: unknown): value is Tags => typeof value === "object" && value !== null && !Array.isArray(value);

/** The provider's default tags. The engine has a provider's nested inputs as JSON. */
function defaultTags({ provider }: ResourceValidationArgs): Tags {
  const value = provider?.props.defaultTags as unknown;
  const read = typeof value === "string" ? (JSON.parse(value) as unknown) : value;
  const tags = isTags(read) ? read.tags : undefined;
  return isTags(tags) ? tags : {};
}

/**
 * All tags of a resource.
 *
 * @returns undefined if some of them are not known yet
 */
function tagsOf(args: ResourceValidationArgs): Tags | undefined {
  return ifKnown(() => {
    const own = args.props.tags as unknown;
    // An auto scaling group has a list of keys and values, a launch template's own tags are its `tags`.
    const pairs = Array.isArray(own)
      ? own.map((tag: { key: string; value: unknown }) => [tag.key, tag.value] as const)
      : Object.entries(isTags(own) ? own : {});
    return { ...defaultTags(args), ...Object.fromEntries(pairs) };
  });
}

const missing = (tags: Tags, wanted: readonly string[]): string[] =>
  wanted.filter((key) => tags[key] === undefined || tags[key] === "");

/**
 * Everything that can be tagged says project, stack and owner, by the provider's default tags or its own.
 *
 * @severity medium
 * @link https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
 */
export const requiredTagsArePresent: ResourceValidationPolicy = {
  name: "required-tags-are-present",
  description: "What costs money or holds data must say by tags whose it is.",
  severity: "medium",
  configSchema: {
    properties: {
      tags: { type: "array", items: { type: "string" }, default: ["project", "stack", "owner"], minItems: 1 },
    },
  },
  validateResource: (args, report) => {
    if (!tagged.has(args.type)) return;
    const tags = tagsOf(args);
    const keys = tags === undefined ? [] : missing(tags, args.getConfig<{ tags: string[] }>().tags);
    if (keys.length > 0)
      report(`Tags are missing: give the AWS provider defaultTags, or the resource tags, with ${keys.join(", ")}.`);
  },
};

/**
 * Instances and volumes that a launch template makes carry the tags too: the provider's default tags end at the template.
 *
 * @severity medium
 * @link https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html#launch-template-tagging
 */
export const launchTemplateTagsItsInstances: ResourceValidationPolicy = {
  name: "launch-template-tags-its-instances",
  description: "A launch template must tag the instances and volumes that it makes.",
  severity: "medium",
  configSchema: requiredTagsArePresent.configSchema,
  validateResource: rule(aws.ec2.LaunchTemplate, ({ tagSpecifications }, report, args) => {
    const wanted = args.getConfig<{ tags: string[] }>().tags;
    for (const kind of ["instance", "volume"]) {
      const tags = tagSpecifications?.find(({ resourceType }) => resourceType === kind)?.tags ?? {};
      const keys = missing(tags, wanted);
      if (keys.length > 0)
        report(
          `Each ${kind} of the launch template lacks tags: add a tagSpecifications entry of type ${kind} with ${keys.join(", ")}.`,
        );
    }
  }),
};

/**
 * Everything in an experiment says when it may be destroyed. Off in the platform, which has no end.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-use-cases.html
 */
export const experimentExpires: ResourceValidationPolicy = {
  name: "experiment-expires",
  description: "What belongs to an experiment must say when it may be destroyed.",
  severity: "high",
  validateResource: (args, report) => {
    const tags = tagged.has(args.type) ? tagsOf(args) : undefined;
    if (tags === undefined) return;
    const value = tags[expiryTag];
    if (value === undefined)
      report(
        `The tag ${expiryTag} is missing: give the AWS provider a default tag with the time of the experiment's end.`,
      );
    else if (typeof value !== "string" || Number.isNaN(Date.parse(value)))
      report(`The tag ${expiryTag} is ${JSON.stringify(value)}: it must be a time such as "2026-12-01T18:00:00Z".`);
  },
};
