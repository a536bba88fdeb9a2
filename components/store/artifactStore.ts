import type * as pulumi from "@pulumi/pulumi";
import type { PolicyStatement } from "../core/serviceAccountRole";

/** Where datasets, checkpoints, models and Metaflow's own artifacts live: S3, or something that speaks its protocol. */
export interface ArtifactStore {
  /** `s3://<bucket>` */
  readonly uri: pulumi.Output<string>;
  /** Root below which registered models lie as plain files: `s3://<bucket>/models`. */
  readonly modelsRoot: pulumi.Output<string>;
  /** Root of Metaflow's datastore: `s3://<bucket>/metaflow`. */
  readonly datastoreRoot: pulumi.Output<string>;
  /** Root below which `@checkpoint` keeps checkpoints: `s3://<bucket>/metaflow/mf.checkpoints`. */
  readonly checkpointsRoot: pulumi.Output<string>;
  /** Root for datasets: `s3://<bucket>/datasets`. */
  readonly datasetsRoot: pulumi.Output<string>;
  /** Environment that points any AWS client at the store. Secret where it holds credentials. */
  readonly environment: pulumi.Output<Record<string, string>>;
}

/** A store in AWS's S3, or behind an address of its own, for pods in a cluster. */
export interface AwsArtifactStore extends ArtifactStore {
  /** Name of the bucket, known once everything that protects it is in place. */
  readonly bucket: pulumi.Output<string>;
  /** Region of the bucket. */
  readonly region: pulumi.Output<string>;
  /** Address of an S3-compatible store that is not AWS; absent: AWS. */
  readonly endpoint?: pulumi.Output<string>;
  /** Kubernetes secret in the jobs' namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where pods have no role. */
  readonly credentialsSecret?: pulumi.Output<string>;
  /** What a role needs to use the store; nothing where permissions do not come from AWS. */
  statements(access: StoreAccess): PolicyStatement[];
}

/** `read`: list and download; `read-write`: upload and delete too. */
export type StoreAccess = "read" | "read-write";

/** The prefixes of a bucket, by what lies below them. */
export const storePrefixes = {
  datastore: "metaflow",
  // metaflow-checkpoint 0.2.14 writes below this name in the root of Metaflow's datastore, and it cannot be told otherwise
  // (CHECKPOINTS_STORAGE_PREFIX in its checkpoints/constants.py).
  checkpoints: "metaflow/mf.checkpoints",
  models: "models",
  datasets: "datasets",
} as const;

/** The roots of a store whose address is `s3://<bucket>`. */
export function storeRoots(
  uri: pulumi.Output<string>,
): Pick<ArtifactStore, "modelsRoot" | "datastoreRoot" | "checkpointsRoot" | "datasetsRoot"> {
  const below = (prefix: string) => uri.apply((root) => `${root}/${prefix}`);
  return {
    modelsRoot: below(storePrefixes.models),
    datastoreRoot: below(storePrefixes.datastore),
    checkpointsRoot: below(storePrefixes.checkpoints),
    datasetsRoot: below(storePrefixes.datasets),
  };
}
