import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AwsArtifactStore } from "../store/artifactStore";
import { componentTypes } from "../core/componentTypes";
import { type ChartValues, releaseArgs } from "../core/helmRelease";
import { refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { type ArgoCharts, argoWorkflowsArgumentErrors } from "./argoWorkflowsArguments";
import { type Placement, placementFor } from "../core/systemPlacement";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `ArgoWorkflows`. Inputs take outputs of other resources. What is plain decides which versions are installed and by which
 * names Metaflow finds them: it is checked before anything exists.
 */
export interface ArgoWorkflowsArgs {
  /** Cluster to install into. */
  cluster: KubernetesCluster;

  /** Namespace of the controllers; it must be there. */
  namespace: pulumi.Input<string>;

  /**
   * Namespace in which workflows run. It is made here, because it must be gone before the controllers are. Plain, since it is a name that
   * this component gives.
   *
   * @example
   * ```ts
   * { jobsNamespace: "metaflow-jobs" }
   * ```
   */
  jobsNamespace: string;

  /**
   * What has to be there before the jobs' namespace, and to stay until it is gone: Kueue and its quotas, whose finalizers its
   * pods carry.
   *
   * @default nothing
   * @example
   * ```ts
   * { admission: addons.admission }
   * ```
   */
  admission?: readonly pulumi.Resource[];

  /**
   * Service account, in the jobs' namespace, of pods whose template names none.
   *
   * @example
   * ```ts
   * { taskServiceAccount: "metaflow-task" }
   * ```
   */
  taskServiceAccount: pulumi.Input<string>;

  /** Where workflows put artifacts that they hand on. */
  store: Pick<AwsArtifactStore, "bucket" | "region" | "endpoint" | "credentialsSecret">;

  /**
   * Versions of the charts `argo-workflows` and `argo-events`; those that Metaflow does not work with are refused.
   *
   * @example
   * ```ts
   * { charts: { argoWorkflows: "0.45.2", argoEvents: "2.4.8" } }
   * ```
   */
  charts: ArgoCharts;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    workflows?: Transform<kubernetes.helm.v3.ReleaseArgs>;
    events?: Transform<kubernetes.helm.v3.ReleaseArgs>;
    jobsNamespace?: Transform<kubernetes.core.v1.NamespaceArgs>;
    eventBus?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    eventBusDisruptionBudget?: Transform<kubernetes.policy.v1.PodDisruptionBudgetArgs>;
    eventSource?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    eventSourceNetworkPolicy?: Transform<kubernetes.networking.v1.NetworkPolicyArgs>;
    serverNetworkPolicy?: Transform<kubernetes.networking.v1.NetworkPolicyArgs>;
    sensorServiceAccount?: Transform<kubernetes.core.v1.ServiceAccountArgs>;
    sensorRole?: Transform<kubernetes.rbac.v1.RoleArgs>;
    sensorRoleBinding?: Transform<kubernetes.rbac.v1.RoleBindingArgs>;
  };
}

/** Names by which Metaflow and Argo Events find each other in the jobs' namespace. */
export const metaflowEvents = {
  eventBus: "default",
  eventSource: "argo-events-webhook",
  /** Argo Events names an event source's service `<event source>-eventsource-svc`. */
  service: "argo-events-webhook-eventsource-svc",
  event: "metaflow-event",
  endpoint: "/metaflow-event",
  port: 12000,
  serviceAccount: "metaflow-sensor",
} as const;

/** The server of Argo Workflows' web interface, as the chart names it for a release `argo-workflows`. */
export const argoServer = { service: "argo-workflows-server", port: 2746 } as const;

/**
 * How long finished workflows stay in the cluster's API, where each takes up to a megabyte of etcd; Metaflow's own records of the run
 * stay. Pods of a workflow that succeeded go at once (their logs are in the store), those of one that failed go with it.
 */
export const workflowRetention = { succeededDays: 7, failedDays: 14 } as const;

/** The only JetStream that the event bus is offered; versions and images as in chart argo-events 2.4.8. */
export const jetStream = {
  version: "2.10.10",
  natsImage: "nats:2.10.10",
  metricsExporterImage: "natsio/prometheus-nats-exporter:0.14.0",
  configReloaderImage: "natsio/nats-server-config-reloader:0.14.0",
  startCommand: "/nats-server",
} as const;

const chartRepository = "https://argoproj.github.io/argo-helm";

/** A day, in seconds. */
const day = 24 * 60 * 60;

/**
 * What runs Metaflow's flows in a cluster: Argo Workflows and Argo Events by their official charts, the namespace of the runs, and in
 * it the event bus, the webhook that events are posted to, and the service account of sensors.
 *
 * Both controllers watch all namespaces, and both charts own cluster-wide definitions: a cluster that has Argo Workflows or Argo Events
 * already refuses the release. The web interface asks every person for a token of their own (`kubectl create token`,
 * `aws eks get-token`) and is reached by port-forward only. Messages of the event bus live on three pods, not on volumes: losing two
 * of them at once loses events that were not yet delivered.
 *
 * Sensors that Metaflow makes carry no tolerations, so `@trigger` needs a node without taints; pods of workflows that name none are
 * allowed onto the system nodes, or no cluster without other nodes could start a run.
 *
 * **Cost**: none of its own; about 0.5 CPU and 1.2 GiB of the system nodes.
 *
 * **Teardown**: event source, event bus and runs go with the
 * jobs' namespace, while the controllers that must finalize them still run; then the releases. The definitions (CRDs) stay, since
 * deleting them would delete what other namespaces have of their kinds; the next release of that name in that namespace takes them over.
 *
 * @example
 * ```ts
 * new ArgoWorkflows("argo", { cluster, namespace, jobsNamespace: "metaflow-jobs", taskServiceAccount: "metaflow-task", store, charts });
 * ```
 */
export class ArgoWorkflows extends pulumi.ComponentResource {
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly workflows: kubernetes.helm.v3.Release;
    readonly events: kubernetes.helm.v3.Release;
    readonly jobsNamespace: kubernetes.core.v1.Namespace;
    readonly eventBus: kubernetes.apiextensions.CustomResource;
    readonly eventSource: kubernetes.apiextensions.CustomResource;
    readonly sensorServiceAccount: kubernetes.core.v1.ServiceAccount;
    readonly sensorRole: kubernetes.rbac.v1.Role;
  };

  constructor(name: string, args: ArgoWorkflowsArgs, options?: pulumi.ComponentResourceOptions) {
    refuse("ArgoWorkflows", name, argoWorkflowsArgumentErrors(args));
    super(componentTypes.argoWorkflows, name, {}, options);
    const { cluster } = args;
    const placement = placementFor(cluster);
    const inCluster = { parent: this, provider: cluster.provider };

    const workflows = release(
      "argo-workflows",
      args.charts.argoWorkflows,
      args.transform?.workflows,
      argoWorkflowsValues({ placement, taskServiceAccount: args.taskServiceAccount, store: args.store }),
    );
    const events = release("argo-events", args.charts.argoEvents, args.transform?.events, argoEventsValues(placement));
    const jobsNamespace = new kubernetes.core.v1.Namespace(
      ...transformed(
        args.transform?.jobsNamespace,
        `${name}-jobs`,
        {
          metadata: { name: args.jobsNamespace, labels: jobsNamespaceLabels },
        },
        // Event bus, event sources and sensors have finalizers that only a live controller takes off.
        { ...inCluster, dependsOn: [workflows, events, ...(args.admission ?? [])], customTimeouts: { delete: "20m" } },
      ),
    );
    const namespace = jobsNamespace.metadata.name;
    const inJobs = { ...inCluster, deletedWith: jobsNamespace };
    const eventBus = createEventBus();
    const eventSource = createEventSource();
    const { serviceAccount: sensorServiceAccount, role: sensorRole } = createSensorAccess();
    createPolicies();
    this.nodes = { workflows, events, jobsNamespace, eventBus, eventSource, sensorServiceAccount, sensorRole };
    this.registerOutputs({});

    function release(
      chart: string,
      version: string,
      transform: Transform<kubernetes.helm.v3.ReleaseArgs> | undefined,
      values: ChartValues,
    ): kubernetes.helm.v3.Release {
      return new kubernetes.helm.v3.Release(
        ...transformed(
          transform,
          `${name}-${chart}`,
          releaseArgs({
            source: { chart, repository: chartRepository },
            version,
            name: chart,
            namespace: args.namespace,
            values,
          }),
          { ...inCluster, dependsOn: cluster.ready },
        ),
      );
    }

    function createEventBus(): kubernetes.apiextensions.CustomResource {
      const bus = new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.eventBus,
          `${name}-event-bus`,
          {
            apiVersion: "argoproj.io/v1alpha1",
            kind: "EventBus",
            metadata: { name: metaflowEvents.eventBus, namespace },
            spec: eventBusSpec(placement),
          },
          // Its controller keeps a bus for as long as any sensor uses it, and Pulumi does not know Metaflow's sensors: deleted alone it
          // would wait for them for ever, deleted with the namespace it goes after them.
          { ...inJobs, dependsOn: [events] },
        ),
      );
      new kubernetes.policy.v1.PodDisruptionBudget(
        ...transformed(
          args.transform?.eventBusDisruptionBudget,
          `${name}-event-bus`,
          {
            metadata: { name: "metaflow-event-bus", namespace },
            spec: { maxUnavailable: 1, selector: { matchLabels: eventBusLabels } },
          },
          inJobs,
        ),
      );
      return bus;
    }

    function createEventSource(): kubernetes.apiextensions.CustomResource {
      return new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.eventSource,
          `${name}-event-source`,
          {
            apiVersion: "argoproj.io/v1alpha1",
            kind: "EventSource",
            metadata: { name: metaflowEvents.eventSource, namespace },
            spec: eventSourceSpec(placement),
          },
          { ...inJobs, dependsOn: [events, eventBus] },
        ),
      );
    }

    function createSensorAccess(): {
      serviceAccount: kubernetes.core.v1.ServiceAccount;
      role: kubernetes.rbac.v1.Role;
    } {
      const metadata = { name: metaflowEvents.serviceAccount, namespace };
      const serviceAccount = new kubernetes.core.v1.ServiceAccount(
        ...transformed(args.transform?.sensorServiceAccount, `${name}-sensor`, { metadata }, inJobs),
      );
      const role = new kubernetes.rbac.v1.Role(
        ...transformed(args.transform?.sensorRole, `${name}-sensor`, { metadata, rules: sensorRules }, inJobs),
      );
      new kubernetes.rbac.v1.RoleBinding(
        ...transformed(
          args.transform?.sensorRoleBinding,
          `${name}-sensor`,
          {
            metadata,
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
            subjects: [{ kind: "ServiceAccount", name: serviceAccount.metadata.name, namespace }],
          },
          inJobs,
        ),
      );
      return { serviceAccount, role };
    }

    function createPolicies(): void {
      new kubernetes.networking.v1.NetworkPolicy(
        ...transformed(
          args.transform?.eventSourceNetworkPolicy,
          `${name}-event-source`,
          {
            metadata: { name: metaflowEvents.eventSource, namespace },
            spec: {
              podSelector: { matchLabels: { "eventsource-name": metaflowEvents.eventSource } },
              policyTypes: ["Ingress"],
              // The webhook asks nobody who they are: only pods of runs may post events.
              ingress: [{ from: [{ podSelector: {} }], ports: [{ port: metaflowEvents.port, protocol: "TCP" }] }],
            },
          },
          inJobs,
        ),
      );
      new kubernetes.networking.v1.NetworkPolicy(
        ...transformed(
          args.transform?.serverNetworkPolicy,
          `${name}-server`,
          {
            metadata: { name: argoServer.service, namespace: args.namespace },
            spec: {
              podSelector: { matchLabels: { "app.kubernetes.io/name": argoServer.service } },
              policyTypes: ["Ingress"],
            },
          },
          { ...inCluster, dependsOn: [workflows] },
        ),
      );
    }
  }
}

/**
 * Pods of runs may be root (Metaflow sets no user, and most training images have none), but neither privileged nor on the node's
 * network or disk.
 */
export const jobsNamespaceLabels = {
  "app.kubernetes.io/part-of": "metaflow",
  "pod-security.kubernetes.io/enforce": "baseline",
  "pod-security.kubernetes.io/audit": "restricted",
} as const;

/** What a sensor does: its trigger creates a workflow, and nothing else (argo-events v1.9.2, triggers/standard-k8s). */
export const sensorRules: kubernetes.types.input.rbac.v1.PolicyRule[] = [
  { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["create"] },
];

/** Labels that the controller of Argo Events gives to the bus's pods. */
const eventBusLabels = { controller: "eventbus-controller", "eventbus-name": metaflowEvents.eventBus } as const;

const seccompProfile = { type: "RuntimeDefault" } as const;
const unprivileged = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } as const;

/** User that the chart of Argo Events suggests for its images, which name none. */
const argoEventsUser = { runAsNonRoot: true, runAsUser: 9731, runAsGroup: 9731, seccompProfile } as const;

function resources(cpu: string, memory: string, memoryLimit: string) {
  return { requests: { cpu, memory }, limits: { memory: memoryLimit } };
}

/** Host and scheme of an S3 store, as Argo wants them: the regional one of AWS unless the store has an address of its own. */
export function s3Endpoint(region: string, address?: string): { endpoint: string; insecure: boolean } {
  if (address !== undefined) {
    const url = new URL(address);
    return { endpoint: url.host, insecure: url.protocol === "http:" };
  }
  const suffix = region.startsWith("cn-") ? ".cn" : "";
  return { endpoint: `s3.${region}.amazonaws.com${suffix}`, insecure: false };
}

/** Values of the chart `argo-workflows`. */
export function argoWorkflowsValues(args: {
  placement: Placement;
  taskServiceAccount: pulumi.Input<string>;
  store: {
    readonly bucket: pulumi.Input<string>;
    readonly region: pulumi.Input<string>;
    readonly endpoint?: pulumi.Input<string>;
    readonly credentialsSecret?: pulumi.Input<string>;
  };
}) {
  const { placement, taskServiceAccount, store } = args;
  const podSecurityContext = { runAsNonRoot: true, seccompProfile };
  const credentials = store.credentialsSecret;
  const address = pulumi.all([store.region, store.endpoint]).apply(([region, url]) => s3Endpoint(region, url));
  return {
    images: { pullPolicy: "IfNotPresent" },
    crds: { install: true, keep: true },
    // The namespace of the runs comes after the release, so the backend makes account and role itself.
    workflow: { serviceAccount: { create: false }, rbac: { create: false } },
    controller: {
      workflowNamespaces: [],
      workflowDefaults: {
        spec: {
          // Metaflow's template that creates a JobSet names no account: it would run as the namespace's `default`.
          serviceAccountName: taskServiceAccount,
          ttlStrategy: {
            secondsAfterSuccess: workflowRetention.succeededDays * day,
            secondsAfterFailure: workflowRetention.failedDays * day,
          },
          podGC: { strategy: "OnWorkflowSuccess" },
          ...(placement.tolerations.length === 0 ? {} : { tolerations: placement.tolerations }),
        },
      },
      metricsConfig: { enabled: true },
      clusterWorkflowTemplates: { enabled: false },
      resources: resources("100m", "256Mi", "1Gi"),
      podSecurityContext,
      nodeSelector: placement.nodeSelector,
      tolerations: placement.tolerations,
    },
    executor: { resources: { requests: { cpu: "10m", memory: "64Mi" } } },
    server: {
      // `server` would let everybody who reaches it act as the server.
      authModes: ["client"],
      serviceType: "ClusterIP",
      clusterWorkflowTemplates: { enabled: false },
      resources: resources("50m", "128Mi", "512Mi"),
      podSecurityContext,
      nodeSelector: placement.nodeSelector,
      tolerations: placement.tolerations,
    },
    useStaticCredentials: credentials !== undefined,
    artifactRepository: {
      // Metaflow keeps the logs of its tasks in its datastore.
      archiveLogs: false,
      s3: {
        bucket: store.bucket,
        region: store.region,
        endpoint: address.endpoint,
        insecure: address.insecure,
        keyFormat: "argo-workflows/{{workflow.name}}/{{pod.name}}",
        // No encryptionOptions: asking for `aws:kms` without a key would bypass the bucket's own key.
        ...(credentials === undefined
          ? { useSDKCreds: true }
          : {
              accessKeySecret: { name: credentials, key: "AWS_ACCESS_KEY_ID" },
              secretKeySecret: { name: credentials, key: "AWS_SECRET_ACCESS_KEY" },
            }),
      },
    },
  };
}

/** Values of the chart `argo-events`. */
export function argoEventsValues(placement: Placement) {
  return {
    crds: { install: true, keep: true },
    global: { securityContext: argoEventsUser },
    // One version, so that nothing can ask for `latest`. The chart's versions of NATS Streaming stay: the controller ends without any.
    configs: { jetstream: { versions: [jetStream] } },
    controller: {
      resources: resources("50m", "128Mi", "256Mi"),
      containerSecurityContext: { ...unprivileged, readOnlyRootFilesystem: true },
      nodeSelector: placement.nodeSelector,
      tolerations: placement.tolerations,
    },
    webhook: { enabled: false },
  };
}

/** Spec of the event bus: JetStream on three pods, spread over nodes as far as there are nodes. */
export function eventBusSpec(placement: Placement) {
  const container = (cpu: string, memory: string, memoryLimit: string) => ({
    resources: resources(cpu, memory, memoryLimit),
    securityContext: unprivileged,
  });
  return {
    jetstream: {
      version: jetStream.version,
      // JetStream needs three for a quorum.
      replicas: 3,
      nodeSelector: placement.nodeSelector,
      tolerations: placement.tolerations,
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: "kubernetes.io/hostname",
                labelSelector: { matchLabels: eventBusLabels },
              },
            },
          ],
        },
      },
      securityContext: { seccompProfile },
      containerTemplate: container("50m", "64Mi", "256Mi"),
      reloaderContainerTemplate: container("5m", "16Mi", "64Mi"),
      metricsContainerTemplate: container("5m", "16Mi", "64Mi"),
    },
  };
}

/** Spec of the webhook to which Metaflow posts its events. */
export function eventSourceSpec(placement: Placement) {
  return {
    eventBusName: metaflowEvents.eventBus,
    service: { ports: [{ port: metaflowEvents.port, targetPort: metaflowEvents.port }] },
    template: {
      nodeSelector: placement.nodeSelector,
      tolerations: placement.tolerations,
      securityContext: argoEventsUser,
      container: { resources: resources("25m", "64Mi", "128Mi"), securityContext: unprivileged },
    },
    webhook: {
      [metaflowEvents.event]: {
        port: String(metaflowEvents.port),
        endpoint: metaflowEvents.endpoint,
        method: "POST",
      },
    },
  };
}
