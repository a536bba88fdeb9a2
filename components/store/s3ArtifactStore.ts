import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type AwsArtifactStore, type StoreAccess, storePrefixes, storeRoots } from "./artifactStore";
import { componentTypes } from "../core/componentTypes";
import { refuse } from "../core/inputErrors";
import { type PolicyStatement, policyDocument } from "../core/serviceAccountRole";
import { s3ArtifactStoreArgumentErrors } from "./s3ArtifactStoreArguments";
import { storeStatements } from "./storePermissions";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `S3ArtifactStore`. They are plain on purpose: they decide about lifetimes and protection, which is checked and shown in the
 * preview before anything exists.
 */
export interface S3ArtifactStoreArgs {
  /**
   * Region of the bucket: the provider's.
   *
   * @example
   * ```ts
   * { region: "us-east-1" }
   * ```
   */
  region: string;

  /**
   * Days after which checkpoints are deleted. Models and datasets never are.
   *
   * @example
   * ```ts
   * { checkpointDays: 14 }
   * ```
   */
  checkpointDays: number;

  /**
   * Days for which what was deleted or overwritten can still be brought back.
   *
   * @example
   * ```ts
   * { noncurrentDays: 30 }
   * ```
   */
  noncurrentDays: number;

  /** True: bucket and key go with the stack, with all that they hold. False: they are protected, and stay when the stack goes. */
  ephemeral: boolean;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    key?: Transform<aws.kms.KeyArgs>;
    bucket?: Transform<aws.s3.BucketArgs>;
    publicAccessBlock?: Transform<aws.s3.BucketPublicAccessBlockArgs>;
    ownership?: Transform<aws.s3.BucketOwnershipControlsArgs>;
    encryption?: Transform<aws.s3.BucketServerSideEncryptionConfigurationArgs>;
    versioning?: Transform<aws.s3.BucketVersioningArgs>;
    policy?: Transform<aws.s3.BucketPolicyArgs>;
    lifecycle?: Transform<aws.s3.BucketLifecycleConfigurationArgs>;
  };
}

/** Days after which the parts of an upload that nobody finished are deleted: they are billed, and no listing shows them. */
const abortedUploadDays = 7;

/** Days between which KMS lets a key's deletion be called off; it takes 7 to 30. */
const keyDeletionDays = { ephemeral: 7, durable: 30 } as const;

/**
 * The artifact store on AWS: one private, versioned bucket, encrypted with a key of its own.
 *
 * Nothing may be public, ACLs are off, and requests that do not come by TLS 1.2 or later are denied, whoever sends them. The bucket's
 * name, and with it every root, is known only when all of that is in place: no object is ever written before.
 *
 * **Cost** (us-east-1): S3 $0.023 per GB and month, the key $1 a month; the bucket key keeps requests to KMS few. Checkpoints are what grows: they
 * go after `checkpointDays`, their deleted versions a day later.
 *
 * **Teardown**: not ephemeral: `pulumi destroy` is refused (everything here is protected); unprotected, bucket, key and all settings stay in
 * the account, and the stack forgets them. Ephemeral: every version of every object goes, then the bucket, then, after 7 days, the key.
 * A stack that becomes ephemeral needs one `pulumi up` before `pulumi destroy`, since `forceDestroy` is read from the state.
 *
 * @example
 * ```ts
 * const store = new S3ArtifactStore("store", { region, checkpointDays: 14, noncurrentDays: 30, ephemeral: false }, { provider });
 * new ServiceAccountRole("tasks", { clusterName, namespace, serviceAccount, statements: store.statements("read-write") });
 * ```
 */
export class S3ArtifactStore extends pulumi.ComponentResource implements AwsArtifactStore {
  readonly uri: pulumi.Output<string>;
  readonly modelsRoot: pulumi.Output<string>;
  readonly datastoreRoot: pulumi.Output<string>;
  readonly checkpointsRoot: pulumi.Output<string>;
  readonly datasetsRoot: pulumi.Output<string>;
  readonly environment: pulumi.Output<Record<string, string>>;
  readonly bucket: pulumi.Output<string>;
  readonly region: pulumi.Output<string>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly key: aws.kms.Key;
    readonly bucket: aws.s3.Bucket;
    readonly lifecycle: aws.s3.BucketLifecycleConfiguration;
  };

  constructor(name: string, args: S3ArtifactStoreArgs, options?: pulumi.ComponentResourceOptions) {
    refuse("S3ArtifactStore", name, s3ArtifactStoreArgumentErrors(args));
    super(componentTypes.artifactStore, name, {}, options);
    // A bucket that outlives the stack has to stay private, encrypted and readable: its settings and its key stay with it.
    const child = args.ephemeral ? { parent: this } : { parent: this, protect: true, retainOnDelete: true };
    const key = new aws.kms.Key(
      ...transformed(
        args.transform?.key,
        `${name}-key`,
        {
          description: "Datasets, checkpoints, models and Metaflow's artifacts",
          enableKeyRotation: true,
          deletionWindowInDays: args.ephemeral ? keyDeletionDays.ephemeral : keyDeletionDays.durable,
        },
        child,
      ),
    );
    const bucket = new aws.s3.Bucket(
      ...transformed(args.transform?.bucket, `${name}-bucket`, { forceDestroy: args.ephemeral }, child),
    );
    const settings = bucketSettings(name, bucket, key, child, args.transform);
    const lifecycle = new aws.s3.BucketLifecycleConfiguration(
      ...transformed(
        args.transform?.lifecycle,
        `${name}-lifecycle`,
        {
          bucket: bucket.bucket,
          rules: lifecycleRules(args),
        },
        { ...child, dependsOn: settings.versioning },
      ),
    );

    this.nodes = { key, bucket, lifecycle };
    this.region = pulumi.output(args.region);
    this.bucket = onceAllAreMade(bucket.bucket, Object.values(settings));
    this.uri = pulumi.interpolate`s3://${this.bucket}`;
    const roots = storeRoots(this.uri);
    this.modelsRoot = roots.modelsRoot;
    this.datastoreRoot = roots.datastoreRoot;
    this.checkpointsRoot = roots.checkpointsRoot;
    this.datasetsRoot = roots.datasetsRoot;
    this.environment = pulumi.output<Record<string, string>>({
      AWS_REGION: args.region,
      AWS_DEFAULT_REGION: args.region,
    });
    this.registerOutputs({ uri: this.uri, bucket: this.bucket, ...roots });
  }

  statements(access: StoreAccess): PolicyStatement[] {
    const { bucket, key } = this.nodes;
    return storeStatements({ bucketArn: bucket.arn, keyArn: key.arn, region: this.region }, access);
  }
}

/** What keeps a bucket private, encrypted and recoverable. */
function bucketSettings(
  name: string,
  bucket: aws.s3.Bucket,
  key: aws.kms.Key,
  child: pulumi.CustomResourceOptions,
  transform: S3ArtifactStoreArgs["transform"],
) {
  const publicAccessBlock = new aws.s3.BucketPublicAccessBlock(
    ...transformed(
      transform?.publicAccessBlock,
      `${name}-public-access-block`,
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    ),
  );
  return {
    publicAccessBlock,
    ownership: new aws.s3.BucketOwnershipControls(
      ...transformed(
        transform?.ownership,
        `${name}-ownership`,
        { bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
        child,
      ),
    ),
    encryption: new aws.s3.BucketServerSideEncryptionConfiguration(
      ...transformed(
        transform?.encryption,
        `${name}-encryption`,
        {
          bucket: bucket.bucket,
          rules: [
            {
              applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
              bucketKeyEnabled: true,
            },
          ],
        },
        child,
      ),
    ),
    versioning: new aws.s3.BucketVersioning(
      ...transformed(
        transform?.versioning,
        `${name}-versioning`,
        { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
        child,
      ),
    ),
    policy: new aws.s3.BucketPolicy(
      ...transformed(
        transform?.policy,
        `${name}-policy`,
        { bucket: bucket.bucket, policy: transportPolicy(bucket.arn) },
        // S3 refuses two changes of a bucket's access at once.
        { ...child, dependsOn: publicAccessBlock },
      ),
    ),
  };
}

/** A value that nobody gets before all of the resources exist, and that nobody needs any more when the first of them goes. */
function onceAllAreMade<T>(value: pulumi.Output<T>, resources: readonly pulumi.CustomResource[]): pulumi.Output<T> {
  return pulumi.all(resources.map(({ id }) => id)).apply(() => value);
}

/** Denies every request that does not come by TLS 1.2 or later. */
function transportPolicy(bucketArn: pulumi.Output<string>): pulumi.Output<string> {
  const resources = [bucketArn, pulumi.interpolate`${bucketArn}/*`];
  const deny = { Effect: "Deny", Principal: "*", Action: ["s3:*"], Resource: resources } as const;
  return policyDocument([
    { ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
    { ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
  ]);
}

/**
 * What S3 deletes by itself. Rules may overlap: of two that would delete the same object, the earlier one counts
 * (Amazon S3 User Guide, "How Amazon S3 handles conflicts in lifecycle configurations").
 */
export function lifecycleRules(
  days: Pick<S3ArtifactStoreArgs, "checkpointDays" | "noncurrentDays">,
): aws.types.input.s3.BucketLifecycleConfigurationRule[] {
  return [
    {
      id: "checkpoints",
      status: "Enabled",
      // The slash keeps the rule to that folder: without it, everything whose name starts alike would go too.
      filter: { prefix: `${storePrefixes.checkpoints}/` },
      expiration: { days: days.checkpointDays },
      // In a versioned bucket an expired object only becomes noncurrent; terabytes of checkpoints must not be billed for another month.
      noncurrentVersionExpiration: { noncurrentDays: 1 },
    },
    {
      id: "noncurrent-versions",
      status: "Enabled",
      filter: { prefix: "" },
      noncurrentVersionExpiration: { noncurrentDays: days.noncurrentDays },
      expiration: { expiredObjectDeleteMarker: true },
    },
    {
      id: "aborted-uploads",
      status: "Enabled",
      filter: { prefix: "" },
      abortIncompleteMultipartUpload: { daysAfterInitiation: abortedUploadDays },
    },
  ];
}
