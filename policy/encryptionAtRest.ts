import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { isTrue, rule } from "./rule";

/**
 * What is kept is encrypted. CloudWatch Logs, Secrets Manager, SNS and SQS encrypt by themselves and cannot be told not to, so they need no
 * rule.
 */

/**
 * Buckets are encrypted with KMS: use of a key is logged, and can be taken back. S3's own default is a key that nobody sees.
 *
 * @severity medium
 * @link https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 */
export const bucketIsEncryptedWithKms: ResourceValidationPolicy = {
  name: "bucket-is-encrypted-with-kms",
  description: "A bucket's default encryption must be KMS.",
  severity: "medium",
  validateResource: rule(aws.s3.BucketServerSideEncryptionConfiguration, ({ rules }, report) => {
    const algorithms = rules.map((entry) => entry.applyServerSideEncryptionByDefault?.sseAlgorithm);
    if (algorithms.length === 0 || algorithms.some((algorithm) => algorithm?.startsWith("aws:kms") !== true))
      report('The bucket is not encrypted with KMS: set sseAlgorithm to "aws:kms" in every rule.');
  }),
};

const volumeMessage = "The volume is not encrypted: set encrypted to true.";

/**
 * Volumes are encrypted: those of launch templates and instances, single ones, and those that Kubernetes makes by a storage class.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html
 */
export const volumeIsEncrypted: ResourceValidationPolicy = {
  name: "volume-is-encrypted",
  description: "Volumes must be encrypted.",
  severity: "high",
  validateResource: [
    rule(aws.ebs.Volume, ({ encrypted }, report) => {
      if (encrypted !== true) report(volumeMessage);
    }),
    rule(aws.ec2.LaunchTemplate, ({ blockDeviceMappings }, report) => {
      const volumes = (blockDeviceMappings ?? []).filter(({ ebs }) => ebs !== undefined);
      if (volumes.length === 0)
        report(
          "The launch template leaves the disk to the image, which need not encrypt it: name it in blockDeviceMappings with ebs.encrypted true.",
        );
      for (const { deviceName, ebs } of volumes)
        if (!isTrue(ebs?.encrypted))
          report(`The volume ${deviceName ?? "of the launch template"} is not encrypted: set ebs.encrypted to true.`);
    }),
    rule(aws.ec2.Instance, ({ rootBlockDevice, ebsBlockDevices }, report) => {
      if ([rootBlockDevice, ...(ebsBlockDevices ?? [])].some((device) => device?.encrypted !== true))
        report(
          "A volume of the instance is not encrypted: set encrypted to true in rootBlockDevice and in each of ebsBlockDevices.",
        );
    }),
    rule(kubernetes.storage.v1.StorageClass, ({ provisioner, parameters }, report) => {
      if (provisioner === "ebs.csi.aws.com" && !isTrue(parameters?.encrypted))
        report('Volumes of the storage class are not encrypted: set parameters.encrypted to "true".');
    }),
  ],
};

/**
 * File systems are encrypted; FSx does it by itself.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html
 */
export const fileSystemIsEncrypted: ResourceValidationPolicy = {
  name: "file-system-is-encrypted",
  description: "EFS file systems must be encrypted.",
  severity: "high",
  validateResource: rule(aws.efs.FileSystem, ({ encrypted }, report) => {
    if (encrypted !== true) report("The file system is not encrypted: set encrypted to true.");
  }),
};

/**
 * Databases are encrypted. It cannot be switched on later without making a new one.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html
 */
export const databaseIsEncrypted: ResourceValidationPolicy = {
  name: "database-is-encrypted",
  description: "Databases must be encrypted.",
  severity: "high",
  validateResource: [
    rule(aws.rds.Instance, ({ storageEncrypted, replicateSourceDb, snapshotIdentifier }, report) => {
      // A replica and a restored copy are encrypted as what they come from is.
      if (replicateSourceDb === undefined && snapshotIdentifier === undefined && storageEncrypted !== true)
        report("The database is not encrypted: set storageEncrypted to true.");
    }),
    rule(aws.rds.Cluster, ({ storageEncrypted, snapshotIdentifier }, report) => {
      if (snapshotIdentifier === undefined && storageEncrypted !== true)
        report("The database cluster is not encrypted: set storageEncrypted to true.");
    }),
  ],
};

/**
 * Kubernetes secrets are encrypted with a key of the stack's own before they reach EKS's database.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html
 */
export const clusterSecretsAreEncrypted: ResourceValidationPolicy = {
  name: "cluster-secrets-are-encrypted",
  description: "An EKS cluster must encrypt its secrets with a KMS key.",
  severity: "high",
  validateResource: rule(aws.eks.Cluster, ({ encryptionConfig }, report) => {
    if (encryptionConfig?.resources.includes("secrets") !== true)
      report(
        'The cluster keeps its secrets without a key of its own: set encryptionConfig with resources ["secrets"] and the key\'s ARN.',
      );
  }),
};
