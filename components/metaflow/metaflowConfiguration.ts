import { argoServer, metaflowEvents } from "./argoWorkflows";
import type { PortForward } from "../../contracts/stackOutputs";

/** Services of the backend in its system namespace. */
export const metaflowServices = {
  metadata: { service: "metaflow-metadata", port: 8080 },
  userInterfaceBackend: { service: "metaflow-ui-backend", port: 8083 },
  userInterface: { service: "metaflow-ui", port: 3000 },
} as const;

/** Service account of the tasks of runs, in the jobs' namespace. */
export const taskServiceAccount = "metaflow-task";

/** Below this path the backend of the web interface answers. */
export const userInterfaceBackendPath = "/api";

export interface Namespaces {
  /** Where the metadata service, the web interface and the controllers are. */
  readonly system: string;
  /** Where pods of runs are. */
  readonly jobs: string;
}

/** What a person needs forwarded to use the backend from their own machine; local ports are the services' own. */
export function portForwards(namespaces: Namespaces): PortForward[] {
  const forward = (name: string, namespace: string, { service, port }: { service: string; port: number }) => ({
    name,
    namespace,
    service,
    localPort: port,
    port,
  });
  return [
    forward("metadata service", namespaces.system, metaflowServices.metadata),
    forward("web interface", namespaces.system, metaflowServices.userInterface),
    forward("web interface's backend", namespaces.system, metaflowServices.userInterfaceBackend),
    forward("Argo Workflows", namespaces.system, argoServer),
    forward("events", namespaces.jobs, metaflowEvents),
  ];
}

/** Address of a service as a person reaches it while it is forwarded. */
export function forwardedUrl({ port }: { readonly port: number }): string {
  return `http://127.0.0.1:${port}`;
}

/** Address of a service inside of the cluster. */
export function clusterUrl(namespace: string, { service, port }: { service: string; port: number }): string {
  return `http://${service}.${namespace}.svc:${port}`;
}

/**
 * Metaflow's settings for a self-hosted backend: what a person puts into `config.json`. Tasks get some of them from `create`, which
 * bakes them into the workflow: those with INTERNAL in their name instead of the person's own addresses.
 *
 * METAFLOW_S3_SERVER_SIDE_ENCRYPTION is left out on purpose: the bucket encrypts by its own key. Metaflow would send `aws:kms` without
 * a key, and S3 would then use the account's key `aws/s3` instead of the bucket's (PutObject, x-amz-server-side-encryption-aws-kms-key-id).
 */
export function selfHostedConfiguration(args: {
  readonly datastoreRoot: string;
  /** Address of a store that is not AWS: the same for people and tasks. */
  readonly endpoint?: string;
  readonly namespaces: Namespaces;
  /** Kubernetes secrets in the jobs' namespace whose keys become variables of every task. */
  readonly taskSecrets: readonly string[];
}): Record<string, string> {
  const { datastoreRoot, endpoint, namespaces, taskSecrets } = args;
  return {
    METAFLOW_DEFAULT_DATASTORE: "s3",
    METAFLOW_DATASTORE_SYSROOT_S3: datastoreRoot,
    METAFLOW_DATATOOLS_S3ROOT: `${datastoreRoot}/data`,
    ...(endpoint === undefined ? {} : { METAFLOW_S3_ENDPOINT_URL: endpoint }),
    METAFLOW_DEFAULT_METADATA: "service",
    METAFLOW_SERVICE_URL: forwardedUrl(metaflowServices.metadata),
    METAFLOW_SERVICE_INTERNAL_URL: clusterUrl(namespaces.system, metaflowServices.metadata),
    METAFLOW_UI_URL: forwardedUrl(metaflowServices.userInterface),
    METAFLOW_KUBERNETES_NAMESPACE: namespaces.jobs,
    METAFLOW_KUBERNETES_SERVICE_ACCOUNT: taskServiceAccount,
    ...(taskSecrets.length === 0 ? {} : { METAFLOW_KUBERNETES_SECRETS: taskSecrets.join(",") }),
    METAFLOW_ARGO_WORKFLOWS_UI_URL: forwardedUrl(argoServer),
    METAFLOW_ARGO_EVENTS_EVENT_BUS: metaflowEvents.eventBus,
    METAFLOW_ARGO_EVENTS_EVENT_SOURCE: metaflowEvents.eventSource,
    METAFLOW_ARGO_EVENTS_EVENT: metaflowEvents.event,
    METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT: metaflowEvents.serviceAccount,
    METAFLOW_ARGO_EVENTS_WEBHOOK_URL: `${forwardedUrl(metaflowEvents)}${metaflowEvents.endpoint}`,
    METAFLOW_ARGO_EVENTS_INTERNAL_WEBHOOK_URL: `${clusterUrl(namespaces.jobs, metaflowEvents)}${metaflowEvents.endpoint}`,
  };
}
