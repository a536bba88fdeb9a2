import { z } from "zod";
import { regionNames } from "../catalog/regions";
import { clusterVersionProblem, databaseClassProblem } from "./awsNames";

/**
 * What a stack of kind `platform` may say. Defaults are filled in here and nowhere else; what depends on more than one field
 * is checked in platformChecks.ts.
 */

const cidr = z.string().regex(/^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/, 'must be a range such as "10.64.0.0/16"');
const roleArn = z
  .string()
  .regex(
    /^arn:aws:iam::\d{12}:(?:role|user)\/.+$/,
    'must be the ARN of an IAM role or user, such as "arn:aws:iam::111122223333:role/deployer"',
  );
const version = z.string().regex(/^v?\d+\.\d+(?:\.\d+)?$/, 'must be a version such as "0.45.2"');
/** Text that a function finds a problem with. */
const textWithout = (problem: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = problem(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
/** Text on one line, without blanks at its ends. */
const name = (rule: string) =>
  z.string().regex(/^[^\s\u0000-\u001f\u007f](?:[^\u0000-\u001f\u007f]{0,251}[^\s\u0000-\u001f\u007f])?$/, rule);
/** A name or an address of a machine, as certificates and connection strings have it. */
const hostName = z
  .string()
  .regex(
    /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
    'must be a host name such as "postgres.example.com", without port and path',
  );
/** Of a database or a user; metaflow-service escapes nothing in its connection string. */
const databaseName = z.string().regex(/^\w[\w.@$-]{0,62}$/, "must be letters, digits and _ . @ $ -, 63 at most");
/** With a tag or a digest: without one, each node would run what was the latest when it pulled. */
const image = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9]+(?:(?:[._-]|__)[a-z0-9]+)*)*(?::\w[\w.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$/,
    'must be an image with its tag, such as "public.ecr.aws/outerbounds/metaflow_ui:v1.3.14"',
  );
/** A value of a label; Kubernetes allows an empty one. */
const labelValue = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/, "must be letters, digits and . _ -, 63 at most");
const labelName = z
  .string()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/,
    'must be the name of a label such as "release"',
  );
const kubernetesName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "must be lower-case letters, digits and dashes, 63 at most");

export const networkSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("managed"),
    /** Range of the VPC. */
    cidr: cidr.default("10.64.0.0/16"),
    /** Zones, for example ["us-east-1a"]; left out: the region's first three that most accounts have. */
    availabilityZones: z
      .array(z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d[a-z]$/, 'must be a zone such as "us-east-1a"'))
      .min(2)
      .max(3)
      .optional(),
    /** `one`: cheaper, and out of use while its zone is; `per-zone`: one NAT gateway in each zone. */
    natGateways: z.enum(["one", "per-zone"]).default("one"),
    /** Zones that hold interface endpoints for ECR, STS, EC2 and Logs; the traffic of other zones crosses over to them. */
    interfaceEndpoints: z.enum(["one-zone", "per-zone", "none"]).default("one-zone"),
  }),
  z.strictObject({
    kind: z.literal("existing"),
    vpcId: z.string().regex(/^vpc-[0-9a-f]{8,17}$/, 'must be a VPC\'s id, "vpc-..."'),
    /** Private subnets of at least two zones, with a way out. */
    privateSubnetIds: z
      .array(z.string().regex(/^subnet-[0-9a-f]{8,17}$/, 'must be a subnet\'s id, "subnet-..."'))
      .min(2),
  }),
]);

export const clusterSchema = z.strictObject({
  /** Kubernetes version of EKS. */
  version: textWithout(clusterVersionProblem).default("1.34"),
  /** `private`: reached from inside the VPC only; `public`: from the named ranges too. */
  endpoint: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("private") }),
      z.strictObject({ kind: z.literal("public"), allowedCidrs: z.array(cidr).min(1) }),
    ])
    .prefault({ kind: "private" }),
  /** IAM roles (or users) that administer the cluster; the one that deploys must be among them. */
  administrators: z.array(roleArn).min(1),
  /** IAM roles (or users) that deploy, watch and stop runs, and do nothing else in the cluster: scientists, CI. */
  deployers: z.array(roleArn).default([]),
  /** The nodes on which the platform itself runs; tainted, so that nothing else does. */
  systemNodes: z
    .strictObject({
      instanceType: z.string().min(1).default("t3.large"),
      count: z.number().int().min(2).max(9).default(2),
    })
    .prefault({}),
  /** Days for which control-plane logs are kept. */
  logDays: z.union([z.literal(7), z.literal(14), z.literal(30), z.literal(90), z.literal(365)]).default(30),
});

export const computeSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("aws"),
    region: z.enum(regionNames),
    /** Account that may be deployed to; any other is refused before anything is made. */
    accountId: z
      .string()
      .regex(/^\d{12}$/, "must be the account's 12 digits, in quotes")
      .optional(),
    network: networkSchema.prefault({ kind: "managed" }),
    cluster: clusterSchema,
  }),
  z.strictObject({
    kind: z.literal("existing"),
    /** Context in the kubeconfig. */
    context: name("must be the name of a context: `kubectl config get-contexts -o name` lists them"),
    /** Path of the kubeconfig; left out: KUBECONFIG, else ~/.kube/config. */
    kubeconfig: name("must be the path of a file, which itself stays out of the state").optional(),
  }),
]);

export const storeSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("managed"),
    /** Days after which checkpoints are deleted; models stay. */
    checkpointDays: z.number().int().min(1).max(3650).default(14),
    /** Days after which earlier versions of objects are deleted. */
    noncurrentDays: z.number().int().min(1).max(3650).default(30),
  }),
  z.strictObject({
    kind: z.literal("existing"),
    bucket: z
      .string()
      .regex(
        /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        "must be the bucket's bare name, without s3:// and without a folder",
      ),
    region: z.string().regex(/^[\w-]{1,63}$/, 'must be a region such as "us-east-1"'),
    /** Key that the bucket is encrypted with, if pods need permission for it. */
    kmsKeyArn: z
      .string()
      // IAM ignores aliases in a policy's resources: the permission would be there and not work.
      .regex(
        /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
        'must be the ARN of the key itself, "arn:aws:kms:...:key/..."',
      )
      .optional(),
    /** Address of an S3-compatible store that is not AWS. */
    endpoint: z
      .string()
      .regex(
        /^https?:\/\/[^\s/?#@]+\/?$/,
        'must be an address such as "https://s3.lab.example.com", without a path and without credentials',
      )
      .optional(),
    /** Kubernetes secret in the jobs' namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where pods have no role. */
    credentialsSecret: kubernetesName.optional(),
  }),
]);

const databaseSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rds"),
    instanceClass: textWithout(databaseClassProblem).default("db.t4g.micro"),
    storageGib: z.number().int().min(20).max(16384).default(20),
    multiZone: z.boolean().default(false),
    /** Days of point-in-time recovery. */
    backupDays: z.number().int().min(1).max(35).default(7),
    /** Raise it by one to give the database a new password. */
    passwordGeneration: z.number().int().min(1).max(1_000_000).default(1),
  }),
  z.strictObject({
    kind: z.literal("external"),
    host: hostName,
    port: z.number().int().min(1).max(65535).default(5432),
    name: databaseName.default("metaflow"),
    user: databaseName.default("metaflow"),
    /** Kubernetes secret in the system namespace whose key `password` holds the password. */
    passwordSecret: kubernetesName,
  }),
]);

export const selfHostedSchema = z.strictObject({
  kind: z.literal("self-hosted"),
  /** Left out: RDS, which needs compute of kind aws. */
  database: databaseSchema.prefault({ kind: "rds" }),
  /** Namespace of the metadata service and the web interface. */
  systemNamespace: kubernetesName.default("metaflow"),
  /** Namespace in which runs' pods live. */
  jobsNamespace: kubernetesName.default("metaflow-jobs"),
  charts: z
    .strictObject({ argoWorkflows: version.default("0.45.2"), argoEvents: version.default("2.4.8") })
    .prefault({}),
  images: z
    .strictObject({
      /** Metadata service and the backend of the web interface. */
      metadataService: image.default("public.ecr.aws/outerbounds/metaflow_metadata_service:v2.5.1"),
      userInterface: image.default("public.ecr.aws/outerbounds/metaflow_ui:v1.3.14"),
    })
    .prefault({}),
});

/** A word of a command line, so no option. */
const principal = name("must be the name that the platform shows").refine((word) => !word.startsWith("-"), {
  message: "must be the name that the platform shows, which begins with no dash",
});

export const outerboundsSchema = z.strictObject({
  kind: z.literal("outerbounds"),
  /** For example "acme.obp.outerbounds.com". */
  domain: z
    .string()
    .regex(
      /^(?!(?:ui|api|auth|metadata)\.)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/,
      'must be the platform\'s own host name such as "acme.obp.outerbounds.com", not that of one of its services',
    ),
  perimeter: principal.default("default"),
  servicePrincipal: z.strictObject({
    name: principal,
    /** Where its OIDC token comes from: GitHub Actions, or the variable OUTERBOUNDS_JWT. */
    token: z.enum(["github-actions", "environment"]).default("github-actions"),
  }),
  /** Compute pools that experiments may ask for, by the names that the platform has given them. */
  computePools: z
    .array(
      // The value of the label outerbounds.co/compute-pool, by which Metaflow selects its nodes.
      z
        .string()
        .regex(
          /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/,
          "must be the name of a compute pool, as the platform shows it",
        ),
    )
    .min(1),
});

/** What can be installed for GPU nodes; a cluster that was there may have some of it. */
export const gpuAddonNames = ["nvidiaDevicePlugin", "efaDevicePlugin", "dcgmExporter", "jobSet", "kueue"] as const;

export const addonsSchema = z.strictObject({
  /** Which of the add-ons to install, for example ["kueue"] where somebody else has installed the others. */
  install: z.array(z.enum(gpuAddonNames)).default([...gpuAddonNames]),
  charts: z
    .strictObject({
      nvidiaDevicePlugin: version.default("0.19.3"),
      efaDevicePlugin: version.default("0.5.30"),
      dcgmExporter: version.default("4.8.2"),
      // The version that the default Kueue is built against.
      jobSet: version.default("0.10.1"),
      kueue: version.default("0.16.9"),
    })
    .prefault({}),
  /** GPUs that are each team's own; idle ones are lent to the others. Kueue admits a run only when all of its pods fit. */
  teams: z
    .array(z.strictObject({ name: kubernetesName, gpus: z.number().int().min(0).max(100_000) }))
    .min(1)
    .default([{ name: "default", gpus: 64 }]),
});

/** Prometheus' operator and Grafana. */
const prometheusSchema = z.discriminatedUnion("kind", [
  /** Made by the stack. */
  z.strictObject({ kind: z.literal("managed") }),
  /** The cluster has them: it gets dashboards, monitors and rules only. */
  z.strictObject({
    kind: z.literal("existing"),
    /** Labels by which it finds monitors and rules, for example the name of its release: `{ release: prometheus }`. */
    labels: z.record(labelName, labelValue).default({}),
  }),
]);

export const observabilitySchema = z.strictObject({
  /** Who runs Prometheus. `charts` and `retentionDays` are about one that the stack makes. */
  prometheus: prometheusSchema.prefault({ kind: "managed" }),
  charts: z.strictObject({ kubePrometheusStack: version.default("77.14.0") }).prefault({}),
  /** Days for which metrics are kept. */
  retentionDays: z.number().int().min(1).max(90).default(15),
  /** Minutes below 5% use after which a GPU that is allocated raises an alarm. */
  idleGpuMinutes: z.number().int().min(5).max(1440).default(30),
  /** AWS Budgets on the stack's tags; left out: none. Needs compute of kind aws. */
  budget: z
    .strictObject({
      usdPerMonth: z.number().positive().max(1_000_000_000),
      emails: z.array(z.email("must be an address such as team@example.com")).min(1),
    })
    .optional(),
});

export const platformSchema = z.strictObject({
  kind: z.literal("platform"),
  /** Team or person who answers for the stack: a tag on everything. */
  owner: z.string().regex(/^[\w.@-]{1,63}$/, "must be letters, digits and . _ - @, 63 at most"),
  /** True: a platform for trying out; bucket, database and cluster are not protected and go with all that they hold. */
  ephemeral: z.boolean().default(false),
  compute: computeSchema,
  store: storeSchema.prefault({ kind: "managed" }),
  backend: z.discriminatedUnion("kind", [selfHostedSchema, outerboundsSchema]),
  addons: addonsSchema.prefault({}),
  observability: observabilitySchema.prefault({}),
});

export type PlatformConfiguration = z.infer<typeof platformSchema>;
export type AwsCompute = Extract<PlatformConfiguration["compute"], { kind: "aws" }>;
export type NetworkConfiguration = z.infer<typeof networkSchema>;
export type ClusterConfiguration = z.infer<typeof clusterSchema>;
export type StoreConfiguration = z.infer<typeof storeSchema>;
export type SelfHostedConfiguration = z.infer<typeof selfHostedSchema>;
export type DatabaseConfiguration = z.infer<typeof databaseSchema>;
export type OuterboundsConfiguration = z.infer<typeof outerboundsSchema>;
export type AddonsConfiguration = z.infer<typeof addonsSchema>;
export type ObservabilityConfiguration = z.infer<typeof observabilitySchema>;
