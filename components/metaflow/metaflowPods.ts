import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { forwardedUrl, metaflowServices, userInterfaceBackendPath } from "./metaflowConfiguration";
import type { DatabaseConnection } from "./metaflowDatabase";
import type { Placement } from "../core/systemPlacement";

/**
 * The pods of Metaflow's services. Facts come from Netflix/metaflow-service v2.5.1 and Netflix/metaflow-ui v1.3.14; commands, user ids
 * and variables of metadata service, migrations and the web interface's backend were run from that source against a PostgreSQL with
 * verified TLS, those of the web interface's pod are read from its Dockerfile.
 */

type PodSpec = kubernetes.types.input.core.v1.PodSpec;
type Container = kubernetes.types.input.core.v1.Container;
type EnvVar = kubernetes.types.input.core.v1.EnvVar;

/** Key under which a secret holds the database's password. */
export const passwordKey = "password";
/** Key under which a ConfigMap holds the certificate authorities of the database. */
export const certificateAuthorityKey = "ca.pem";

const python = "/opt/latest/bin/python3";
const certificateDirectory = "/etc/metaflow/database";
/** Neither root nor a user of the image. */
const serviceUser = 10001;
/** User `nginx` of the official image, on which the web interface's is built. */
const nginxUser = 101;

const seccompProfile = { type: "RuntimeDefault" } as const;
const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** How pods reach the database: the names of secret and ConfigMap, the rest of the connection as it is. */
export interface PodDatabase {
  readonly connection: Pick<DatabaseConnection, "host" | "port" | "name" | "user" | "tls">;
  /** Secret whose key `password` holds the password. */
  readonly passwordSecret: pulumi.Input<string>;
  /** ConfigMap whose key `ca.pem` holds the authorities that the server's certificate must come from; with `verify-full`. */
  readonly certificateAuthorities?: pulumi.Input<string>;
}

/**
 * Variables that name the database. The authorities go by two names: the services read `..._SSL_ROOT_CERT_PATH`, the migrations
 * `..._SSL_ROOT_CERT`, and with `verify-full` each refuses to start without its own.
 *
 * @param connections connections that each of the process's pools may open
 */
export function databaseEnvironment(database: PodDatabase, connections: number): EnvVar[] {
  const { host, port, name, user, tls } = database.connection;
  const authorities = `${certificateDirectory}/${certificateAuthorityKey}`;
  return [
    { name: "MF_METADATA_DB_HOST", value: host },
    { name: "MF_METADATA_DB_PORT", value: pulumi.output(port).apply(String) },
    { name: "MF_METADATA_DB_NAME", value: name },
    { name: "MF_METADATA_DB_USER", value: user },
    { name: "MF_METADATA_DB_PSWD", valueFrom: { secretKeyRef: { name: database.passwordSecret, key: passwordKey } } },
    { name: "MF_METADATA_DB_SSL_MODE", value: tls },
    ...(database.certificateAuthorities === undefined
      ? []
      : [
          { name: "MF_METADATA_DB_SSL_ROOT_CERT_PATH", value: authorities },
          { name: "MF_METADATA_DB_SSL_ROOT_CERT", value: authorities },
        ]),
    { name: "MF_METADATA_DB_POOL_MAX", value: String(connections) },
  ];
}

/** Variables of Kubernetes secrets in the pod's namespace. */
export interface PodSecret {
  readonly name: pulumi.Input<string>;
  /** True: a pod starts without it, too. */
  readonly optional?: boolean;
}

/**
 * Runs the migrations while no other pod does. Two of them at once on an empty database: one fails. The lock is polled for, since a
 * statement that waits for it would hold a snapshot, and `CREATE INDEX CONCURRENTLY` waits for all of those: both would wait for ever.
 */
export const migrationScript = `import subprocess, sys, time
import psycopg2
from services.utils import DBConfiguration

connection = psycopg2.connect(DBConfiguration().get_dsn())
connection.autocommit = True
cursor = connection.cursor()
while True:
    cursor.execute("SELECT pg_try_advisory_lock(hashtext('metaflow migrations'))")
    if cursor.fetchone()[0]:
        break
    print("Another pod migrates the database; waiting for it.", flush=True)
    time.sleep(2)
sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))
`;

/** Program of the image that brings the database's tables up to date; it does nothing to tables that are. */
const migrations = "/root/run_goose.py";

function resources(cpu: string, memory: string, memoryLimit: string) {
  return { requests: { cpu, memory }, limits: { memory: memoryLimit } };
}

/** Probes of a service that answers `path` as soon as it serves; it may take two minutes to come to that. */
function probes(path: string): Pick<Container, "startupProbe" | "readinessProbe" | "livenessProbe"> {
  const httpGet = { path, port: "http" };
  return {
    startupProbe: { httpGet, periodSeconds: 5, failureThreshold: 24, timeoutSeconds: 5 },
    readinessProbe: { httpGet, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 },
    livenessProbe: { httpGet, periodSeconds: 20, failureThreshold: 6, timeoutSeconds: 5 },
  };
}

function certificateVolumes(database: PodDatabase): {
  volumes: kubernetes.types.input.core.v1.Volume[];
  mounts: kubernetes.types.input.core.v1.VolumeMount[];
} {
  const name = database.certificateAuthorities;
  if (name === undefined) return { volumes: [], mounts: [] };
  return {
    volumes: [{ name: "database", configMap: { name } }],
    mounts: [{ name: "database", mountPath: certificateDirectory, readOnly: true }],
  };
}

/** Labels by which a service finds its pods. */
export function podLabels(component: string): Record<string, string> {
  return { "app.kubernetes.io/name": component, "app.kubernetes.io/part-of": "metaflow" };
}

/**
 * The metadata service, migrated before it starts: on every start, not only on that of an empty database, or an upgrade would meet
 * the tables of the release before.
 */
export function metadataServicePod(args: {
  image: pulumi.Input<string>;
  database: PodDatabase;
  placement: Placement;
}): PodSpec {
  const { image, database, placement } = args;
  const { service, port } = metaflowServices.metadata;
  const certificates = certificateVolumes(database);
  const temporary = [{ name: "temporary", mountPath: "/tmp" }, ...certificates.mounts];
  return {
    ...placed(placement),
    automountServiceAccountToken: false,
    securityContext: { seccompProfile },
    // Apart where there are two zones and two nodes, together where there are not.
    topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: podLabels(service) },
    })),
    // Process 1 of a container does not hear SIGTERM unless it asks to: it is ended by SIGKILL, after what it was asked before.
    terminationGracePeriodSeconds: 10,
    initContainers: [
      {
        name: "migrations",
        image,
        command: [python, "-c", migrationScript, migrations],
        env: databaseEnvironment(database, 1),
        resources: resources("100m", "128Mi", "512Mi"),
        // The migrations lie in the home of root, which nobody else may enter.
        securityContext: { ...restricted, runAsUser: 0 },
        volumeMounts: temporary,
      },
    ],
    containers: [
      {
        name: "metadata-service",
        image,
        command: [python, "-m", "services.metadata_service.server"],
        workingDir: "/tmp",
        ports: [{ name: "http", containerPort: port }],
        env: databaseEnvironment(database, 10),
        ...probes("/ping"),
        // No new requests come from then on; those that are under way end.
        lifecycle: { preStop: { exec: { command: ["sleep", "5"] } } },
        resources: resources("100m", "256Mi", "512Mi"),
        securityContext: { ...restricted, runAsNonRoot: true, runAsUser: serviceUser, runAsGroup: serviceUser },
        volumeMounts: temporary,
      },
    ],
    volumes: [{ name: "temporary", emptyDir: { sizeLimit: "256Mi" } }, ...certificates.volumes],
  };
}

const mebibyte = 1024 * 1024;

/** The backend of the web interface: it reads the database and, for artifacts, logs and cards, the store. */
export function userInterfaceBackendPod(args: {
  image: pulumi.Input<string>;
  database: PodDatabase;
  placement: Placement;
  serviceAccount: pulumi.Input<string>;
  datastoreRoot: pulumi.Input<string>;
  /** Address of a store that is not AWS. */
  endpoint?: pulumi.Input<string>;
  secrets: readonly PodSecret[];
}): PodSpec {
  const { image, database, placement, serviceAccount, datastoreRoot, endpoint, secrets } = args;
  const { port } = metaflowServices.userInterfaceBackend;
  const certificates = certificateVolumes(database);
  const cache = "/cache";
  return {
    ...placed(placement),
    serviceAccountName: serviceAccount,
    securityContext: { seccompProfile },
    // It notes SIGTERM and goes on.
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: "ui-backend",
        image,
        command: [python, "-m", "services.ui_backend_service.ui_server"],
        // Its caches lie in the folder that it is started in.
        workingDir: cache,
        ports: [{ name: "http", containerPort: port }],
        envFrom: secrets.map(({ name, optional }) => ({ secretRef: { name, optional: optional ?? false } })),
        env: [
          // It has six pools; with those of the metadata services they stay below the some 80 connections of the smallest RDS class.
          ...databaseEnvironment(database, 4),
          // The pages come from a pod of their own: those in the image lie in the home of root.
          { name: "UI_ENABLED", value: "0" },
          { name: "PATH_PREFIX", value: userInterfaceBackendPath },
          { name: "MF_DATASTORE_ROOT", value: datastoreRoot },
          { name: "METAFLOW_DATASTORE_SYSROOT_S3", value: datastoreRoot },
          { name: "METAFLOW_DEFAULT_DATASTORE", value: "s3" },
          { name: "METAFLOW_DEFAULT_METADATA", value: "service" },
          { name: "METAFLOW_SERVICE_URL", value: `http://localhost:${port}${userInterfaceBackendPath}/metadata` },
          ...(endpoint === undefined ? [] : [{ name: "METAFLOW_S3_ENDPOINT_URL", value: endpoint }]),
          { name: "HOME", value: cache },
          { name: "CARD_CACHE_STORAGE_PATH", value: cache },
          // Its own defaults are shares of the node's disk.
          { name: "CACHE_ARTIFACT_STORAGE_LIMIT", value: String(1024 * mebibyte) },
          { name: "CACHE_LOG_STORAGE_LIMIT", value: String(1024 * mebibyte) },
          { name: "CACHE_DAG_STORAGE_LIMIT", value: String(256 * mebibyte) },
        ],
        ...probes(`${userInterfaceBackendPath}/ping`),
        resources: resources("200m", "512Mi", "2Gi"),
        securityContext: { ...restricted, runAsNonRoot: true, runAsUser: serviceUser, runAsGroup: serviceUser },
        volumeMounts: [
          { name: "cache", mountPath: cache },
          { name: "temporary", mountPath: "/tmp" },
          ...certificates.mounts,
        ],
      },
    ],
    volumes: [
      { name: "cache", emptyDir: { sizeLimit: "4Gi" } },
      { name: "temporary", emptyDir: { sizeLimit: "1Gi" } },
      ...certificates.volumes,
    ],
  };
}

/** The pages of the web interface, which tell the browser where the backend is: at the person's own end of a port-forward. */
export function userInterfacePod(args: { image: pulumi.Input<string>; placement: Placement }): PodSpec {
  const { image, placement } = args;
  const { port } = metaflowServices.userInterface;
  // What nginx and the start script of its image write to.
  const writable = { configuration: "/etc/nginx/conf.d", cache: "/var/cache/nginx", run: "/run", temporary: "/tmp" };
  const names = Object.keys(writable) as (keyof typeof writable)[];
  return {
    ...placed(placement),
    automountServiceAccountToken: false,
    securityContext: { seccompProfile },
    containers: [
      {
        name: "ui",
        image,
        ports: [{ name: "http", containerPort: port }],
        env: [
          { name: "PORT", value: String(port) },
          {
            name: "METAFLOW_SERVICE",
            value: `${forwardedUrl(metaflowServices.userInterfaceBackend)}${userInterfaceBackendPath}`,
          },
        ],
        ...probes("/"),
        resources: resources("10m", "32Mi", "128Mi"),
        securityContext: { ...restricted, runAsNonRoot: true, runAsUser: nginxUser, runAsGroup: nginxUser },
        volumeMounts: names.map((name) => ({ name, mountPath: writable[name] })),
      },
    ],
    volumes: names.map((name) => ({ name, emptyDir: { sizeLimit: "64Mi" } })),
  };
}

/** The placement as a pod has it: the same keys, copied, since a pod's lists are not read-only. */
function placed({ nodeSelector, tolerations }: Placement): Pick<PodSpec, "nodeSelector" | "tolerations"> {
  return { nodeSelector: { ...nodeSelector }, tolerations: [...tolerations] };
}
