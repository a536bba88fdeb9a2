import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { type Statement, statementsOf } from "./iamDocument";
import { type Report, rule } from "./rule";

const isWildcard = (text: string): boolean => /[*?]/.test(text);

/** True for "*" and for ARNs that name nothing: arn:aws:s3:::*, arn:aws:ec2:*:*:*. */
function isEverything(resource: string): boolean {
  return resource === "*" || /^arn:[^:]*:[^:]*:[^:]*:[^:]*:\*$/.test(resource);
}

/** What a statement allows by wildcards on everything; empty if nothing. */
function overreach({ effect, actions, notActions, resources, notResources }: Statement): string[] {
  if (effect !== "Allow") return [];
  if (!resources.some(isEverything) && notResources.length === 0) return [];
  return [...actions.filter(isWildcard), ...notActions.map((action) => `everything but ${action}`)];
}

function checkDocument(document: unknown, report: Report): void {
  for (const statement of statementsOf(document)) {
    const actions = overreach(statement);
    if (actions.length > 0)
      report(
        `The policy allows ${actions.join(", ")} on every resource: name the actions, or the resources that they are for.`,
      );
  }
}

/**
 * No IAM policy allows wildcard actions on wildcard resources. Actions that know no resources (ec2:DescribeInstances) are named one by one.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
 */
export const policyHasNoWildcards: ResourceValidationPolicy = {
  name: "policy-has-no-wildcards",
  description: "An IAM policy must not allow wildcard actions on wildcard resources.",
  severity: "high",
  validateResource: [
    rule(aws.iam.Policy, ({ policy }, report) => {
      checkDocument(policy, report);
    }),
    rule(aws.iam.RolePolicy, ({ policy }, report) => {
      checkDocument(policy, report);
    }),
    rule(aws.iam.UserPolicy, ({ policy }, report) => {
      checkDocument(policy, report);
    }),
    rule(aws.iam.GroupPolicy, ({ policy }, report) => {
      checkDocument(policy, report);
    }),
    rule(aws.iam.Role, ({ inlinePolicies }, report) => {
      for (const { policy } of inlinePolicies ?? []) checkDocument(policy, report);
    }),
  ],
};

/** AWS's own policies that allow everything, or everything but the account's own administration. */
const unlimited = /:iam::aws:policy\/(?:AdministratorAccess|PowerUserAccess)$/;

function checkAttached(arns: readonly (string | undefined)[], report: Report): void {
  for (const arn of arns)
    if (arn !== undefined && unlimited.test(arn))
      report(
        `The AWS policy ${arn.split("/").at(-1) ?? arn} allows everything: attach a policy that names what is needed.`,
      );
}

/**
 * Nobody is given AWS's policies that allow everything.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html
 */
export const attachedPolicyIsLimited: ResourceValidationPolicy = {
  name: "attached-policy-is-limited",
  description: "AdministratorAccess and PowerUserAccess must not be attached.",
  severity: "critical",
  validateResource: [
    rule(aws.iam.RolePolicyAttachment, ({ policyArn }, report) => {
      checkAttached([policyArn], report);
    }),
    rule(aws.iam.UserPolicyAttachment, ({ policyArn }, report) => {
      checkAttached([policyArn], report);
    }),
    rule(aws.iam.GroupPolicyAttachment, ({ policyArn }, report) => {
      checkAttached([policyArn], report);
    }),
    rule(aws.iam.PolicyAttachment, ({ policyArn }, report) => {
      checkAttached([policyArn], report);
    }),
    rule(aws.iam.Role, ({ managedPolicyArns }, report) => {
      checkAttached(managedPolicyArns ?? [], report);
    }),
  ],
};
