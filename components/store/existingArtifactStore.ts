import * as pulumi from "@pulumi/pulumi";
import { type AwsArtifactStore, storeRoots } from "./artifactStore";
import { refuse } from "../core/inputErrors";
import { existingArtifactStoreArgumentErrors } from "./existingArtifactStoreArguments";
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
  refuse("existingArtifactStore", args.bucket, existingArtifactStoreArgumentErrors(args));
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
