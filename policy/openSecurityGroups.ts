import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { isTheWorld } from "./addresses";
import { type Report, rule } from "./rule";

function check(cidrs: readonly (string | undefined)[], report: Report): void {
  const open = cidrs.filter((cidr): cidr is string => cidr !== undefined && isTheWorld(cidr));
  if (open.length > 0)
    report(
      `The security group lets ${open.join(" and ")} in: name another security group, or the ranges that need it.`,
    );
}

/** Rules written into the group itself. */
const inline = (
  group: { readonly ingress?: readonly { readonly cidrBlocks?: string[]; readonly ipv6CidrBlocks?: string[] }[] },
  report: Report,
): void => {
  for (const { cidrBlocks, ipv6CidrBlocks } of group.ingress ?? [])
    check([...(cidrBlocks ?? []), ...(ipv6CidrBlocks ?? [])], report);
};

/**
 * No security group lets the world in, on any port.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
 */
export const securityGroupIsNotOpen: ResourceValidationPolicy = {
  name: "security-group-is-not-open",
  description: "A security group must not let the world in.",
  severity: "critical",
  validateResource: [
    rule(aws.ec2.SecurityGroup, inline),
    rule(aws.ec2.DefaultSecurityGroup, inline),
    rule(aws.ec2.SecurityGroupRule, ({ type, cidrBlocks, ipv6CidrBlocks }, report) => {
      if (type === "ingress") check([...(cidrBlocks ?? []), ...(ipv6CidrBlocks ?? [])], report);
    }),
    rule(aws.vpc.SecurityGroupIngressRule, ({ cidrIpv4, cidrIpv6 }, report) => {
      check([cidrIpv4, cidrIpv6], report);
    }),
  ],
};
