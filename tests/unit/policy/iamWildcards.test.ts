import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { attachedPolicyIsLimited, policyHasNoWildcards } from "../../../policy/iamWildcards";
import { statementsOf } from "../../../policy/iamDocument";
import { unknown, violations } from "./violations";

const document = (...statements: Record<string, unknown>[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const sentence = (actions: string): string =>
  `The policy allows ${actions} on every resource: name the actions, or the resources that they are for.`;
const check = (statement: Record<string, unknown>): string[] =>
  violations(policyHasNoWildcards, aws.iam.RolePolicy, { role: unknown, policy: document(statement) });

describe("an IAM policy", () => {
  it.each([
    ["everything", { Effect: "Allow", Action: "*", Resource: "*" }, "*"],
    ["a service", { Effect: "Allow", Action: ["s3:GetObject", "ec2:*"], Resource: ["*"] }, "ec2:*"],
    ["part of a service", { Effect: "Allow", Action: "ec2:Describe*", Resource: "*" }, "ec2:Describe*"],
    ["one letter left open", { Effect: "Allow", Action: "s3:GetObjec?", Resource: "*" }, "s3:GetObjec?"],
    ["every bucket", { Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" }, "s3:*"],
    ["everything of EC2", { Effect: "Allow", Action: "ec2:*", Resource: "arn:aws:ec2:*:111122223333:*" }, "ec2:*"],
    ["everything but one", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }, "everything but iam:*"],
    ["on all but one", { Effect: "Allow", Action: "s3:*", NotResource: "arn:aws:s3:::secrets/*" }, "s3:*"],
    [
      "under a condition",
      { Effect: "Allow", Action: "s3:*", Resource: "*", Condition: { Bool: { "aws:MultiFactorAuthPresent": "true" } } },
      "s3:*",
    ],
  ])("that allows %s is refused", (_, statement, actions) => {
    expect(check(statement)).toEqual([sentence(actions)]);
  });

  it.each([
    [
      "named actions on everything",
      { Effect: "Allow", Action: ["ec2:DescribeInstances", "ec2:DescribeSubnets"], Resource: "*" },
    ],
    ["wildcards on one thing", { Effect: "Allow", Action: "s3:*", Resource: ["arn:aws:s3:::acme-models/*"] }],
    ["a refusal", { Effect: "Deny", Action: "*", Resource: "*" }],
  ])("passes with %s", (_, statement) => {
    expect(check(statement)).toEqual([]);
  });

  it("has each of its statements judged", () => {
    const policy = document(
      { Effect: "Allow", Action: "ec2:*", Resource: "*" },
      { Effect: "Allow", Action: "s3:GetObject", Resource: "*" },
      { Effect: "Allow", Action: "kms:*", Resource: "*" },
    );
    expect(violations(policyHasNoWildcards, aws.iam.Policy, { policy })).toEqual([
      sentence("ec2:*"),
      sentence("kms:*"),
    ]);
  });

  it.each([aws.iam.Policy, aws.iam.RolePolicy, aws.iam.UserPolicy, aws.iam.GroupPolicy])(
    "is judged wherever it stands: %o",
    (resourceClass) => {
      const policy = document({ Effect: "Allow", Action: "*", Resource: "*" });
      expect(violations(policyHasNoWildcards, resourceClass, { policy })).toEqual([sentence("*")]);
      expect(violations(policyHasNoWildcards, resourceClass, { policy: JSON.parse(policy) as unknown })).toEqual([
        sentence("*"),
      ]);
      expect(violations(policyHasNoWildcards, resourceClass, { policy: unknown })).toEqual([]);
    },
  );

  it("in a role is judged too", () => {
    const inlinePolicies = [{ name: "all", policy: document({ Effect: "Allow", Action: "*", Resource: "*" }) }];
    expect(violations(policyHasNoWildcards, aws.iam.Role, { assumeRolePolicy: unknown, inlinePolicies })).toEqual([
      sentence("*"),
    ]);
    expect(violations(policyHasNoWildcards, aws.iam.Role, { assumeRolePolicy: "{}" })).toEqual([]);
  });
});

describe("AWS's own policies", () => {
  it.each([
    aws.iam.RolePolicyAttachment,
    aws.iam.UserPolicyAttachment,
    aws.iam.GroupPolicyAttachment,
    aws.iam.PolicyAttachment,
  ])("that allow everything are refused: %o", (resourceClass) => {
    for (const name of ["AdministratorAccess", "PowerUserAccess"])
      expect(
        violations(attachedPolicyIsLimited, resourceClass, { policyArn: `arn:aws:iam::aws:policy/${name}` }),
      ).toEqual([`The AWS policy ${name} allows everything: attach a policy that names what is needed.`]);
  });

  it("that are limited pass, as do policies that are not known yet", () => {
    for (const policyArn of ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", unknown])
      expect(violations(attachedPolicyIsLimited, aws.iam.RolePolicyAttachment, { policyArn })).toEqual([]);
  });

  it("named by a role are judged too", () => {
    const managedPolicyArns = ["arn:aws:iam::aws:policy/AdministratorAccess"];
    expect(violations(attachedPolicyIsLimited, aws.iam.Role, { managedPolicyArns })).toHaveLength(1);
    expect(violations(attachedPolicyIsLimited, aws.iam.Role, {})).toEqual([]);
  });
});

describe("a policy document", () => {
  it("is read in every form that AWS takes", () => {
    const one = { Effect: "Allow", Action: "a:B", Resource: "r" };
    expect(statementsOf({ Statement: one })).toEqual(statementsOf(document(one)));
    expect(statementsOf(document({ ...one, Action: ["a:B"], Resource: ["r"] }))).toEqual(statementsOf(document(one)));
  });

  it.each([undefined, null, "", "[1]", "{}", 7, { Statement: [null, "text"] }])("%j has no statements", (value) => {
    expect(statementsOf(value)).toEqual([]);
  });
});
