import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import {
  bucketAclIsPrivate,
  bucketHasPublicAccessBlock,
  bucketPolicyIsNotPublic,
  publicAccessBlockIsComplete,
} from "../../../policy/publicBuckets";
import { stackViolations, unknown, violations } from "./violations";

const complete = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};

describe("a public access block", () => {
  it("passes when it blocks all four ways", () => {
    expect(
      violations(publicAccessBlockIsComplete, aws.s3.BucketPublicAccessBlock, { bucket: unknown, ...complete }),
    ).toEqual([]);
  });

  it.each(Object.keys(complete))("is refused without %s, by name", (block) => {
    for (const value of [false, undefined]) {
      const inputs = { bucket: "b", ...complete, [block]: value };
      expect(violations(publicAccessBlockIsComplete, aws.s3.BucketPublicAccessBlock, inputs)).toEqual([
        `The public access block leaves a way to the public open: set ${block} to true.`,
      ]);
    }
  });
});

describe("a bucket in a stack", () => {
  const bucket = { name: "store", resourceClass: aws.s3.Bucket, props: { bucket: unknown } };
  const block = { name: "block", resourceClass: aws.s3.BucketPublicAccessBlock };

  it("passes with an access block that takes its name from it, in a preview too", () => {
    const blocked = { ...block, props: { bucket: unknown }, dependencies: { bucket: ["store"] } };
    expect(stackViolations(bucketHasPublicAccessBlock, [bucket, blocked])).toEqual([]);
  });

  it("passes with an access block that names it", () => {
    const named = { ...bucket, props: { bucket: "acme-models" } };
    expect(
      stackViolations(bucketHasPublicAccessBlock, [named, { ...block, props: { bucket: "acme-models" } }]),
    ).toEqual([]);
  });

  it("is refused without one, and with one of another bucket", () => {
    const others = { ...block, props: { bucket: unknown }, dependencies: { bucket: ["other"] } };
    const other = { ...bucket, name: "other" };
    for (const stack of [[bucket], [bucket, other, others]])
      expect(stackViolations(bucketHasPublicAccessBlock, stack)).toEqual([
        ["store", 'Bucket "store" has no public access block: add an aws.s3.BucketPublicAccessBlock for it.'],
      ]);
  });
});

describe("a bucket's ACL", () => {
  it.each(["private", "log-delivery-write", undefined])("%s passes", (acl) => {
    expect(violations(bucketAclIsPrivate, aws.s3.BucketAcl, { bucket: "b", acl })).toEqual([]);
    expect(violations(bucketAclIsPrivate, aws.s3.Bucket, { acl })).toEqual([]);
  });

  it.each(["public-read", "public-read-write", "authenticated-read"])("%s is refused", (acl) => {
    const sentence = `The ACL "${acl}" lets people outside read the bucket: remove it, and give access to roles by a policy.`;
    expect(violations(bucketAclIsPrivate, aws.s3.BucketAcl, { bucket: "b", acl })).toEqual([sentence]);
    expect(violations(bucketAclIsPrivate, aws.s3.Bucket, { acl })).toEqual([sentence]);
  });

  it("is refused with a grant to everybody, and passes with one to an account", () => {
    const granting = (grantee: Record<string, string>) => ({
      bucket: "b",
      accessControlPolicy: { grants: [{ permission: "READ", grantee }], owner: { id: "1" } },
    });
    const everybody = granting({ type: "Group", uri: "http://acs.amazonaws.com/groups/global/AllUsers" });
    expect(violations(bucketAclIsPrivate, aws.s3.BucketAcl, everybody)).toEqual([
      "The ACL grants the bucket to http://acs.amazonaws.com/groups/global/AllUsers: remove the grant, and give access to roles by a policy.",
    ]);
    expect(violations(bucketAclIsPrivate, aws.s3.BucketAcl, granting({ type: "CanonicalUser", id: "1" }))).toEqual([]);
  });
});

describe("a bucket's policy", () => {
  const check = (statement: Record<string, unknown>): string[] =>
    violations(bucketPolicyIsNotPublic, aws.s3.BucketPolicy, {
      bucket: "b",
      policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Resource: "*", ...statement }] }),
    });
  const read = { Effect: "Allow", Action: "s3:GetObject" };
  const sentence =
    "The bucket's policy allows s3:GetObject to everybody: name the roles as principals, or narrow it by a condition such as aws:SourceVpce.";

  it.each([
    ["text", { ...read, Principal: "*" }],
    ["AWS", { ...read, Principal: { AWS: "*" } }],
    ["a list", { ...read, Principal: { AWS: ["arn:aws:iam::111122223333:root", "*"] } }],
    [
      "a condition that narrows nothing",
      { ...read, Principal: "*", Condition: { Bool: { "aws:SecureTransport": "true" } } },
    ],
    ["a wildcard as condition", { ...read, Principal: "*", Condition: { StringLike: { "aws:PrincipalArn": "*" } } }],
    [
      "a condition of all others",
      { ...read, Principal: "*", Condition: { StringNotEquals: { "aws:SourceVpce": "vpce-1" } } },
    ],
  ])("that allows everybody is refused: %s", (_, statement) => {
    expect(check(statement)).toEqual([sentence]);
  });

  it.each([
    ["a role", { ...read, Principal: { AWS: "arn:aws:iam::111122223333:role/tasks" } }],
    ["a service", { ...read, Principal: { Service: "logging.s3.amazonaws.com" } }],
    [
      "everybody of one endpoint",
      { ...read, Principal: "*", Condition: { StringEquals: { "aws:SourceVpce": "vpce-1" } } },
    ],
    [
      "everybody of one organisation",
      { ...read, Principal: "*", Condition: { StringEquals: { "aws:principalorgid": "o-1" } } },
    ],
    [
      "a refusal to all",
      { Effect: "Deny", Action: "s3:*", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
    ],
  ])("passes: %s", (_, statement) => {
    expect(check(statement)).toEqual([]);
  });

  it("written into the bucket, or as a value, is judged the same", () => {
    const policy = { Version: "2012-10-17", Statement: { ...read, Principal: "*", Resource: "*" } };
    expect(violations(bucketPolicyIsNotPublic, aws.s3.Bucket, { policy: JSON.stringify(policy) })).toEqual([sentence]);
    expect(violations(bucketPolicyIsNotPublic, aws.s3.BucketPolicy, { policy })).toEqual([sentence]);
  });

  it("that is not known yet, or no JSON, is left to the update and to AWS", () => {
    for (const policy of [unknown, "not JSON"])
      expect(violations(bucketPolicyIsNotPublic, aws.s3.BucketPolicy, { bucket: "b", policy })).toEqual([]);
  });
});
