import * as pulumi from "@pulumi/pulumi";
import { type AwsArtifactStore, storeRoots } from "./artifactStore";
import { type InputError, refuse } from "../core/inputErrors";
import { storeStatements } from "./storePermissions";

export interface ExistingArtifactStoreArgs {
  /** Name of the bucket. */
  bucket: string;

  /** Region of the bucket. */
  region: string;

  /** Key that the bucket is encrypted with, if pods need permission for it. */
  kmsKeyArn?: string | undefined;

  /** Address of an S3-compatible store that is not AWS. */
  endpoint?: string | undefined;

  /** Kubernetes secret in the jobs' namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where pods have no role. */
  credentialsSecret?: string | undefined;
}

/**
 * A bucket that was there before the platform; nothing in it is made, changed or deleted, not even a lifecycle rule: its owner sees to
 * it that checkpoints (`metaflow/mf.checkpoints/`) and aborted uploads go some day.
 *
 * @example
 * ```ts
 * const store = existingArtifactStore({ bucket: "post-training", region: "us-east-1", kmsKeyArn: "arn:aws:kms:..." });
 * ```
 */
export function existingArtifactStore(args: ExistingArtifactStoreArgs): AwsArtifactStore {
  refuse("existingArtifactStore", args.bucket, argumentErrors(args));
  const { region, endpoint, kmsKeyArn, credentialsSecret } = args;
  const bucket = pulumi.output(args.bucket);
  const uri = pulumi.interpolate`s3://${bucket}`;
  return {
    uri,
    ...storeRoots(uri),
    bucket,
    region,
    environment: pulumi.output<Record<string, string>>({
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      ...(endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: endpoint }),
    }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentialsSecret === undefined ? {} : { credentialsSecret }),
    statements: (access) =>
      endpoint === undefined
        ? storeStatements(
            {
              bucketArn: `arn:${partitionOf(region)}:s3:::${args.bucket}`,
              ...(kmsKeyArn === undefined ? {} : { keyArn: kmsKeyArn }),
              region,
            },
            access,
          )
        : [],
  };
}

/** AWS's partition that a region belongs to: the second part of every ARN. */
function partitionOf(region: string): string {
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

function argumentErrors({ bucket, region, kmsKeyArn, endpoint }: ExistingArtifactStoreArgs): InputError[] {
  const errors: InputError[] = [];
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    errors.push({
      propertyPath: "bucket",
      reason: "must be the bucket's bare name, without s3:// and without a folder",
    });
  }
  if (endpoint === undefined && !/^[a-z]{2,}(?:-[a-z]+)+-\d$/.test(region)) {
    errors.push({ propertyPath: "region", reason: `"${region}" is no region of AWS; write one such as "us-east-1"` });
  }
  if (region.startsWith("cn-")) {
    errors.push({
      propertyPath: "region",
      reason: "AWS in China names its services otherwise, which is not supported",
    });
  }
  if (kmsKeyArn !== undefined) {
    const keyRegion = /^arn:[a-z-]+:kms:([a-z0-9-]+):\d{12}:key\/.+$/.exec(kmsKeyArn)?.[1];
    if (keyRegion === undefined) {
      // IAM ignores aliases in a policy's resources: the permission would be there and not work.
      errors.push({
        propertyPath: "kmsKeyArn",
        reason: 'must be the ARN of the key itself, "arn:aws:kms:...:key/..."',
      });
    } else if (keyRegion !== region) {
      errors.push({
        propertyPath: "kmsKeyArn",
        reason: `the key is in ${keyRegion}, the bucket in ${region}; S3 takes keys of its own region only`,
      });
    }
    if (endpoint !== undefined) {
      errors.push({ propertyPath: "kmsKeyArn", reason: "only AWS has KMS keys; leave out either this or endpoint" });
    }
  }
  if (endpoint !== undefined && !/^https?:\/\/[^/]+\/?$/.test(endpoint)) {
    errors.push({
      propertyPath: "endpoint",
      reason: 'must be an address such as "https://s3.lab.example.com", without a path',
    });
  }
  return errors;
}
