import * as pulumi from "@pulumi/pulumi";
import { type AwsArtifactStore, storeRoots } from "./artifactStore";
import { bucketNameProblem } from "../core/awsNames";
import { type Check, checked, refuse, valueErrors, writtenValue } from "../core/inputErrors";
import { kubernetesNameProblem } from "../core/kubernetesNames";
import {
  awsRegionProblem,
  existingArtifactStoreArgumentErrors,
  keyProblem,
  storeEndpointProblem,
  storeRegionProblem,
} from "./existingArtifactStoreArguments";
import { storeStatements } from "./storePermissions";

/** Arguments of `existingArtifactStore`. Inputs take outputs of other resources. */
export interface ExistingArtifactStoreArgs {
  /**
   * Name of the bucket.
   *
   * @example
   * ```ts
   * { bucket: "team-models", region: "us-east-1" }
   * ```
   */
  bucket: pulumi.Input<string>;

  /**
   * Region of the bucket. A store that is not AWS's calls it what it wants.
   *
   * @example
   * ```ts
   * { region: "us-east-1" }
   * ```
   */
  region: pulumi.Input<string>;

  /**
   * ARN of the key that the bucket is encrypted with, if pods need permission for it.
   *
   * @default no permission for any key
   * @example
   * ```ts
   * { kmsKeyArn: key.arn }
   * ```
   */
  kmsKeyArn?: pulumi.Input<string> | undefined;

  /**
   * Address of an S3-compatible store that is not AWS.
   *
   * @default AWS
   * @example
   * ```ts
   * { bucket: "models", region: "lab", endpoint: "https://s3.lab.example.com", credentialsSecret: "store-credentials" }
   * ```
   */
  endpoint?: pulumi.Input<string> | undefined;

  /**
   * Kubernetes secret in the jobs' namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where pods have no role.
   *
   * @default none: pods have a role
   * @example
   * ```ts
   * { credentialsSecret: "store-credentials" }
   * ```
   */
  credentialsSecret?: pulumi.Input<string> | undefined;
}

/**
 * A bucket that was there before the platform; nothing in it is made, changed or deleted, not even a lifecycle rule: its owner sees to
 * it that checkpoints (`metaflow/mf.checkpoints/`) and aborted uploads go some day.
 *
 * **Cost**: none of its own.
 *
 * **Teardown**: the bucket stays, with all that is in it.
 *
 * @example
 * ```ts
 * const store = existingArtifactStore({ bucket: "post-training", region: "us-east-1", kmsKeyArn: "arn:aws:kms:..." });
 * ```
 */
export function existingArtifactStore(args: ExistingArtifactStoreArgs): AwsArtifactStore {
  const name = writtenValue(args.bucket) ?? "store";
  refuse("existingArtifactStore", name, existingArtifactStoreArgumentErrors(args));
  const { kmsKeyArn, endpoint, credentialsSecret } = args;
  const known = (propertyPath: string, value: pulumi.Input<string>, check: Check<string>) =>
    pulumi.output(checked("existingArtifactStore", name, propertyPath, value, check));
  const bucket = known("bucket", args.bucket, bucketNameProblem);
  const region = known("region", args.region, endpoint === undefined ? awsRegionProblem : storeRegionProblem);
  const address = endpoint === undefined ? undefined : known("endpoint", endpoint, storeEndpointProblem);
  // Either may be an output, and the two must be of one region.
  const keyOfBucket = (kmsKeyArn: pulumi.Input<string>) =>
    pulumi.all([kmsKeyArn, region]).apply(([arn, of]) => {
      refuse(
        "existingArtifactStore",
        name,
        valueErrors("kmsKeyArn", arn, (value) => keyProblem(value, of)),
      );
      return arn;
    });
  const uri = pulumi.interpolate`s3://${bucket}`;
  return {
    uri,
    ...storeRoots(uri),
    bucket,
    region,
    environment: pulumi.all([region, address]).apply(([name, url]): Record<string, string> => ({
      AWS_REGION: name,
      AWS_DEFAULT_REGION: name,
      ...(url === undefined ? {} : { AWS_ENDPOINT_URL_S3: url }),
    })),
    ...(address === undefined ? {} : { endpoint: address }),
    ...(credentialsSecret === undefined
      ? {}
      : { credentialsSecret: known("credentialsSecret", credentialsSecret, kubernetesNameProblem) }),
    statements: (access) =>
      address === undefined
        ? storeStatements(
            {
              bucketArn: pulumi.interpolate`arn:${region.apply(partitionOf)}:s3:::${bucket}`,
              ...(kmsKeyArn === undefined ? {} : { keyArn: keyOfBucket(kmsKeyArn) }),
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
