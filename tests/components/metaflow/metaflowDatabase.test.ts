import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MetaflowDatabase,
  type MetaflowDatabaseArgs,
  storageLimitGib,
} from "../../../components/metaflow/metaflowDatabase";
import { rdsCertificateAuthority } from "../../../components/metaflow/rdsCertificates";
import { resourceTypes } from "../../../provider/resourceTypes";
import { type Collected, collect, type ProviderOutputs, secretValue, valueOf } from "../collect";

const types = {
  instance: "aws:rds/instance:Instance",
  key: "aws:kms/key:Key",
  parameterGroup: "aws:rds/parameterGroup:ParameterGroup",
  secret: "aws:secretsmanager/secret:Secret",
  secretVersion: "aws:secretsmanager/secretVersion:SecretVersion",
  securityGroup: "aws:ec2/securityGroup:SecurityGroup",
  subnetGroup: "aws:rds/subnetGroup:SubnetGroup",
} as const;

const outputs: ProviderOutputs = {
  [types.instance]: () => ({ address: "database-instance.abc.us-east-1.rds.amazonaws.com", port: 5432 }),
  [types.key]: () => ({ arn: "arn:aws:kms:us-east-1:111122223333:key/the-key", keyId: "1234abcd-12ab-34cd" }),
  [types.parameterGroup]: () => ({ name: "database-parameters-1a2b3c4" }),
  [types.subnetGroup]: () => ({ name: "database-subnets-1a2b3c4" }),
  [types.secret]: () => ({ arn: "arn:aws:secretsmanager:us-east-1:111122223333:secret:database" }),
  [resourceTypes.password]: () => ({ value: "hidden0password" }),
};

const durable: MetaflowDatabaseArgs = {
  region: "us-east-1",
  network: { vpcId: "vpc-1", privateSubnetIds: ["subnet-a", "subnet-b"], ready: [] },
  clusterSecurityGroupId: "sg-cluster",
  instanceClass: "db.t4g.micro",
  storageGib: 20,
  multiZone: false,
  backupDays: 7,
  ephemeral: false,
};

const build = (args: Partial<MetaflowDatabaseArgs> = {}, name = "database") =>
  collect(() => new MetaflowDatabase(name, { ...durable, ...args }), outputs);

function inputsOf({ resources }: Collected<unknown>, type: string): Readonly<Record<string, unknown>> {
  const [found, ...more] = resources.filter((resource) => resource.type === type);
  if (found === undefined || more.length > 0) throw new Error(`not exactly one resource of type ${type}`);
  return found.inputs;
}

function optionsOf({ registrations }: Collected<unknown>, type: string): pulumi.CustomResourceOptions {
  const found = registrations.find((registration) => registration.type === type);
  if (found === undefined) throw new Error(`no resource of type ${type}`);
  return found.opts;
}

async function passwordOf({ connection }: MetaflowDatabase): Promise<string> {
  if (connection.password.kind !== "value") throw new Error("the password is not a value");
  const password = pulumi.output(connection.password.value);
  expect(await pulumi.isSecret(password)).toBe(true);
  return valueOf(password);
}

describe("MetaflowDatabase", () => {
  it("is PostgreSQL 16 of whatever minor version AWS has, and goes on to later ones by itself", async () => {
    expect(inputsOf(await build(), types.instance)).toMatchObject({
      engine: "postgres",
      engineVersion: "16",
      autoMinorVersionUpgrade: true,
      instanceClass: "db.t4g.micro",
      multiAz: false,
      backupRetentionPeriod: 7,
      copyTagsToSnapshot: true,
      performanceInsightsEnabled: true,
      performanceInsightsRetentionPeriod: 7,
      applyImmediately: false,
    });
  });

  it("keeps backups out of its maintenance, which RDS demands", async () => {
    const { backupWindow, maintenanceWindow } = inputsOf(await build(), types.instance) as Record<string, string>;
    const minutes = (time = "") => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
    const [from, to] = (backupWindow ?? "").split("-").map(minutes);
    const [begin, end] = (maintenanceWindow ?? "").split("-").map((time) => minutes(time.slice(4)));
    expect([from, to, begin, end].every(Number.isFinite)).toBe(true);
    expect((to ?? 0) <= (begin ?? 0) || (end ?? 0) <= (from ?? 0)).toBe(true);
  });

  it("is reached from the cluster's security group on 5432 and from nowhere else, and reaches nothing", async () => {
    const collected = await build();
    expect(inputsOf(collected, types.securityGroup)).toMatchObject({ vpcId: "vpc-1", egress: [] });
    const { ingress } = inputsOf(collected, types.securityGroup) as { ingress: Record<string, unknown>[] };
    expect(ingress).toHaveLength(1);
    expect(ingress[0]).toMatchObject({ protocol: "tcp", fromPort: 5432, toPort: 5432, securityGroups: ["sg-cluster"] });
    expect(ingress[0]).not.toHaveProperty("cidrBlocks");
    expect(ingress[0]).not.toHaveProperty("self");
    expect(inputsOf(collected, types.subnetGroup)).toMatchObject({ subnetIds: ["subnet-a", "subnet-b"] });
    expect(inputsOf(collected, types.instance)).toMatchObject({
      publiclyAccessible: false,
      port: 5432,
      dbSubnetGroupName: "database-subnets-1a2b3c4",
      vpcSecurityGroupIds: ["database-access-id"],
    });
  });

  it("takes connections by TLS only, and gives clients what they need to verify it", async () => {
    const collected = await build({ region: "eu-west-1" });
    expect(inputsOf(collected, types.parameterGroup)).toMatchObject({
      family: "postgres16",
      parameters: [{ name: "rds.force_ssl", value: "1", applyMethod: "immediate" }],
    });
    expect(inputsOf(collected, types.instance)).toMatchObject({ parameterGroupName: "database-parameters-1a2b3c4" });
    const { connection } = collected.result;
    expect(connection.tls).toBe("verify-full");
    expect(connection.certificateAuthority).toBe(rdsCertificateAuthority("eu-west-1"));
    expect(connection.certificateAuthority).not.toBe(rdsCertificateAuthority("us-east-1"));
  });

  it("takes other authorities for a region that the project does not know", async () => {
    const certificateAuthority = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const { result } = await build({ region: "us-gov-west-1", certificateAuthority });
    expect(result.connection.certificateAuthority).toBe(certificateAuthority);
  });

  it("encrypts storage and secret with a key of its own that AWS rotates", async () => {
    const collected = await build();
    const arn = "arn:aws:kms:us-east-1:111122223333:key/the-key";
    expect(inputsOf(collected, types.key)).toMatchObject({ enableKeyRotation: true });
    expect(inputsOf(collected, types.instance)).toMatchObject({ storageEncrypted: true, kmsKeyId: arn });
    expect(inputsOf(collected, types.secret)).toMatchObject({ kmsKeyId: arn });
  });

  it("grows from gp3 storage up to a limit", async () => {
    expect(inputsOf(await build({ storageGib: 50 }), types.instance)).toMatchObject({
      storageType: "gp3",
      allocatedStorage: 50,
      maxAllocatedStorage: 250,
    });
  });

  describe("password", () => {
    it("is 32 letters and digits, and a secret wherever it goes", async () => {
      const collected = await build();
      expect(inputsOf(collected, resourceTypes.password)).toMatchObject({ length: 32, generation: 1 });
      expect(optionsOf(collected, resourceTypes.password).additionalSecretOutputs).toEqual(["value"]);
      expect(secretValue(inputsOf(collected, types.instance).password)).toBe("hidden0password");
      expect(await passwordOf(collected.result)).toBe("hidden0password");
      const seen = JSON.stringify(collected.resources.map(({ type, inputs }) => ({ type, inputs: plainOnly(inputs) })));
      expect(seen).not.toContain("hidden0password");
    });

    it("lies in Secrets Manager with all of the connection", async () => {
      const collected = await build();
      const text = secretValue(inputsOf(collected, types.secretVersion).secretString) as string;
      expect(JSON.parse(text)).toEqual({
        engine: "postgres",
        host: "database-instance.abc.us-east-1.rds.amazonaws.com",
        port: 5432,
        dbname: "metaflow",
        username: "metaflow",
        password: "hidden0password",
      });
      expect(await valueOf(collected.result.secretArn)).toContain(":secret:database");
    });

    it("reaches clients only once the database has it", async () => {
      const { result } = await build();
      if (result.connection.password.kind !== "value") throw new Error("the password is not a value");
      const output = result.connection.password.value as unknown as {
        allResources: () => Promise<Set<pulumi.Resource>>;
      };
      expect(await output.allResources()).toContain(result.nodes.instance);
    });

    it("is made anew for another generation, which protection does not stand in the way of", async () => {
      const collected = await build({ passwordGeneration: 2 });
      expect(inputsOf(collected, resourceTypes.password)).toMatchObject({ generation: 2 });
      expect(optionsOf(collected, resourceTypes.password).protect).toBeUndefined();
    });
  });

  describe("teardown", () => {
    it("protects a durable database twice, and leaves a snapshot, its key and its secret", async () => {
      const collected = await build();
      expect(inputsOf(collected, types.instance)).toMatchObject({
        deletionProtection: true,
        skipFinalSnapshot: false,
        finalSnapshotIdentifier: "database-final-1234abcd-12ab-34cd",
      });
      expect(optionsOf(collected, types.instance)).toMatchObject({ protect: true, parent: collected.result });
      expect(optionsOf(collected, types.key)).toMatchObject({ protect: true, retainOnDelete: true });
      expect(inputsOf(collected, types.key)).toMatchObject({ deletionWindowInDays: 30 });
      expect(inputsOf(collected, types.secret)).toMatchObject({ recoveryWindowInDays: 30 });
    });

    it("lets an ephemeral database go with all that it holds, at once", async () => {
      const collected = await build({ ephemeral: true });
      expect(inputsOf(collected, types.instance)).toMatchObject({
        deletionProtection: false,
        skipFinalSnapshot: true,
        applyImmediately: true,
      });
      expect(inputsOf(collected, types.instance)).not.toHaveProperty("finalSnapshotIdentifier");
      for (const { type, opts } of collected.registrations) {
        expect(opts.protect ?? false, type).toBe(false);
        expect(opts.retainOnDelete ?? false, type).toBe(false);
      }
      expect(inputsOf(collected, types.key)).toMatchObject({ deletionWindowInDays: 7 });
      expect(inputsOf(collected, types.secret)).toMatchObject({ recoveryWindowInDays: 0 });
    });

    it("goes before the network that it lies in", async () => {
      const { result, registrations } = await collect(() => {
        const route = new aws.ec2.RouteTable("route", { vpcId: "vpc-1" });
        new MetaflowDatabase("database", { ...durable, network: { ...durable.network, ready: [route] } });
        return route;
      }, outputs);
      const instance = registrations.find(({ type }) => type === types.instance);
      expect([instance?.opts.dependsOn].flat()).toContain(result);
    });

    it("makes every resource its child", async () => {
      const collected = await build();
      const children = collected.registrations.filter(({ name }) => name.startsWith("database-"));
      expect(children).toHaveLength(8);
      for (const { name, opts } of children) expect(opts.parent, name).toBe(collected.result);
    });
  });

  it("lets a transform change what it makes", async () => {
    const collected = await build({
      transform: {
        password: { length: 40 },
        instance: { maintenanceWindow: "sat:22:00-sat:23:00" },
        parameterGroup: (group) => ({ args: { ...group, description: "Ours" } }),
        securityGroup: { name: "metaflow-database" },
      },
    });
    expect(inputsOf(collected, resourceTypes.password)).toMatchObject({ length: 40 });
    expect(inputsOf(collected, types.instance)).toMatchObject({
      maintenanceWindow: "sat:22:00-sat:23:00",
      storageEncrypted: true,
    });
    expect(inputsOf(collected, types.parameterGroup)).toMatchObject({ description: "Ours", family: "postgres16" });
    expect(inputsOf(collected, types.securityGroup)).toMatchObject({ name: "metaflow-database", egress: [] });
  });

  it.each<[string, Partial<MetaflowDatabaseArgs>, RegExp]>([
    [
      "a region without certificates",
      { region: "us-gov-west-1" },
      /region: .*"us-gov-west-1".*pass certificateAuthority/,
    ],
    ["the name of a file for certificates", { certificateAuthority: "/etc/ca.pem" }, /certificateAuthority: .*PEM/],
    [
      "an EC2 type",
      { instanceClass: "t4g.micro" },
      /instanceClass: got "t4g.micro"; must be a class such as "db.t4g.micro"/,
    ],
    ["less storage than RDS has", { storageGib: 5 }, /storageGib: got 5; .*from 20 to 16384/],
    ["no backups", { backupDays: 0 }, /backupDays: got 0; .*from 1 to 35/],
    ["half a generation", { passwordGeneration: 1.5 }, /passwordGeneration: got 1.5/],
  ])("refuses %s", async (_what, wrong, message) => {
    await expect(build(wrong)).rejects.toThrow(message);
  });

  it.each(["my_database", "2nd", "data--base", "database-"])("refuses the name %s, which RDS would", async (name) => {
    await expect(build({}, name)).rejects.toThrow(/name: got ".*"; must be letters, digits and single dashes/);
  });

  it("says all that is wrong at once, before it registers anything", async () => {
    const registered: string[] = [];
    const attempt = collect(() => {
      pulumi.runtime.registerStackTransformation(({ name }) => {
        registered.push(name);
        return undefined;
      });
      return new MetaflowDatabase("database", { ...durable, region: "moon-1", instanceClass: "big", backupDays: 99 });
    });
    await expect(attempt).rejects.toThrow(/region:[^]*instanceClass:[^]*backupDays:/);
    expect(registered).toEqual([]);
  });
});

describe("storageLimitGib", () => {
  it("leaves RDS room to grow by the tenth that it demands, and never asks for more than it has", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 16_384 }), (storage) => {
        const limit = storageLimitGib(storage);
        expect(Number.isInteger(limit)).toBe(true);
        expect(limit).toBeGreaterThanOrEqual(Math.max(100, Math.ceil(storage * 1.1)));
        expect(limit).toBeLessThanOrEqual(65_536);
      }),
    );
  });
});

/** The inputs without those that are secret. */
function plainOnly(inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inputs).filter(([, value]) => {
      try {
        secretValue(value);
        return false;
      } catch {
        return true;
      }
    }),
  );
}
