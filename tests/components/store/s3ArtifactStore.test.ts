import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import type { AwsArtifactStore, StoreAccess } from "../../../components/store/artifactStore";
import { existingArtifactStore, type ExistingArtifactStoreArgs } from "../../../components/store/existingArtifactStore";
import { lifecycleRules, S3ArtifactStore, type S3ArtifactStoreArgs } from "../../../components/store/s3ArtifactStore";
import { policyDocument } from "../../../components/core/serviceAccountRole";
import { type Collected, collect, type ProviderOutputs, valueOf } from "../collect";

const bucketType = "aws:s3/bucket:Bucket";
const keyType = "aws:kms/key:Key";

const outputs: ProviderOutputs = {
  [bucketType]: () => ({ bucket: "store-bucket-1a2b3c4", arn: "arn:aws:s3:::store-bucket-1a2b3c4" }),
  [keyType]: () => ({ arn: "arn:aws:kms:us-east-1:111122223333:key/the-key", keyId: "the-key" }),
};

const durable: S3ArtifactStoreArgs = { region: "us-east-1", checkpointDays: 14, noncurrentDays: 30, ephemeral: false };

const build = (args: Partial<S3ArtifactStoreArgs> = {}, options?: pulumi.ComponentResourceOptions) =>
  collect(() => new S3ArtifactStore("store", { ...durable, ...args }, options), outputs);

const inputsOf = ({ resources }: Collected<unknown>, type: string): Readonly<Record<string, unknown>> => {
  const found = resources.filter((resource) => resource.type === type);
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}`);
  return found[0]?.inputs ?? {};
};

const awsChildren = ({ registrations }: Collected<unknown>) =>
  registrations.filter(({ type }) => type.startsWith("aws:"));

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What IAM would read. */
async function grants(store: AwsArtifactStore, access: StoreAccess): Promise<Statement[]> {
  const document = await valueOf(policyDocument(store.statements(access)));
  return (JSON.parse(document) as { Statement: Statement[] }).Statement;
}

describe("S3ArtifactStore", () => {
  it("names every root below its bucket, checkpoints where @checkpoint writes them", async () => {
    const { result: store } = await build();
    expect(await valueOf(store.uri)).toBe("s3://store-bucket-1a2b3c4");
    expect(await valueOf(store.bucket)).toBe("store-bucket-1a2b3c4");
    expect(await valueOf(store.datastoreRoot)).toBe("s3://store-bucket-1a2b3c4/metaflow");
    expect(await valueOf(store.checkpointsRoot)).toBe("s3://store-bucket-1a2b3c4/metaflow/mf.checkpoints");
    expect(await valueOf(store.modelsRoot)).toBe("s3://store-bucket-1a2b3c4/models");
    expect(await valueOf(store.datasetsRoot)).toBe("s3://store-bucket-1a2b3c4/datasets");
    expect(await valueOf(store.environment)).toEqual({ AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1" });
  });

  it("encrypts with a key of its own that AWS rotates, through a bucket key", async () => {
    const collected = await build();
    expect(inputsOf(collected, keyType)).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(
      inputsOf(collected, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    ).toMatchObject({
      bucket: "store-bucket-1a2b3c4",
      rules: [
        {
          applyServerSideEncryptionByDefault: {
            sseAlgorithm: "aws:kms",
            kmsMasterKeyId: "arn:aws:kms:us-east-1:111122223333:key/the-key",
          },
          bucketKeyEnabled: true,
        },
      ],
    });
  });

  it("keeps versions, has no ACLs, and blocks every way to become public", async () => {
    const collected = await build();
    expect(inputsOf(collected, "aws:s3/bucketVersioning:BucketVersioning")).toMatchObject({
      versioningConfiguration: { status: "Enabled" },
    });
    expect(inputsOf(collected, "aws:s3/bucketOwnershipControls:BucketOwnershipControls")).toMatchObject({
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    expect(inputsOf(collected, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
  });

  it("denies everybody without TLS, and with a TLS older than 1.2", async () => {
    const { policy } = inputsOf(await build(), "aws:s3/bucketPolicy:BucketPolicy") as { policy: string };
    const shared = {
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:*"],
      Resource: ["arn:aws:s3:::store-bucket-1a2b3c4", "arn:aws:s3:::store-bucket-1a2b3c4/*"],
    };
    expect(JSON.parse(policy)).toEqual({
      Version: "2012-10-17",
      Statement: [
        { ...shared, Condition: { Bool: { "aws:SecureTransport": "false" } } },
        { ...shared, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
      ],
    });
  });

  it("tells nobody the bucket's name before all that protects it is there", async () => {
    const { result, registrations } = await build();
    const urnOf = async (resource: pulumi.Resource) => await valueOf(resource.urn);
    const waitedFor = new Set<string>();
    for (const resource of await (
      result.uri as unknown as { allResources: () => Promise<Set<pulumi.Resource>> }
    ).allResources()) {
      waitedFor.add(await urnOf(resource));
    }
    for (const suffix of ["encryption", "ownership", "policy", "public-access-block", "versioning"]) {
      const registration = registrations.find(({ name }) => name === `store-${suffix}`);
      if (registration === undefined) throw new Error(`no ${suffix}`);
      expect(waitedFor).toContain(await urnOf(registration.resource));
    }
  });

  it("changes the bucket's access in one order, and its lifecycle once it keeps versions", async () => {
    const { registrations } = await build();
    const dependenciesOf = (name: string) => {
      const { dependsOn } = registrations.find((registration) => registration.name === name)?.opts ?? {};
      const wanted = [dependsOn].flat() as unknown[];
      return registrations.filter(({ resource }) => wanted.includes(resource)).map((registration) => registration.name);
    };
    expect(dependenciesOf("store-policy")).toEqual(["store-public-access-block"]);
    expect(dependenciesOf("store-lifecycle")).toEqual(["store-versioning"]);
  });

  describe("teardown", () => {
    it("protects all of a durable store, and lets it stay private and readable when the stack forgets it", async () => {
      const collected = await build();
      expect(awsChildren(collected)).toHaveLength(8);
      for (const { name, opts } of awsChildren(collected)) {
        expect(opts, name).toMatchObject({ protect: true, retainOnDelete: true, parent: collected.result });
      }
      expect(inputsOf(collected, bucketType)).toMatchObject({ forceDestroy: false });
    });

    it("lets an ephemeral store go with all that it holds", async () => {
      const collected = await build({ ephemeral: true });
      expect(awsChildren(collected)).toHaveLength(8);
      for (const { name, opts } of awsChildren(collected)) {
        expect(opts.protect, name).toBeUndefined();
        expect(opts.retainOnDelete, name).toBeUndefined();
        expect(opts.parent, name).toBe(collected.result);
      }
      expect(inputsOf(collected, bucketType)).toMatchObject({ forceDestroy: true });
      expect(inputsOf(collected, keyType)).toMatchObject({ deletionWindowInDays: 7 });
    });
  });

  it("takes the provider of its options, and lets a transform change what it makes", async () => {
    const { resources } = await collect(() => {
      const provider = new aws.Provider("elsewhere", { region: "us-east-1" });
      return new S3ArtifactStore(
        "store",
        {
          ...durable,
          transform: {
            bucket: { bucket: "a-name-of-my-own" },
            key: (key) => ({ args: { ...key, multiRegion: true } }),
            lifecycle: ({ rules, ...rest }) => ({
              args: { ...rest, rules: pulumi.output(rules).apply((all) => all?.slice(1)) },
            }),
          },
        },
        { provider },
      );
    }, outputs);
    const ofType = (type: string) => resources.find((resource) => resource.type === type);
    for (const { type, provider } of resources.filter(({ type }) => type.startsWith("aws:"))) {
      expect(provider, type).toMatch(/::elsewhere::/);
    }
    expect(ofType(bucketType)?.inputs).toMatchObject({ bucket: "a-name-of-my-own", forceDestroy: false });
    expect(ofType(keyType)?.inputs).toMatchObject({ multiRegion: true, enableKeyRotation: true });
    expect(ofType("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")?.inputs.rules).toHaveLength(2);
  });

  it("refuses wrong arguments all at once, before it registers anything", async () => {
    const registered: string[] = [];
    const attempt = collect(() => {
      pulumi.runtime.registerStackTransformation(({ name }) => {
        registered.push(name);
        return undefined;
      });
      return new S3ArtifactStore("store", {
        region: "us-east",
        checkpointDays: 0,
        noncurrentDays: 1.5,
        ephemeral: true,
      });
    });
    await expect(attempt).rejects.toThrow(
      /S3ArtifactStore "store"[^]*region: got "us-east", which is no region[^]*checkpointDays: .*0[^]*noncurrentDays: .*1\.5/,
    );
    expect(registered).toEqual([]);
  });
});

describe("lifecycleRules", () => {
  /** The rules that would delete an object of this key by age, and after how many days. */
  const expiry = (key: string) =>
    lifecycleRules({ checkpointDays: 14, noncurrentDays: 30 }).flatMap((rule) => {
      const { prefix = "" } = rule.filter as { prefix?: string };
      const { days } = (rule.expiration ?? {}) as { days?: number };
      return days !== undefined && key.startsWith(prefix) ? [days] : [];
    });

  it("deletes checkpoints, artifacts and records alike, and nothing else", () => {
    expect(expiry("metaflow/mf.checkpoints/checkpoints/artifacts/SftFlow/train/x/y/1.0.weights")).toEqual([14]);
    expect(expiry("metaflow/mf.checkpoints/checkpoints/metadata/SftFlow/7/train/3/1.0.metadata")).toEqual([14]);
    for (const kept of [
      "models/sft/7/model.safetensors",
      "metaflow/mf.models/models/artifacts/x",
      "metaflow/SftFlow/7/train/3/0.data.json",
      "metaflow/mf.checkpoints-of-another-kind/x",
      "datasets/questions.jsonl",
    ]) {
      expect(expiry(kept), kept).toEqual([]);
    }
  });

  it("takes deleted checkpoints a day later, other old versions after noncurrentDays, and what they leave", () => {
    const rules = lifecycleRules({ checkpointDays: 3, noncurrentDays: 45 });
    expect(rules).toMatchObject([
      { id: "checkpoints", expiration: { days: 3 }, noncurrentVersionExpiration: { noncurrentDays: 1 } },
      {
        id: "noncurrent-versions",
        filter: { prefix: "" },
        noncurrentVersionExpiration: { noncurrentDays: 45 },
        expiration: { expiredObjectDeleteMarker: true },
      },
      { id: "aborted-uploads", filter: { prefix: "" }, abortIncompleteMultipartUpload: { daysAfterInitiation: 7 } },
    ]);
    for (const rule of rules) expect(rule.status).toBe("Enabled");
  });
});

describe("statements", () => {
  const viaS3 = { StringEquals: { "kms:ViaService": "s3.us-east-1.amazonaws.com" } };

  it("gives a reader no way to write, and the key only by way of S3", async () => {
    const { result } = await build();
    expect(await grants(result, "read")).toEqual([
      {
        Effect: "Allow",
        Action: ["s3:GetBucketLocation", "s3:ListBucket"],
        Resource: ["arn:aws:s3:::store-bucket-1a2b3c4"],
      },
      { Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::store-bucket-1a2b3c4/*"] },
      {
        Effect: "Allow",
        Action: ["kms:Decrypt"],
        Resource: ["arn:aws:kms:us-east-1:111122223333:key/the-key"],
        Condition: viaS3,
      },
    ]);
  });

  it("gives a writer what uploads in parts take, but no way to end a version or to change the bucket", async () => {
    const { result } = await build();
    const statements = await grants(result, "read-write");
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions).toEqual(
      expect.arrayContaining([
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
        "s3:ListBucketMultipartUploads",
        "kms:GenerateDataKey",
        "kms:Decrypt",
      ]),
    );
    expect(actions).not.toContain("s3:DeleteObjectVersion");
    for (const { Action, Resource } of statements) {
      for (const action of Action) expect(action).not.toMatch(/\*|^s3:Put(?!Object$)|^s3:Delete(?!Object$)/);
      for (const resource of Resource) expect(resource).toMatch(/store-bucket-1a2b3c4|the-key/);
    }
    expect(statements.find(({ Action }) => Action.includes("kms:GenerateDataKey"))?.Condition).toEqual(viaS3);
  });
});

describe("existingArtifactStore", () => {
  const key = "arn:aws:kms:us-east-1:111122223333:key/their-key";

  it("makes nothing, and permits what the bucket and its key need", async () => {
    const { result: store, resources } = await collect(() =>
      existingArtifactStore({ bucket: "theirs", region: "us-east-1", kmsKeyArn: key }),
    );
    expect(resources.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
    expect(await valueOf(store.checkpointsRoot)).toBe("s3://theirs/metaflow/mf.checkpoints");
    expect(await valueOf(store.bucket)).toBe("theirs");
    const statements = await grants(store, "read");
    expect(statements.map(({ Resource }) => Resource)).toEqual([
      ["arn:aws:s3:::theirs"],
      ["arn:aws:s3:::theirs/*"],
      [key],
    ]);
  });

  it("asks for no key where none is named, and knows GovCloud's partition", async () => {
    const store = existingArtifactStore({ bucket: "theirs", region: "us-gov-west-1" });
    const statements = await grants(store, "read-write");
    expect(statements.map(({ Resource }) => Resource)).toEqual([
      ["arn:aws-us-gov:s3:::theirs"],
      ["arn:aws-us-gov:s3:::theirs/*"],
    ]);
  });

  it("points clients at a store that is not AWS, and asks IAM for nothing there", async () => {
    const store = existingArtifactStore({
      bucket: "theirs",
      region: "lab",
      endpoint: "https://s3.lab.example.com",
      credentialsSecret: "store-credentials",
    });
    expect(store.statements("read-write")).toEqual([]);
    expect(await valueOf(pulumi.output(store.credentialsSecret))).toBe("store-credentials");
    expect(await valueOf(pulumi.output(store.endpoint))).toBe("https://s3.lab.example.com");
    expect(await valueOf(store.environment)).toEqual({
      AWS_REGION: "lab",
      AWS_DEFAULT_REGION: "lab",
      AWS_ENDPOINT_URL_S3: "https://s3.lab.example.com",
    });
  });

  it.each<[string, Partial<ExistingArtifactStoreArgs>, RegExp]>([
    ["an address for a bucket", { bucket: "s3://theirs/folder" }, /bucket: got .*; must be the bucket's bare name/],
    ["no region", { region: "virginia" }, /region: got "virginia", which is no region of AWS/],
    ["China", { region: "cn-north-1" }, /region: got .*; AWS in China/],
    [
      "an alias of a key",
      { kmsKeyArn: "arn:aws:kms:us-east-1:111122223333:alias/theirs" },
      /kmsKeyArn: .*the key itself/,
    ],
    ["a key elsewhere", { kmsKeyArn: key, region: "eu-west-1" }, /the key is in us-east-1, the bucket in eu-west-1/],
    ["a key outside of AWS", { kmsKeyArn: key, endpoint: "https://s3.lab.example.com" }, /only AWS has KMS keys/],
    ["an address with a path", { endpoint: "https://s3.lab.example.com/theirs" }, /endpoint: .*without a path/],
  ])("refuses %s", (_what, wrong, message) => {
    expect(() => existingArtifactStore({ bucket: "theirs", region: "us-east-1", ...wrong })).toThrow(message);
  });

  it("says all that is wrong in one message", () => {
    expect(() => existingArtifactStore({ bucket: "NO", region: "nowhere", kmsKeyArn: "arn:aws:kms" })).toThrow(
      /bucket:[^]*region:[^]*kmsKeyArn:/,
    );
  });
});
