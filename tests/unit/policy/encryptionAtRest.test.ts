import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import { describe, expect, it } from "vitest";
import {
  bucketIsEncryptedWithKms,
  clusterSecretsAreEncrypted,
  databaseIsEncrypted,
  fileSystemIsEncrypted,
  volumeIsEncrypted,
} from "../../../policy/encryptionAtRest";
import { unknown, violations } from "./violations";

describe("a bucket's encryption", () => {
  const check = (...algorithms: (string | undefined)[]): string[] =>
    violations(bucketIsEncryptedWithKms, aws.s3.BucketServerSideEncryptionConfiguration, {
      bucket: unknown,
      rules: algorithms.map((sseAlgorithm) => ({
        applyServerSideEncryptionByDefault:
          sseAlgorithm === undefined ? undefined : { sseAlgorithm, kmsMasterKeyId: unknown },
      })),
    });

  it("passes with KMS", () => {
    expect(check("aws:kms")).toEqual([]);
    expect(check("aws:kms:dsse")).toEqual([]);
  });

  it("is refused with S3's own key, with none, and with one rule of two", () => {
    for (const algorithms of [["AES256"], [undefined], [], ["aws:kms", "AES256"]])
      expect(check(...algorithms)).toEqual([
        'The bucket is not encrypted with KMS: set sseAlgorithm to "aws:kms" in every rule.',
      ]);
  });
});

describe("a volume", () => {
  it("of its own must be encrypted", () => {
    expect(violations(volumeIsEncrypted, aws.ebs.Volume, { encrypted: true })).toEqual([]);
    for (const encrypted of [false, undefined])
      expect(violations(volumeIsEncrypted, aws.ebs.Volume, { encrypted })).toEqual([
        "The volume is not encrypted: set encrypted to true.",
      ]);
  });

  it("of a launch template must be named and encrypted", () => {
    const check = (blockDeviceMappings: unknown): string[] =>
      violations(volumeIsEncrypted, aws.ec2.LaunchTemplate, { blockDeviceMappings });
    expect(check([{ deviceName: "/dev/xvda", ebs: { encrypted: "true" } }, { virtualName: "ephemeral0" }])).toEqual([]);
    expect(check([{ deviceName: "/dev/xvda", ebs: { encrypted: "false" } }])).toEqual([
      "The volume /dev/xvda is not encrypted: set ebs.encrypted to true.",
    ]);
    for (const nothing of [undefined, [], [{ virtualName: "ephemeral0" }]])
      expect(check(nothing)).toEqual([
        "The launch template leaves the disk to the image, which need not encrypt it: name it in blockDeviceMappings with ebs.encrypted true.",
      ]);
  });

  it("of an instance must be encrypted, each of them", () => {
    const check = (inputs: Record<string, unknown>): number =>
      violations(volumeIsEncrypted, aws.ec2.Instance, inputs).length;
    expect(check({ rootBlockDevice: { encrypted: true } })).toBe(0);
    expect(check({ rootBlockDevice: { encrypted: true }, ebsBlockDevices: [{ encrypted: false }] })).toBe(1);
    expect(check({})).toBe(1);
  });

  it("of a storage class must be encrypted, if it is of EBS", () => {
    const check = (provisioner: string, parameters?: Record<string, string>): string[] =>
      violations(volumeIsEncrypted, kubernetes.storage.v1.StorageClass, { provisioner, parameters });
    expect(check("ebs.csi.aws.com", { type: "gp3", encrypted: "true" })).toEqual([]);
    expect(check("ebs.csi.aws.com", { type: "gp3" })).toEqual([
      'Volumes of the storage class are not encrypted: set parameters.encrypted to "true".',
    ]);
    expect(check("rancher.io/local-path")).toEqual([]);
  });
});

describe("a file system", () => {
  it("passes encrypted, and is refused otherwise", () => {
    expect(violations(fileSystemIsEncrypted, aws.efs.FileSystem, { encrypted: true })).toEqual([]);
    expect(violations(fileSystemIsEncrypted, aws.efs.FileSystem, {})).toEqual([
      "The file system is not encrypted: set encrypted to true.",
    ]);
  });
});

describe("a database", () => {
  it("passes encrypted, or as a copy of one that decides it", () => {
    for (const inputs of [{ storageEncrypted: true }, { replicateSourceDb: "db" }, { snapshotIdentifier: "snapshot" }])
      expect(violations(databaseIsEncrypted, aws.rds.Instance, inputs)).toEqual([]);
    expect(violations(databaseIsEncrypted, aws.rds.Cluster, { storageEncrypted: true })).toEqual([]);
  });

  it("is refused otherwise", () => {
    for (const storageEncrypted of [false, undefined]) {
      expect(violations(databaseIsEncrypted, aws.rds.Instance, { storageEncrypted })).toEqual([
        "The database is not encrypted: set storageEncrypted to true.",
      ]);
      expect(violations(databaseIsEncrypted, aws.rds.Cluster, { storageEncrypted })).toEqual([
        "The database cluster is not encrypted: set storageEncrypted to true.",
      ]);
    }
  });
});

describe("a cluster's secrets", () => {
  it("pass with a key of their own, known or not, and are refused without", () => {
    const check = (encryptionConfig: unknown): string[] =>
      violations(clusterSecretsAreEncrypted, aws.eks.Cluster, { encryptionConfig });
    expect(check({ resources: ["secrets"], provider: { keyArn: unknown } })).toEqual([]);
    for (const nothing of [undefined, { resources: [], provider: { keyArn: unknown } }])
      expect(check(nothing)).toEqual([
        'The cluster keeps its secrets without a key of its own: set encryptionConfig with resources ["secrets"] and the key\'s ARN.',
      ]);
  });
});
