import * as pulumi from "@pulumi/pulumi";
import type { StoreAccess } from "./artifactStore";
import type { PolicyStatement } from "../core/serviceAccountRole";

/** A bucket as IAM sees it. */
export interface StoreResources {
  readonly bucketArn: pulumi.Input<string>;
  /** Key that its objects are encrypted with, where a caller needs permission for it. */
  readonly keyArn?: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
}

const bucketActions: Readonly<Record<StoreAccess, readonly string[]>> = {
  read: ["s3:GetBucketLocation", "s3:ListBucket"],
  "read-write": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
};

const objectActions: Readonly<Record<StoreAccess, readonly string[]>> = {
  read: ["s3:GetObject"],
  // No s3:DeleteObjectVersion: whatever a task deletes or overwrites can be brought back until the lifecycle takes it.
  "read-write": [
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
  ],
};

const keyActions: Readonly<Record<StoreAccess, readonly string[]>> = {
  read: ["kms:Decrypt"],
  // S3 decrypts the parts of a multipart upload when it puts them together, so writers need both.
  "read-write": ["kms:Decrypt", "kms:GenerateDataKey"],
};

/** What a role needs to list, read and write the objects of a bucket, and nothing else; its key only by way of S3. */
export function storeStatements(store: StoreResources, access: StoreAccess): PolicyStatement[] {
  const bucket = pulumi.output(store.bucketArn);
  return [
    { Effect: "Allow", Action: bucketActions[access], Resource: [bucket] },
    { Effect: "Allow", Action: objectActions[access], Resource: [pulumi.interpolate`${bucket}/*`] },
    ...(store.keyArn === undefined
      ? []
      : [
          {
            Effect: "Allow" as const,
            Action: keyActions[access],
            Resource: [store.keyArn],
            Condition: { StringEquals: { "kms:ViaService": pulumi.interpolate`s3.${store.region}.amazonaws.com` } },
          },
        ]),
  ];
}
