import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { databaseVersion } from "../../catalog/postgresVersions";
import { Password, type PasswordArgs } from "../../provider/sdk/password";
import { componentTypes } from "../core/componentTypes";
import { checked, refuse } from "../core/inputErrors";
import type { ClusterNetwork } from "../network/network";
import { certificateAuthorityProblem, metaflowDatabaseArgumentErrors } from "./metaflowDatabaseArguments";
import { rdsCertificateAuthority } from "./rdsCertificates";
import { type Transform, transformed } from "../core/transform";

/** Where the password of a database comes from. */
export type DatabasePassword =
  | {
      readonly kind: "value";
      /** The password; secret. */
      readonly value: pulumi.Input<string>;
    }
  | {
      readonly kind: "kubernetes-secret";
      /** A secret that is there, in the namespace of whoever connects; its key `password` holds the password. */
      readonly name: pulumi.Input<string>;
    };

/** How a connection is encrypted, and whether the server must prove who it is. */
export type DatabaseTls =
  | {
      /** Encrypted, and the server proves that it is the one meant. */
      readonly tls: "verify-full";
      /** PEM of the authorities that the server's certificate must come from. */
      readonly certificateAuthority: pulumi.Input<string>;
    }
  | {
      /** Encrypted, whoever answers. */
      readonly tls: "require";
      /** None: nothing is proved. */
      readonly certificateAuthority?: undefined;
    };

/** What a client needs to reach Metaflow's database. */
export type DatabaseConnection = DatabaseTls & {
  /** Host name of the server. */
  readonly host: pulumi.Input<string>;
  /** Port of the server. */
  readonly port: pulumi.Input<number>;
  /** Name of the database. */
  readonly name: pulumi.Input<string>;
  /** Name of the user. */
  readonly user: pulumi.Input<string>;
  /** The user's password, or where it is. */
  readonly password: DatabasePassword;
};

/**
 * Arguments of `MetaflowDatabase`. Inputs take outputs of other resources. What is plain decides about size, protection and certificates:
 * it is checked before anything exists.
 */
export interface MetaflowDatabaseArgs {
  /**
   * Region of the network: the provider's. Plain, since it decides which of AWS's certificates are trusted.
   *
   * @example
   * ```ts
   * { region: "us-east-1" }
   * ```
   */
  region: string;

  /** Network whose private subnets the database gets addresses in. */
  network: ClusterNetwork;

  /**
   * Security group that nodes and pods carry: nothing else reaches the database.
   *
   * @example
   * ```ts
   * { clusterSecurityGroupId: cluster.securityGroupId }
   * ```
   */
  clusterSecurityGroupId: pulumi.Input<string>;

  /**
   * Class of the instance.
   *
   * @example
   * ```ts
   * { instanceClass: "db.t4g.micro" }
   * ```
   */
  instanceClass: string;

  /**
   * GiB to begin with, 20 at least; RDS adds more by itself, up to five times as much, or 100.
   *
   * @example
   * ```ts
   * { storageGib: 20 }
   * ```
   */
  storageGib: number;

  /** True: a standby in another zone takes over when the zone of the database is out of use. */
  multiZone: boolean;

  /**
   * Days of point-in-time recovery: 1 to 35.
   *
   * @example
   * ```ts
   * { backupDays: 7 }
   * ```
   */
  backupDays: number;

  /**
   * True: database, backups and key go with the stack. False: they are protected, and deletion leaves a last snapshot. Plain, as Pulumi's
   * protection is.
   */
  ephemeral: boolean;

  /**
   * Raise it and run `pulumi up` to rotate the password: the database, the secret and the pods that are made from `connection` follow.
   *
   * @default 1
   * @example
   * ```ts
   * { passwordGeneration: 2 }
   * ```
   */
  passwordGeneration?: number;

  /**
   * PEM of the authorities by which clients know the database.
   *
   * @default AWS's for the region
   * @example
   * ```ts
   * { certificateAuthority: fs.readFileSync("authorities.pem", "utf8") }
   * ```
   */
  certificateAuthority?: pulumi.Input<string>;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    key?: Transform<aws.kms.KeyArgs>;
    password?: Transform<PasswordArgs>;
    subnetGroup?: Transform<aws.rds.SubnetGroupArgs>;
    securityGroup?: Transform<aws.ec2.SecurityGroupArgs>;
    parameterGroup?: Transform<aws.rds.ParameterGroupArgs>;
    instance?: Transform<aws.rds.InstanceArgs>;
    secret?: Transform<aws.secretsmanager.SecretArgs>;
    secretVersion?: Transform<aws.secretsmanager.SecretVersionArgs>;
  };
}

const port = 5432;
/** Of the database, and of the only user that there is. */
const databaseName = "metaflow";
/** Letters and digits only: metaflow-service 2.5.1 does not escape all that a connection string would need. */
const passwordLength = 32;

/** Times in UTC; RDS takes no backup while it maintains. */
const windows = { backup: "03:00-04:00", maintenance: "sun:04:30-sun:05:30" } as const;

/**
 * Database of Metaflow's metadata service: RDS for PostgreSQL 16 in private subnets, encrypted with a key of its own.
 *
 * Only the cluster's security group reaches it, only by TLS, and clients verify that it is the database that they meant: its
 * authorities are part of `connection`. AWS applies minor versions by itself, on Sunday mornings (UTC).
 * The password is the stack's and not RDS's own managed one, which changes every week behind the backs of pods that read theirs when
 * they start; `passwordGeneration` rotates it. Secrets Manager keeps a copy for people (`nodes.secret`).
 *
 * **Cost** (us-east-1): db.t4g.micro with 20 GiB: $12 a month for the instance, $2.30 for storage, $1.40 for key and secret; twice the
 * instance and the storage with `multiZone`. Backups are free up to the size of the storage, as are 7 days of Performance Insights.
 *
 * **Teardown**: not ephemeral: `pulumi destroy` is refused by Pulumi's protection, and by AWS's own for whoever gets past it. With both taken
 * off by hand, the instance leaves a snapshot, named for the key and so never named twice; the secret can be brought back for 30 days,
 * and the key stays, since the snapshot is lost without it ($1 a month, and $0.095 per GB of snapshot). Ephemeral: everything goes
 * at once, without a snapshot. A stack that becomes ephemeral needs one `pulumi up` before `pulumi destroy`.
 *
 * @example
 * ```ts
 * const database = new MetaflowDatabase(
 *   "database",
 *   { region, network, clusterSecurityGroupId, instanceClass: "db.t4g.micro", storageGib: 20, multiZone: false, backupDays: 7, ephemeral: false },
 *   { provider },
 * );
 * new SelfHostedMetaflowBackend("metaflow", { ...rest, database: database.connection });
 * ```
 */
export class MetaflowDatabase extends pulumi.ComponentResource {
  /** What clients need; complete once the database takes connections with it. */
  readonly connection: DatabaseConnection;
  /** ARN of the secret with everything of the connection but the certificates. */
  readonly secretArn: pulumi.Output<string>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly key: aws.kms.Key;
    readonly password: Password;
    readonly securityGroup: aws.ec2.SecurityGroup;
    readonly instance: aws.rds.Instance;
    readonly secret: aws.secretsmanager.Secret;
  };

  constructor(name: string, args: MetaflowDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    const certificateAuthority = args.certificateAuthority ?? rdsCertificateAuthority(args.region);
    refuse("MetaflowDatabase", name, metaflowDatabaseArgumentErrors({ ...args, name, certificateAuthority }));
    super(componentTypes.metaflowDatabase, name, {}, options);
    const key = new aws.kms.Key(
      ...transformed(
        args.transform?.key,
        `${name}-key`,
        {
          description: "Metaflow's database, its snapshots and its password",
          enableKeyRotation: true,
          deletionWindowInDays: args.ephemeral ? 7 : 30,
        },
        args.ephemeral ? { parent: this } : { parent: this, protect: true, retainOnDelete: true },
      ),
    );
    // Never protected: a rotation replaces it.
    const password = new Password(
      ...transformed(
        args.transform?.password,
        `${name}-password`,
        { length: passwordLength, generation: args.passwordGeneration ?? 1 },
        { parent: this },
      ),
    );
    const access = databaseAccess(name, args, this);
    const instance = new aws.rds.Instance(
      ...transformed(
        args.transform?.instance,
        `${name}-instance`,
        {
          ...instanceSettings(args),
          password: password.value,
          storageEncrypted: true,
          kmsKeyId: key.arn,
          dbSubnetGroupName: access.subnetGroup.name,
          vpcSecurityGroupIds: [access.securityGroup.id],
          parameterGroupName: access.parameterGroup.name,
          ...(args.ephemeral
            ? { skipFinalSnapshot: true }
            : {
                skipFinalSnapshot: false,
                // Names of snapshots are unique in an account: another life of the stack has another key, and so another name.
                finalSnapshotIdentifier: pulumi.interpolate`${name}-final-${key.keyId}`,
              }),
        },
        { parent: this, protect: !args.ephemeral, dependsOn: args.network.ready },
      ),
    );
    const secret = new aws.secretsmanager.Secret(
      ...transformed(
        args.transform?.secret,
        `${name}-secret`,
        {
          description: "Connection to Metaflow's database, for people; made by Pulumi, which rotates it",
          kmsKeyId: key.arn,
          recoveryWindowInDays: args.ephemeral ? 0 : 30,
        },
        { parent: this },
      ),
    );
    new aws.secretsmanager.SecretVersion(
      ...transformed(
        args.transform?.secretVersion,
        `${name}-secret-version`,
        { secretId: secret.id, secretString: secretText(instance, password) },
        { parent: this },
      ),
    );

    this.nodes = { key, password, securityGroup: access.securityGroup, instance, secret };
    this.secretArn = secret.arn;
    this.connection = {
      host: instance.address,
      port: instance.port,
      name: instance.dbName,
      user: instance.username,
      password: { kind: "value", value: onceItIsSet(instance, password) },
      tls: "verify-full",
      certificateAuthority: checked(
        "MetaflowDatabase",
        name,
        "certificateAuthority",
        certificateAuthority ?? "",
        certificateAuthorityProblem,
      ),
    };
    this.registerOutputs({ host: instance.address, secretArn: this.secretArn });
  }
}

/** The password, once the database has it: a pod that starts between the two would be turned away. */
function onceItIsSet(instance: aws.rds.Instance, password: Password): pulumi.Output<string> {
  return pulumi.secret(pulumi.all([password.value, instance.id]).apply(([value]) => value));
}

/** The form that Secrets Manager and its clients know for databases. */
function secretText(instance: aws.rds.Instance, password: Password): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.jsonStringify({
      engine: "postgres",
      host: instance.address,
      port: instance.port,
      dbname: instance.dbName,
      username: instance.username,
      password: password.value,
    }),
  );
}

/** Where the database lies in the network, who may reach it, and how. */
function databaseAccess(name: string, args: MetaflowDatabaseArgs, parent: pulumi.Resource) {
  return {
    subnetGroup: new aws.rds.SubnetGroup(
      ...transformed(
        args.transform?.subnetGroup,
        `${name}-subnets`,
        { description: "Private subnets of Metaflow's database", subnetIds: args.network.privateSubnetIds },
        { parent },
      ),
    ),
    securityGroup: new aws.ec2.SecurityGroup(
      ...transformed(
        args.transform?.securityGroup,
        `${name}-access`,
        {
          description: "Metaflow's database: PostgreSQL from the cluster, nothing else",
          vpcId: args.network.vpcId,
          // Rules inside of the group and not beside it: one that somebody adds by hand is drift, which the next `up` takes back.
          ingress: [
            {
              description: "PostgreSQL from nodes and pods",
              protocol: "tcp",
              fromPort: port,
              toPort: port,
              securityGroups: [args.clusterSecurityGroupId],
            },
          ],
          egress: [],
        },
        { parent },
      ),
    ),
    parameterGroup: new aws.rds.ParameterGroup(
      ...transformed(
        args.transform?.parameterGroup,
        `${name}-parameters`,
        {
          description: "Metaflow's database",
          family: `postgres${databaseVersion}`,
          parameters: [{ name: "rds.force_ssl", value: "1", applyMethod: "immediate" }],
        },
        { parent },
      ),
    ),
  };
}

/** What does not depend on other resources. */
function instanceSettings(args: MetaflowDatabaseArgs) {
  return {
    engine: "postgres",
    // Only the major version: AWS picks the newest minor one, and goes on to later ones.
    engineVersion: databaseVersion,
    autoMinorVersionUpgrade: true,
    instanceClass: args.instanceClass,
    storageType: "gp3",
    allocatedStorage: args.storageGib,
    maxAllocatedStorage: storageLimitGib(args.storageGib),
    multiAz: args.multiZone,
    dbName: databaseName,
    username: databaseName,
    port,
    publiclyAccessible: false,
    backupRetentionPeriod: args.backupDays,
    backupWindow: windows.backup,
    maintenanceWindow: windows.maintenance,
    copyTagsToSnapshot: true,
    // RDS for PostgreSQL has it on every class, and keeps 7 days for nothing.
    performanceInsightsEnabled: true,
    performanceInsightsRetentionPeriod: 7,
    deletionProtection: !args.ephemeral,
    // A durable database restarts in its maintenance window only; a new password takes effect at once in any case.
    applyImmediately: args.ephemeral,
  };
}

/** GiB up to which RDS grows the storage by itself: five times what it began with, at least 100, at most what RDS has. */
export function storageLimitGib(storageGib: number): number {
  return Math.min(Math.max(5 * storageGib, 100), 65_536);
}
