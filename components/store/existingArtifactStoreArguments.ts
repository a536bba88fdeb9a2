import type * as pulumi from "@pulumi/pulumi";
import { bucketNameProblem, keyArnProblem, regionProblem } from "../core/awsNames";
import { type InputError, valueErrors, writtenValue } from "../core/inputErrors";
import { kubernetesNameProblem } from "../core/kubernetesNames";

/** Everything that is wrong with the arguments of `existingArtifactStore`, and what to write instead. */
export function existingArtifactStoreArgumentErrors(args: {
  readonly bucket: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly kmsKeyArn?: pulumi.Input<string> | undefined;
  readonly endpoint?: pulumi.Input<string> | undefined;
  readonly credentialsSecret?: pulumi.Input<string> | undefined;
}): InputError[] {
  const { bucket, region, kmsKeyArn, endpoint, credentialsSecret } = args;
  return [
    ...valueErrors("bucket", bucket, bucketNameProblem),
    ...valueErrors("region", region, endpoint === undefined ? awsRegionProblem : storeRegionProblem),
    ...(kmsKeyArn === undefined ? [] : keyErrors(kmsKeyArn, writtenValue(region), endpoint !== undefined)),
    ...(endpoint === undefined ? [] : valueErrors("endpoint", endpoint, storeEndpointProblem)),
    ...(credentialsSecret === undefined
      ? []
      : valueErrors("credentialsSecret", credentialsSecret, kubernetesNameProblem)),
  ];
}

function keyErrors(kmsKeyArn: pulumi.Input<string>, region: string | undefined, hasEndpoint: boolean): InputError[] {
  if (hasEndpoint) {
    return [
      { propertyPath: "kmsKeyArn", reason: "only AWS has KMS keys; leave out either this or the store's endpoint" },
    ];
  }
  return valueErrors("kmsKeyArn", kmsKeyArn, (arn) => keyProblem(arn, region));
}

/**
 * Why an ARN is not that of a key that a bucket could be encrypted with.
 *
 * @param region of the bucket; undefined: not known yet
 */
export function keyProblem(arn: string, region: string | undefined): string | undefined {
  const problem = keyArnProblem(arn);
  if (problem !== undefined) return problem;
  const keyRegion = arn.split(":")[3] ?? "";
  return region === undefined || keyRegion === region
    ? undefined
    : `the key is in ${keyRegion}, the bucket in ${region}; S3 takes keys of its own region only`;
}

/** Why a text names no region of any store: those that are not AWS's call theirs what they want. */
export function storeRegionProblem(region: string): string | undefined {
  return /^[\w-]{1,63}$/.test(region) ? undefined : 'must be a region such as "us-east-1"';
}

/** Why AWS has no bucket in a region. */
export function awsRegionProblem(region: string): string | undefined {
  const problem = storeRegionProblem(region);
  if (problem !== undefined) return problem;
  if (region.startsWith("cn-")) return "AWS in China names its services otherwise, which is not supported";
  const other = regionProblem(region);
  return other === undefined ? undefined : `${other}, or the store's endpoint`;
}

/** Why a text is no address of a store. */
export function storeEndpointProblem(endpoint: string): string | undefined {
  return /^https?:\/\/[^\s/?#@]+\/?$/.test(endpoint)
    ? undefined
    : 'must be an address such as "https://s3.lab.example.com", without a path and without credentials';
}
