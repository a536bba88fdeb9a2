import { z } from "zod";
import { regionNames, zonesOf } from "../catalog/regions";
import { clusterArgumentErrors } from "../components/cluster/clusterArguments";
import { type InputError, valueErrors } from "../components/core/inputErrors";
import { gpuAddonsArgumentErrors } from "../components/gpu/gpuAddonsArguments";
import { deployersGroup } from "../components/metaflow/metaflowAccess";
import { metaflowChartProblem } from "../components/metaflow/metaflowCompatibility";
import {
  elsewhereStoreReason,
  outerboundsMetaflowBackendArgumentErrors,
} from "../components/metaflow/outerboundsMetaflowBackendArguments";
import { selfHostedMetaflowBackendArgumentErrors } from "../components/metaflow/selfHostedMetaflowBackendArguments";
import { networkArgumentErrors } from "../components/network/networkArguments";
import { observabilityArgumentErrors } from "../components/observability/observabilityArguments";
import { existingArtifactStoreArgumentErrors } from "../components/store/existingArtifactStoreArguments";
import { ConfigurationError } from "../validation/configurationError";
import { type FieldError, show } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";
import { type KeyPlaces, keyPlaces } from "../validation/keyPlaces";
import {
  type AwsCompute,
  type BackendConfiguration,
  type ClusterConfiguration,
  clusterSchema,
  type NetworkConfiguration,
  networkSchema,
  type ExternalDatabase,
  type PlatformConfiguration,
  type PlatformDocument,
  platformSchema,
  type StoreConfiguration,
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
type Parts = Partial<Pick<PlatformDocument, "store" | "backend" | "addons" | "observability">> & {
  readonly region?: AwsCompute["region"];
  readonly network?: NetworkConfiguration;
  readonly cluster?: ClusterConfiguration;
};

/** What the components say of their arguments. */
function partErrors({ region, network, cluster, store, backend, addons, observability }: Parts): FieldError[] {
  return [
    ...(network === undefined ? [] : networkPartErrors(network, region)),
    ...(store?.kind === "existing" ? under("store", existingArtifactStoreArgumentErrors(store)) : []),
    // The cluster's own name follows from the stack's, which Pulumi judges.
    ...(cluster === undefined
      ? []
      : under("compute.cluster", clusterArgumentErrors({ ...cluster, clusterName: "platform", deployersGroup }))),
    ...(backend?.kind === "self-hosted"
      ? [...under("backend", selfHostedMetaflowBackendArgumentErrors(backend)), ...takenNamespaces(backend)]
      : []),
    ...(backend?.kind === "outerbounds" ? outerboundsErrors(backend, store) : []),
    ...(addons === undefined ? [] : addonErrors(addons)),
    // That a budget needs AWS is said with the kind of compute.
    ...(observability === undefined
      ? []
      : [
          ...under("observability", observabilityArgumentErrors({ ...observability, hasAwsProvider: true })),
          ...repeated(observability.budget?.emails ?? [], "observability.budget.emails"),
        ]),
  ];
}

function networkPartErrors(network: NetworkConfiguration, region: Parts["region"]): FieldError[] {
  switch (network.kind) {
    case "managed":
      return networkErrors(network, region);
    case "existing":
      return repeated(network.privateSubnetIds, "compute.network.privateSubnetIds");
  }
}

/** Beside what the component says: Metaflow has wishes for JobSet too. */
function addonErrors(addons: PlatformDocument["addons"]): FieldError[] {
  const own = gpuAddonsArgumentErrors(addons);
  const path = "charts.jobSet";
  const isJudged = !addons.install.includes("jobSet") || own.some(({ propertyPath }) => propertyPath === path);
  return under("addons", [
    ...own,
    ...(isJudged ? [] : valueErrors(path, addons.charts.jobSet, (version) => metaflowChartProblem("jobSet", version))),
  ]);
}

/** Values that are there twice, each named where it is there again. */
function repeated(values: readonly string[], path: string): FieldError[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    return first === index
      ? []
      : [{ path: `${path}[${index}]`, reason: `got ${show(value)}, which is ${path}[${first}] already` }];
  });
}

/** Namespaces that other parts of the platform make. */
const platformNamespaces = ["posttraining-gpu", "posttraining-monitoring", "jobset-system", "kueue-system"];

function takenNamespaces(backend: Extract<PlatformDocument["backend"], { kind: "self-hosted" }>): FieldError[] {
  return (["systemNamespace", "jobsNamespace"] as const).flatMap((key) =>
    platformNamespaces.includes(backend[key])
      ? [
          {
            path: `backend.${key}`,
            reason: `got ${show(backend[key])}, which another part of the platform makes; choose a name of its own`,
          },
        ]
      : [],
  );
}

function outerboundsErrors(
  backend: Extract<PlatformDocument["backend"], { kind: "outerbounds" }>,
  store: StoreConfiguration | undefined,
): FieldError[] {
  const errors = under("backend", outerboundsMetaflowBackendArgumentErrors({ ...backend, hasEndpoint: false }));
  if (store?.kind === "existing" && store.endpoint !== undefined) {
    errors.push({ path: "store.endpoint", reason: `got ${show(store.endpoint)}; ${elsewhereStoreReason}` });
  }
  return errors;
}

/** Settings of a Prometheus that the stack makes, given for one that is there: they would have no effect. */
function ignoredErrors(document: unknown): FieldError[] {
  const observability = fieldsOf(fieldsOf(document).observability);
  if (fieldsOf(observability.prometheus).kind !== "existing") return [];
  return ["retentionDays", "charts"].flatMap((key) =>
    key in observability
      ? [
          {
            path: `observability.${key}`,
            reason: 'is of a Prometheus that the stack makes, and prometheus.kind is "existing": remove it',
          },
        ]
      : [],
  );
}

/** What components say of their arguments, under the configuration's own names. */
function under(prefix: string, errors: readonly InputError[]): FieldError[] {
  return errors.map(({ propertyPath, reason }) => ({
    path: `${prefix}.${propertyPath}`,
    reason,
  }));
}

function networkErrors(
  network: Extract<NetworkConfiguration, { kind: "managed" }>,
  region: AwsCompute["region"] | undefined,
): FieldError[] {
  // Without a region its zones are unknown; the range can be judged with any.
  const availabilityZones = network.availabilityZones ?? zonesOf(region ?? "us-east-1");
  return under("compute.network", networkArgumentErrors({ region, cidr: network.cidr, availabilityZones }));
}

/** The parts of a document that has wrong fields elsewhere, so that one message names everything that is wrong. */
function readableParts(document: unknown): Parts {
  const root = fieldsOf(document);
  const compute = fieldsOf(root.compute);
  const parts = {
    store: platformSchema.shape.store.safeParse(root.store).data,
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
 * The platform that a document with right fields describes.
 *
 * @returns all that is wrong between its fields, if anything is.
 */
function platformOf(document: PlatformDocument): PlatformConfiguration | readonly FieldError[] {
  const { compute, store, backend, addons, observability } = document;
  const errors = partErrors({ store, backend, addons, observability, ...(compute.kind === "aws" ? compute : {}) });
  if (compute.kind === "aws") return errors.length > 0 ? errors : { ...document, compute };
  const place = placeErrors(compute.kind, document);
  if (store.kind === "managed" || isOnRds(backend) || place.length + errors.length > 0) return [...place, ...errors];
  return { ...document, compute, store, backend };
}

/** Whether a backend has a database that is made on AWS. */
function isOnRds(
  backend: PlatformDocument["backend"],
): backend is Exclude<PlatformDocument["backend"], BackendConfiguration<ExternalDatabase>> {
  return backend.kind === "self-hosted" && backend.database.kind === "rds";
}

/** Parts that only AWS can hold need compute of kind aws. */
function placeErrors(kind: unknown, { store, backend, observability }: Parts): FieldError[] {
  if (kind !== "existing") return [];
  const errors: FieldError[] = [];
  if (store?.kind === "managed")
    errors.push({
      path: "store.kind",
      reason:
        'got "managed", which is made on AWS; with compute of kind "existing" name a bucket: { kind: existing, bucket, region }',
    });
  if (backend !== undefined && isOnRds(backend))
    errors.push({
      path: "backend.database.kind",
      reason:
        'got "rds", which is made on AWS; with compute of kind "existing" name a PostgreSQL server: { kind: external, host, passwordSecret }',
    });
  if (observability?.budget !== undefined)
    errors.push({
      path: "observability.budget",
      reason: 'is kept by AWS Budgets; leave it out with compute of kind "existing"',
    });
  return errors;
}

let places: KeyPlaces | undefined;

function platformKeyPlaces(): KeyPlaces {
  places ??= keyPlaces(platformSchema);
  return places;
}

/**
 * Validates the configuration of a platform stack.
 *
 * @throws ConfigurationError naming every wrong field.
 */
export function parsePlatform(document: unknown): PlatformConfiguration {
  const parsed = platformSchema.safeParse(document);
  if (!parsed.success) {
    const errors = explainIssues(parsed.error.issues, document, platformKeyPlaces());
    throw new ConfigurationError([
      ...errors.map((error) => explainMixedCompute(error, document)),
      ...placeErrors(fieldsOf(fieldsOf(document).compute).kind, readableParts(document)),
      ...partErrors(readableParts(document)),
      ...ignoredErrors(document),
    ]);
  }
  const platform = platformOf(parsed.data);
  const errors = [...("kind" in platform ? [] : platform), ...ignoredErrors(document)];
  if (errors.length > 0 || !("kind" in platform)) throw new ConfigurationError(errors);
  return platform;
}
