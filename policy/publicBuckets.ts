import * as aws from "@pulumi/aws";
import type { PolicyResource, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { principalsOf, statementsOf } from "./iamDocument";
import { ifKnown, type Report, rule } from "./rule";

/** No bucket can be read or written by people outside. */

const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const;

/**
 * A public access block blocks all four ways to the public.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
 */
export const publicAccessBlockIsComplete: ResourceValidationPolicy = {
  name: "public-access-block-is-complete",
  description: "A bucket's public access block must block every way to the public.",
  severity: "critical",
  validateResource: rule(aws.s3.BucketPublicAccessBlock, (inputs, report) => {
    const open = blocks.filter((block) => inputs[block] !== true);
    if (open.length > 0)
      report(`The public access block leaves a way to the public open: set ${open.join(", ")} to true.`);
  }),
};

/**
 * Every bucket has a public access block of its own; the account's may be lifted by others.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
 */
export const bucketHasPublicAccessBlock: StackValidationPolicy = {
  name: "bucket-has-public-access-block",
  description: "Every bucket must have a public access block.",
  severity: "high",
  validateStack: ({ resources }, report) => {
    for (const bucket of resources.filter((resource) => resource.type === "aws:s3/bucket:Bucket")) {
      const isBlocked = resources.some(
        (resource) =>
          resource.type === "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock" && isOf(resource, bucket),
      );
      if (!isBlocked)
        report(
          `Bucket "${bucket.name}" has no public access block: add an aws.s3.BucketPublicAccessBlock for it.`,
          bucket.urn,
        );
    }
  },
};

/** True if the part of a bucket names the bucket: by an output of it, or by its name. */
function isOf(part: PolicyResource, bucket: PolicyResource): boolean {
  if (part.propertyDependencies.bucket?.some(({ urn }) => urn === bucket.urn) === true) return true;
  const named = ifKnown(() => part.props.bucket as unknown);
  return named !== undefined && named === ifKnown(() => bucket.props.bucket as unknown);
}

const publicAcls: readonly string[] = ["public-read", "public-read-write", "authenticated-read"];
const everybody = /^http:\/\/acs\.amazonaws\.com\/groups\/global\/(?:AllUsers|AuthenticatedUsers)$/;

function checkCannedAcl(acl: string | undefined, report: Report): void {
  if (acl !== undefined && publicAcls.includes(acl))
    report(`The ACL "${acl}" lets people outside read the bucket: remove it, and give access to roles by a policy.`);
}

/**
 * No access control list grants a bucket to everybody, or to everybody with an AWS account.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
 */
export const bucketAclIsPrivate: ResourceValidationPolicy = {
  name: "bucket-acl-is-private",
  description: "A bucket's ACL must not grant anything to everybody.",
  severity: "critical",
  validateResource: [
    rule(aws.s3.Bucket, (inputs, report) => {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- it still works, and so must be judged
      checkCannedAcl(inputs.acl, report);
    }),
    rule(aws.s3.BucketAcl, (inputs, report) => {
      checkCannedAcl(inputs.acl, report);
      for (const { grantee } of inputs.accessControlPolicy?.grants ?? []) {
        if (grantee?.uri !== undefined && everybody.test(grantee.uri))
          report(
            `The ACL grants the bucket to ${grantee.uri}: remove the grant, and give access to roles by a policy.`,
          );
      }
    }),
  ],
};

/** Conditions that leave no way to the public, by what S3 itself takes for a policy that is not public. */
const narrowing = [
  "aws:PrincipalAccount",
  "aws:PrincipalArn",
  "aws:PrincipalOrgID",
  "aws:PrincipalOrgPaths",
  "aws:SourceAccount",
  "aws:SourceArn",
  "aws:SourceOrgID",
  "aws:SourceVpc",
  "aws:SourceVpce",
  "aws:userId",
  "s3:DataAccessPointAccount",
  "s3:DataAccessPointArn",
].map((key) => key.toLowerCase());

function isNarrowed(condition: Readonly<Record<string, unknown>> | undefined): boolean {
  return Object.entries(condition ?? {}).some(
    ([operator, keys]) =>
      /^(?:ForAnyValue:|ForAllValues:)?(?:String|Arn)(?:Equals|Like)/i.test(operator) &&
      Object.entries(typeof keys === "object" && keys !== null ? keys : {}).some(
        ([key, values]) => narrowing.includes(key.toLowerCase()) && ![values].flat().includes("*"),
      ),
  );
}

/**
 * No bucket policy allows anything to everybody.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
 */
export const bucketPolicyIsNotPublic: ResourceValidationPolicy = {
  name: "bucket-policy-is-not-public",
  description: "A bucket's policy must not allow anything to everybody.",
  severity: "critical",
  validateResource: [
    rule(aws.s3.BucketPolicy, ({ policy }, report) => {
      checkPolicy(policy, report);
    }),
    rule(aws.s3.Bucket, (inputs, report) => {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- it still works, and so must be judged
      checkPolicy(inputs.policy, report);
    }),
  ],
};

function checkPolicy(policy: unknown, report: Report): void {
  for (const statement of statementsOf(policy)) {
    if (statement.effect === "Allow" && principalsOf(statement).includes("*") && !isNarrowed(statement.condition))
      report(
        `The bucket's policy allows ${statement.actions.join(", ")} to everybody: name the roles as principals, or narrow it by a condition such as aws:SourceVpce.`,
      );
  }
}
