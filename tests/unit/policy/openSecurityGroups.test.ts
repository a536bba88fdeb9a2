import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { securityGroupIsNotOpen } from "../../../policy/openSecurityGroups";
import { unknown, violations } from "./violations";

describe("a security group", () => {
  const sentence = (cidrs: string): string =>
    `The security group lets ${cidrs} in: name another security group, or the ranges that need it.`;

  it.each([aws.ec2.SecurityGroup, aws.ec2.DefaultSecurityGroup])(
    "with a rule for the world in it is refused: %o",
    (resourceClass) => {
      const ingress = [
        {
          protocol: "tcp",
          fromPort: 443,
          toPort: 443,
          cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"],
          ipv6CidrBlocks: ["::/0"],
        },
      ];
      expect(violations(securityGroupIsNotOpen, resourceClass, { ingress })).toEqual([sentence("0.0.0.0/0 and ::/0")]);
    },
  );

  it("passes with its own network, another group, or an open way out", () => {
    const ingress = [{ cidrBlocks: ["10.64.0.0/16"] }, { securityGroups: [unknown] }, { self: true }];
    const egress = [{ cidrBlocks: ["0.0.0.0/0"] }];
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroup, { ingress, egress })).toEqual([]);
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroup, {})).toEqual([]);
  });

  it("rule of its own is judged by its direction", () => {
    const world = { cidrBlocks: ["0.0.0.0/0"] };
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "ingress", ...world })).toEqual([
      sentence("0.0.0.0/0"),
    ]);
    expect(
      violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "ingress", ipv6CidrBlocks: ["::/0"] }),
    ).toEqual([sentence("::/0")]);
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "egress", ...world })).toEqual([]);
    expect(
      violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, {
        type: "ingress",
        sourceSecurityGroupId: unknown,
      }),
    ).toEqual([]);
  });

  it("ingress rule of the VPC service is judged, its egress rule is not", () => {
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv4: "0.0.0.0/0" })).toEqual([
      sentence("0.0.0.0/0"),
    ]);
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv6: "::/0" })).toEqual([
      sentence("::/0"),
    ]);
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv4: "10.64.0.0/16" })).toEqual(
      [],
    );
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupEgressRule, { cidrIpv4: "0.0.0.0/0" })).toEqual([]);
  });
});
