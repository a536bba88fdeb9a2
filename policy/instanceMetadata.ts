import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { type Report, rule } from "./rule";

/** Hops that an answer of the metadata service may take: one to the node, two to a container on it. */
const mostHops = 2;

interface MetadataOptions {
  readonly httpEndpoint?: string;
  readonly httpTokens?: string;
  readonly httpPutResponseHopLimit?: number;
}

function check(options: MetadataOptions | undefined, report: Report): void {
  if (options?.httpEndpoint === "disabled") return;
  if (options?.httpTokens !== "required")
    report(
      'The instance metadata service answers without a token (IMDSv1): set metadataOptions.httpTokens to "required".',
    );
  if ((options?.httpPutResponseHopLimit ?? 1) > mostHops)
    report(
      `The instance metadata service answers across more than ${mostHops} hops: set metadataOptions.httpPutResponseHopLimit to 2 or 1.`,
    );
}

/**
 * Instances hand their role's credentials out by IMDSv2 only, and not further than to a container on them.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export const instanceMetadataNeedsToken: ResourceValidationPolicy = {
  name: "instance-metadata-needs-token",
  description: "Instances must require IMDSv2, with a hop limit of two at most.",
  severity: "high",
  validateResource: [
    rule(aws.ec2.LaunchTemplate, ({ metadataOptions }, report) => {
      check(metadataOptions, report);
    }),
    rule(aws.ec2.Instance, ({ metadataOptions }, report) => {
      check(metadataOptions, report);
    }),
  ],
};

/**
 * Every node group has a launch template: what EKS makes up without one shows in no preview, neither its metadata service nor its disk.
 *
 * @severity medium
 * @link https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
 */
export const nodeGroupHasLaunchTemplate: ResourceValidationPolicy = {
  name: "node-group-has-launch-template",
  description: "An EKS node group must name its launch template.",
  severity: "medium",
  validateResource: rule(aws.eks.NodeGroup, ({ launchTemplate }, report) => {
    if (launchTemplate === undefined)
      report("The node group has no launch template: give it one that requires IMDSv2 and encrypts the disk.");
  }),
};
