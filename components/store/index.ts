/**
 * Where datasets, checkpoints and models lie: S3, a bucket that is there, or this machine.
 *
 * @module store
 */
export type { ArtifactStore, AwsArtifactStore, StoreAccess } from "./artifactStore";
export { existingArtifactStore, type ExistingArtifactStoreArgs } from "./existingArtifactStore";
export { LocalArtifactStore, type LocalArtifactStoreArgs } from "./localArtifactStore";
export { S3ArtifactStore, type S3ArtifactStoreArgs } from "./s3ArtifactStore";
