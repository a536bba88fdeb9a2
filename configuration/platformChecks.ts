import { clusterErrors } from "../components/clusterErrors";
import { gpuAddonErrors } from "../components/gpuAddonChecks";
import type { InputError } from "../components/inputErrors";
import { chartErrors } from "../components/metaflowCompatibility";
import { namespaceErrors } from "../components/metaflowNamespaces";
import { observabilityErrors } from "../components/monitoringChecks";
import { planNetwork, zoneRegionErrors } from "../components/networkPlan";
import { z } from "zod";
import { regionNames, zonesOf } from "../sizing/data/regions";
import { ConfigurationError } from "./configurationError";
import { explainIssues, type FieldError, keysOf } from "./explain";
import {
  type AwsCompute,
  type ClusterConfiguration,
  clusterSchema,
  type NetworkConfiguration,
  networkSchema,
  type PlatformConfiguration,
  platformSchema,
} from "./platform";

/** What must hold between the fields of a platform's configuration. */

const computeKeys = {
  aws: ["region", "accountId", "network", "cluster"],
  existing: ["context", "kubeconfig"],
} as const;

/** A key of the other kind of compute is no slip of the keyboard: two ways to a cluster were mixed. */
function explainMixedCompute(error: FieldError, document: unknown): FieldError {
  const key = /^compute\.(\w+)$/.exec(error.path)?.[1] ?? "";
  const kind = (document as { compute?: { kind?: unknown } }).compute?.kind;
  const other = kind === "aws" ? "existing" : "aws";
  return (computeKeys[other] as readonly string[]).includes(key)
    ? {
        path: error.path,
        reason: `belongs to compute of kind "${other}", and kind is "${String(kind)}": an existing cluster is named by context, one on AWS is made from region, network and cluster; remove it or change the kind`,
      }
    : error;
}

/** Parts of a configuration that can be judged by themselves; one whose own fields are wrong is left out. */
type Parts = Partial<Pick<PlatformConfiguration, "backend" | "addons" | "observability">> & {
  readonly region?: AwsCompute["region"];
  readonly network?: NetworkConfiguration;
  readonly cluster?: ClusterConfiguration;
};

/** What the components say of their arguments. */
function partErrors({ region, network, cluster, backend, addons, observability }: Parts): FieldError[] {
  const selfHosted = backend?.kind === "self-hosted" ? backend : undefined;
  return [
    ...(network?.kind === "managed" ? networkErrors(network, region) : []),
    // The cluster's own name follows from the stack's, which Pulumi judges.
    ...(cluster === undefined ? [] : under("compute.cluster", clusterErrors({ ...cluster, clusterName: "platform" }))),
    ...(selfHosted === undefined
      ? []
      : under("backend", namespaceErrors(selfHosted.systemNamespace, selfHosted.jobsNamespace))),
    ...under(
      "",
      chartErrors({
        ...selfHosted?.charts,
        ...(addons?.install.includes("jobSet") === true ? { jobSet: addons.charts.jobSet } : {}),
      }),
    ),
    ...(addons === undefined ? [] : under("addons", gpuAddonErrors(addons))),
    // That a budget needs AWS is said with the kind of compute.
    ...(observability === undefined
      ? []
      : under("observability", observabilityErrors({ ...observability, hasAwsProvider: true }))),
  ];
}

/** What components say of their arguments, under the configuration's own names. */
function under(prefix: string, errors: readonly InputError[]): FieldError[] {
  return errors.map(({ propertyPath, reason }) => ({
    path: prefix === "" ? propertyPath : `${prefix}.${propertyPath}`,
    reason,
  }));
}

function networkErrors(
  network: Extract<NetworkConfiguration, { kind: "managed" }>,
  region: AwsCompute["region"] | undefined,
): FieldError[] {
  // Without a region its zones are unknown; the range can be judged with any.
  const availabilityZones = network.availabilityZones ?? zonesOf(region ?? "us-east-1");
  const planned = planNetwork({ cidr: network.cidr, availabilityZones });
  return under("compute.network", [
    ...("errors" in planned ? planned.errors : []),
    ...(region === undefined ? [] : zoneRegionErrors(region, availabilityZones)),
  ]);
}

/** The parts of a document that has wrong fields elsewhere, so that one message names everything that is wrong. */
function readableParts(document: unknown): Parts {
  const root = fieldsOf(document);
  const compute = fieldsOf(root.compute);
  const parts = {
    backend: platformSchema.shape.backend.safeParse(root.backend).data,
    addons: platformSchema.shape.addons.safeParse(root.addons).data,
    observability: platformSchema.shape.observability.safeParse(root.observability).data,
    ...(compute.kind === "aws"
      ? {
          region: z.enum(regionNames).safeParse(compute.region).data,
          network: networkSchema.prefault({ kind: "managed" }).safeParse(compute.network).data,
          cluster: clusterSchema.safeParse(compute.cluster).data,
        }
      : {}),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/**
 * What is wrong with a configuration whose fields are each right.
 *
 * @returns one entry for every field to change; none if the platform can be made.
 */
export function platformErrors(configuration: PlatformConfiguration): FieldError[] {
  const { compute, backend, addons, observability } = configuration;
  return [
    ...placeErrors(configuration),
    ...partErrors({ backend, addons, observability, ...(compute.kind === "aws" ? compute : {}) }),
  ];
}

/** Parts that only AWS can hold need compute of kind aws. */
function placeErrors({ compute, store, backend, observability }: PlatformConfiguration): FieldError[] {
  if (compute.kind === "aws") return [];
  const errors: FieldError[] = [];
  if (store.kind === "managed")
    errors.push({
      path: "store.kind",
      reason:
        'got "managed", which is made on AWS; with compute of kind "existing" name a bucket: { kind: existing, bucket, region }',
    });
  if (backend.kind === "self-hosted" && backend.database.kind === "rds")
    errors.push({
      path: "backend.database.kind",
      reason:
        'got "rds", which is made on AWS; with compute of kind "existing" name a PostgreSQL server: { kind: external, host, passwordSecret }',
    });
  if (observability.budget !== undefined)
    errors.push({
      path: "observability.budget",
      reason: 'is kept by AWS Budgets; leave it out with compute of kind "existing"',
    });
  return errors;
}

/**
 * Validates the configuration of a platform stack.
 *
 * @throws ConfigurationError naming every wrong field.
 */
export function parsePlatform(document: unknown): PlatformConfiguration {
  const parsed = platformSchema.safeParse(document);
  if (!parsed.success) {
    const errors = explainIssues(parsed.error.issues, document, keysOf(platformSchema));
    throw new ConfigurationError([
      ...errors.map((error) => explainMixedCompute(error, document)),
      ...partErrors(readableParts(document)),
    ]);
  }
  const errors = platformErrors(parsed.data);
  if (errors.length > 0) throw new ConfigurationError(errors);
  return parsed.data;
}
