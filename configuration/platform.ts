import { z } from "zod";
import { defaultKubernetesVersion } from "../catalog/kubernetesVersions";
import { gpuAddonCharts, metaflowCharts, metaflowImages, observabilityCharts } from "../catalog/platformVersions";
import { regionNames } from "../catalog/regions";
import { nobodyProblem, noRangeProblem, systemNodeLimits } from "../components/cluster/clusterArguments";
import { contextProblem, kubeconfigProblem } from "../components/cluster/existingClusterArguments";
import {
  bucketNameProblem,
  clusterVersionProblem,
  databaseClassProblem,
  keyArnProblem,
  logDaysProblem,
  principalProblem,
} from "../components/core/awsNames";
import { chartVersionProblem } from "../components/core/chartVersion";
import type { Check, Limits } from "../components/core/inputErrors";
import { kubernetesNameProblem } from "../components/core/kubernetesNames";
import { noTeamProblem, teamGpuLimits } from "../components/gpu/gpuAddonsArguments";
import { gpuAddonNames } from "../components/gpu/gpuCharts";
import {
  backupDayLimits,
  passwordGenerationLimits,
  storageGibLimits,
} from "../components/metaflow/metaflowDatabaseArguments";
import {
  computePoolProblem,
  domainProblem,
  noPoolProblem,
  platformNameProblem,
} from "../components/metaflow/outerboundsMetaflowBackendArguments";
import { cidrProblem } from "../components/network/cidr";
import {
  budgetProblem,
  idleGpuMinuteLimits,
  retentionDayLimits,
  subscribersProblem,
} from "../components/observability/observabilityArguments";
import { storeEndpointProblem, storeRegionProblem } from "../components/store/existingArtifactStoreArguments";
import { lifecycleDayLimits } from "../components/store/s3ArtifactStoreArguments";

/**
 * What a stack of kind `platform` may say. Defaults are filled in here and nowhere else; what a value may be is said where the component
 * that takes it says it; what depends on more than one field is checked in platformChecks.ts.
 */

/** A value that a component's check has nothing against. */
const accepted = <Schema extends z.ZodType>(schema: Schema, check: Check<z.output<Schema>>): Schema =>
  schema.superRefine((value, context) => {
    const message = check(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
const text = (check: Check<string>) => accepted(z.string(), check);
const whole = ({ least, most }: Limits) => z.number().int().min(least).max(most);

const version = text(chartVersionProblem);
const principal = text(principalProblem);
const kubernetesName = text(kubernetesNameProblem);
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
export const networkSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("managed"),
    /** Range of the VPC. */
    cidr: text(cidrProblem).default("10.64.0.0/16"),
    /** Zones, for example ["us-east-1a"]; left out: the region's first three that most accounts have. */
    availabilityZones: z.array(z.string()).optional(),
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
  version: text(clusterVersionProblem).default(defaultKubernetesVersion),
  /** `private`: reached from inside the VPC only; `public`: from the named ranges too. */
  endpoint: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("private") }),
      z.strictObject({
        kind: z.literal("public"),
        allowedCidrs: accepted(z.array(text(cidrProblem)), noRangeProblem),
      }),
    ])
    .prefault({ kind: "private" }),
  /** IAM roles (or users) that administer the cluster; the one that deploys must be among them. */
  administrators: accepted(z.array(principal), nobodyProblem),
  /** IAM roles (or users) that deploy, watch and stop runs, and do nothing else in the cluster: scientists, CI. */
  deployers: z.array(principal).default([]),
  /** The nodes on which the platform itself runs; tainted, so that nothing else does. */
  systemNodes: z
    .strictObject({
      instanceType: z.string().min(1).default("t3.large"),
      count: whole(systemNodeLimits).default(2),
    })
    .prefault({}),
  /** Days for which control-plane logs are kept. */
  logDays: accepted(z.number(), logDaysProblem).default(30),
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
    context: text(contextProblem),
    /** Path of the kubeconfig; left out: KUBECONFIG, else ~/.kube/config. */
    kubeconfig: text(kubeconfigProblem).optional(),
  }),
]);

export const storeSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("managed"),
    /** Days after which checkpoints are deleted; models stay. */
    checkpointDays: whole(lifecycleDayLimits).default(14),
    /** Days after which earlier versions of objects are deleted. */
    noncurrentDays: whole(lifecycleDayLimits).default(30),
  }),
  z.strictObject({
    kind: z.literal("existing"),
    bucket: text(bucketNameProblem),
    region: text(storeRegionProblem),
    /** Key that the bucket is encrypted with, if pods need permission for it. */
    kmsKeyArn: text(keyArnProblem).optional(),
    /** Address of an S3-compatible store that is not AWS. */
    endpoint: text(storeEndpointProblem).optional(),
    /** Kubernetes secret in the jobs' namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where pods have no role. */
    credentialsSecret: kubernetesName.optional(),
  }),
]);

const databaseSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rds"),
    instanceClass: text(databaseClassProblem).default("db.t4g.micro"),
    storageGib: whole(storageGibLimits).default(20),
    multiZone: z.boolean().default(false),
    /** Days of point-in-time recovery. */
    backupDays: whole(backupDayLimits).default(7),
    /** Raise it by one to give the database a new password. */
    passwordGeneration: whole(passwordGenerationLimits).default(1),
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
    .strictObject({
      argoWorkflows: version.default(metaflowCharts.argoWorkflows),
      argoEvents: version.default(metaflowCharts.argoEvents),
    })
    .prefault({}),
  images: z
    .strictObject({
      /** Metadata service and the backend of the web interface. */
      metadataService: image.default(metaflowImages.metadataService),
      userInterface: image.default(metaflowImages.userInterface),
    })
    .prefault({}),
});

export const outerboundsSchema = z.strictObject({
  kind: z.literal("outerbounds"),
  /** For example "acme.obp.outerbounds.com". */
  domain: text(domainProblem),
  perimeter: text(platformNameProblem).default("default"),
  servicePrincipal: z.strictObject({
    name: text(platformNameProblem),
    /** Where its OIDC token comes from: GitHub Actions, or the variable OUTERBOUNDS_JWT. */
    token: z.enum(["github-actions", "environment"]).default("github-actions"),
  }),
  /** Compute pools that experiments may ask for, by the names that the platform has given them. */
  computePools: accepted(z.array(text(computePoolProblem)), noPoolProblem),
});

export const addonsSchema = z.strictObject({
  /** Which of the add-ons to install, for example ["kueue"] where somebody else has installed the others. */
  install: z.array(z.enum(gpuAddonNames)).default([...gpuAddonNames]),
  charts: z
    .strictObject({
      nvidiaDevicePlugin: version.default(gpuAddonCharts.nvidiaDevicePlugin),
      efaDevicePlugin: version.default(gpuAddonCharts.efaDevicePlugin),
      dcgmExporter: version.default(gpuAddonCharts.dcgmExporter),
      jobSet: version.default(gpuAddonCharts.jobSet),
      kueue: version.default(gpuAddonCharts.kueue),
    })
    .prefault({}),
  /** GPUs that are each team's own; idle ones are lent to the others. Kueue admits a run only when all of its pods fit. */
  teams: accepted(z.array(z.strictObject({ name: kubernetesName, gpus: whole(teamGpuLimits) })), noTeamProblem).default(
    [{ name: "default", gpus: 64 }],
  ),
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
  charts: z
    .strictObject({ kubePrometheusStack: version.default(observabilityCharts.kubePrometheusStack) })
    .prefault({}),
  /** Days for which metrics are kept. */
  retentionDays: whole(retentionDayLimits).default(15),
  /** Minutes below 5% use after which a GPU that is allocated raises an alarm. */
  idleGpuMinutes: whole(idleGpuMinuteLimits).default(30),
  /** AWS Budgets on the stack's tags; left out: none. Needs compute of kind aws. */
  budget: z
    .strictObject({
      usdPerMonth: accepted(z.number(), budgetProblem),
      emails: accepted(z.array(z.email("must be an address such as team@example.com")), subscribersProblem),
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

/** Fields that are each right; what must hold between them is not judged yet. */
export type PlatformDocument = z.infer<typeof platformSchema>;

export type NetworkConfiguration = z.infer<typeof networkSchema>;
export type ClusterConfiguration = z.infer<typeof clusterSchema>;
export type StoreConfiguration = z.infer<typeof storeSchema>;
export type DatabaseConfiguration = z.infer<typeof databaseSchema>;
export type ExternalDatabase = Extract<DatabaseConfiguration, { kind: "external" }>;
export type AwsCompute = Extract<PlatformDocument["compute"], { kind: "aws" }>;

/**
 * A Metaflow backend.
 *
 * @typeParam Database what its database may be
 */
export type BackendConfiguration<Database> =
  | z.infer<typeof outerboundsSchema>
  | (Omit<z.infer<typeof selfHostedSchema>, "database"> & { readonly database: Database });

/** A platform whose cluster is made on AWS. */
export type AwsPlatform = Omit<PlatformDocument, "compute"> & { readonly compute: AwsCompute };

/** A platform on a cluster that was there: nothing of it is made on AWS. */
export type ExistingClusterPlatform = Omit<PlatformDocument, "compute" | "store" | "backend" | "observability"> & {
  readonly compute: Extract<PlatformDocument["compute"], { kind: "existing" }>;
  readonly store: Extract<StoreConfiguration, { kind: "existing" }>;
  readonly backend: BackendConfiguration<ExternalDatabase>;
  readonly observability: Omit<PlatformDocument["observability"], "budget">;
};

/** A platform that can be made. */
export type PlatformConfiguration = AwsPlatform | ExistingClusterPlatform;

export function isOnAws(configuration: PlatformConfiguration): configuration is AwsPlatform {
  return configuration.compute.kind === "aws";
}
