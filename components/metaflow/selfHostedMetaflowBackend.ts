import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Orchestrator } from "../../contracts/orchestrator";
import { ArgoWorkflows, type ArgoWorkflowsArgs } from "./argoWorkflows";
import type { ArgoCharts } from "./argoWorkflowsArguments";
import type { AwsArtifactStore } from "../store/artifactStore";
import { componentTypes } from "../core/componentTypes";
import { refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { deployerRules, deployersGroup, portForwardRules, taskRules } from "./metaflowAccess";
import type { MetaflowBackend } from "./metaflowBackend";
import {
  forwardedUrl,
  metaflowServices,
  type Namespaces,
  portForwards,
  selfHostedConfiguration,
  taskServiceAccount,
} from "./metaflowConfiguration";
import type { DatabaseConnection } from "./metaflowDatabase";
import type { PortForward } from "../../contracts/stackOutputs";
import {
  certificateAuthorityKey,
  metadataServicePod,
  passwordKey,
  type PodDatabase,
  podLabels,
  type PodSecret,
  userInterfaceBackendPod,
  userInterfacePod,
} from "./metaflowPods";
import { selfHostedMetaflowBackendArgumentErrors } from "./selfHostedMetaflowBackendArguments";
import { ServiceAccountRole, type ServiceAccountRoleArgs } from "../core/serviceAccountRole";
import { placementFor } from "../core/systemPlacement";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `SelfHostedMetaflowBackend`. Inputs take outputs of other resources. What is plain decides by which names and versions its
 * parts are made: it is checked before anything exists.
 */
export interface SelfHostedMetaflowBackendArgs {
  /** Cluster to install into. */
  cluster: KubernetesCluster;

  /** Store of Metaflow's artifacts; tasks read and write it, the web interface reads it. */
  store: AwsArtifactStore;

  /**
   * PostgreSQL database of the metadata service. A password that is there already is a secret in the system namespace.
   *
   * @example
   * ```ts
   * { database: new MetaflowDatabase("database", { ... }).connection }
   * ```
   */
  database: DatabaseConnection;

  /**
   * Namespace of the metadata service, the web interface and the controllers; it is made. Plain, since addresses contain it.
   *
   * @example
   * ```ts
   * { systemNamespace: "metaflow", jobsNamespace: "metaflow-jobs" }
   * ```
   */
  systemNamespace: string;

  /** Namespace in which pods of runs live; it is made. Plain, since addresses contain it. */
  jobsNamespace: string;

  /**
   * What has to stay until the jobs' namespace is gone: Kueue and its quotas (`GpuAddons.admission`).
   *
   * @default nothing
   * @example
   * ```ts
   * { admission: addons.admission }
   * ```
   */
  admission?: readonly pulumi.Resource[];

  /**
   * Versions of the charts `argo-workflows` and `argo-events`; those that Metaflow does not work with are refused.
   *
   * @example
   * ```ts
   * { charts: { argoWorkflows: "0.45.2", argoEvents: "2.4.8" } }
   * ```
   */
  charts: ArgoCharts;

  /**
   * Container images.
   *
   * @example
   * ```ts
   * { images: { metadataService: "public.ecr.aws/outerbounds/metaflow_metadata_service:v2.5.1", userInterface: "public.ecr.aws/outerbounds/metaflow_ui:v1.3.14" } }
   * ```
   */
  images: {
    /** Of the metadata service and of the web interface's backend. */
    metadataService: pulumi.Input<string>;
    /** Of the web interface's pages. */
    userInterface: pulumi.Input<string>;
  };

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    systemNamespace?: Transform<kubernetes.core.v1.NamespaceArgs>;
    argoWorkflows?: NonNullable<ArgoWorkflowsArgs["transform"]>;
    taskServiceAccount?: Transform<kubernetes.core.v1.ServiceAccountArgs>;
    taskRole?: Transform<kubernetes.rbac.v1.RoleArgs>;
    taskRoleBinding?: Transform<kubernetes.rbac.v1.RoleBindingArgs>;
    taskIamRole?: NonNullable<ServiceAccountRoleArgs["transform"]>;
    /** One for tasks and one for the web interface, where pods have no role. */
    storeSecret?: Transform<kubernetes.core.v1.SecretArgs>;
    /** One in each namespace. */
    deployerRole?: Transform<kubernetes.rbac.v1.RoleArgs>;
    /** One in each namespace. */
    deployerRoleBinding?: Transform<kubernetes.rbac.v1.RoleBindingArgs>;
    databaseSecret?: Transform<kubernetes.core.v1.SecretArgs>;
    databaseAuthorities?: Transform<kubernetes.core.v1.ConfigMapArgs>;
    metadataService?: Transform<kubernetes.apps.v1.DeploymentArgs>;
    metadataDisruptionBudget?: Transform<kubernetes.policy.v1.PodDisruptionBudgetArgs>;
    userInterfaceBackend?: Transform<kubernetes.apps.v1.DeploymentArgs>;
    userInterfaceServiceAccount?: Transform<kubernetes.core.v1.ServiceAccountArgs>;
    userInterfaceIamRole?: NonNullable<ServiceAccountRoleArgs["transform"]>;
    userInterface?: Transform<kubernetes.apps.v1.DeploymentArgs>;
    /** One for each deployment. */
    service?: Transform<kubernetes.core.v1.ServiceArgs>;
    /** One for each deployment. */
    networkPolicy?: Transform<kubernetes.networking.v1.NetworkPolicyArgs>;
  };
}

/** Service account of the web interface's backend. */
const userInterfaceAccount = "metaflow-ui";

/**
 * Metaflow in a cluster of one's own: metadata service, web interface, Argo Workflows and Argo Events, accounts and permissions.
 *
 * Nothing of it is reachable from outside of the cluster, and none of Metaflow's services asks who calls: people reach them by
 * port-forward (output `portForwards`; `npm run shell -- <stack>` starts them), tasks by their addresses in the cluster, and network
 * policies keep other pods away where the cluster enforces them. Upgrades migrate the database before the new release starts.
 * Members of the Kubernetes group `metaflow-deployers` may deploy, watch and stop runs.
 *
 * Secrets that others provide (the database's password, the store's credentials) can be put into the namespaces once `up` has made
 * them: pods wait for theirs, and `up` waits for the pods. The web interface takes the store's from the system namespace.
 *
 * The web interface's nginx runs as user 101 on a read-only disk; that was worked out from its image's build file, not run.
 *
 * **Cost**: none of its own; about 1.1 CPU and 2.7 GiB of the system nodes, Argo included.
 *
 * **Teardown**: runs and their namespace, while the
 * controllers still run; then services, controllers and the system namespace. Metadata stays in the database, artifacts in the store.
 *
 * @example
 * ```ts
 * const backend = new SelfHostedMetaflowBackend("metaflow", {
 *   cluster, store, database: database.connection, systemNamespace: "metaflow", jobsNamespace: "metaflow-jobs", charts, images,
 * });
 * ```
 */
export class SelfHostedMetaflowBackend extends pulumi.ComponentResource implements MetaflowBackend {
  readonly configuration: pulumi.Output<Record<string, string>>;
  readonly environment: pulumi.Output<Record<string, string>>;
  readonly orchestrator: pulumi.Output<Orchestrator>;
  readonly store: AwsArtifactStore;
  readonly uiUrl: pulumi.Output<string | null>;
  /** What to forward for the addresses in `configuration` and `uiUrl` to work on a person's machine. */
  readonly portForwards: pulumi.Output<PortForward[]>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly systemNamespace: kubernetes.core.v1.Namespace;
    readonly jobsNamespace: kubernetes.core.v1.Namespace;
    readonly argoWorkflows: ArgoWorkflows;
    readonly metadataService: kubernetes.apps.v1.Deployment;
    readonly userInterfaceBackend: kubernetes.apps.v1.Deployment;
    readonly userInterface: kubernetes.apps.v1.Deployment;
  };

  constructor(name: string, args: SelfHostedMetaflowBackendArgs, options?: pulumi.ComponentResourceOptions) {
    refuse("SelfHostedMetaflowBackend", name, selfHostedMetaflowBackendArgumentErrors(args));
    super(componentTypes.metaflowBackend, name, {}, options);
    this.store = args.store;
    const { cluster, store, database } = args;
    const placement = placementFor(cluster);
    const namespaces: Namespaces = { system: args.systemNamespace, jobs: args.jobsNamespace };
    const inCluster = { parent: this, provider: cluster.provider };
    const byRole = usesRoles(cluster, store);

    const systemNamespace = createSystemNamespace();
    const system = systemNamespace.metadata.name;
    const argoWorkflows = createArgoWorkflows(this);
    const { jobsNamespace } = argoWorkflows.nodes;
    const jobs = jobsNamespace.metadata.name;
    const inJobs = { ...inCluster, deletedWith: jobsNamespace };
    createTaskAccount(this);
    const taskSecrets = createTaskSecrets();
    createDeployerAccess();
    const podDatabase = createDatabaseAccess();
    const metadataService = createMetadataService();
    const userInterfaceBackend = createUserInterfaceBackend(this);
    const userInterface = createUserInterface();

    this.nodes = {
      systemNamespace,
      jobsNamespace,
      argoWorkflows,
      metadataService,
      userInterfaceBackend,
      userInterface,
    };
    this.configuration = pulumi
      .all([store.datastoreRoot, taskSecrets, store.endpoint])
      .apply(([datastoreRoot, secrets, endpoint]) =>
        selfHostedConfiguration({
          datastoreRoot,
          ...(endpoint === undefined ? {} : { endpoint }),
          namespaces,
          taskSecrets: secrets,
        }),
      );
    this.environment = pulumi.secret(
      pulumi
        .all([this.configuration, store.environment])
        .apply(([configuration, environment]): Record<string, string> => ({ ...configuration, ...environment })),
    );
    this.orchestrator = jobs.apply((namespace): Orchestrator => ({
      kind: "argo-workflows",
      namespace,
      serviceAccount: taskServiceAccount,
    }));
    this.uiUrl = pulumi.output<string | null>(forwardedUrl(metaflowServices.userInterface));
    this.portForwards = pulumi.output(portForwards(namespaces));
    this.registerOutputs({ configuration: this.configuration, portForwards: this.portForwards });

    function createSystemNamespace(): kubernetes.core.v1.Namespace {
      return new kubernetes.core.v1.Namespace(
        ...transformed(
          args.transform?.systemNamespace,
          `${name}-system`,
          {
            metadata: { name: args.systemNamespace, labels: systemNamespaceLabels },
          },
          { ...inCluster, dependsOn: cluster.ready },
        ),
      );
    }

    function createArgoWorkflows(parent: pulumi.Resource): ArgoWorkflows {
      const { argoWorkflows: transform } = args.transform ?? {};
      return new ArgoWorkflows(
        `${name}-argo`,
        {
          cluster,
          namespace: system,
          jobsNamespace: args.jobsNamespace,
          ...(args.admission === undefined ? {} : { admission: args.admission }),
          taskServiceAccount,
          store,
          charts: args.charts,
          ...(transform === undefined ? {} : { transform }),
        },
        { parent },
      );
    }

    function createTaskAccount(parent: pulumi.Resource): void {
      const metadata = { name: taskServiceAccount, namespace: jobs };
      const account = new kubernetes.core.v1.ServiceAccount(
        ...transformed(args.transform?.taskServiceAccount, `${name}-task`, { metadata }, inJobs),
      );
      const role = new kubernetes.rbac.v1.Role(
        ...transformed(args.transform?.taskRole, `${name}-task`, { metadata, rules: taskRules }, inJobs),
      );
      new kubernetes.rbac.v1.RoleBinding(
        ...transformed(
          args.transform?.taskRoleBinding,
          `${name}-task`,
          {
            metadata,
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
            subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace: jobs }],
          },
          inJobs,
        ),
      );
      if (!byRole) return;
      new ServiceAccountRole(
        `${name}-task`,
        {
          clusterName: cluster.name,
          namespace: jobs,
          serviceAccount: account.metadata.name,
          statements: store.statements("read-write"),
          ...(args.transform?.taskIamRole === undefined ? {} : { transform: args.transform.taskIamRole }),
        },
        { parent },
      );
    }

    /** Secrets whose keys become variables of every task: Pod Identity gives tasks region and credentials by itself. */
    function createTaskSecrets(): pulumi.Input<string>[] {
      if (byRole) return [];
      // Its name is baked into every flow that is deployed, so it stays the same when its content changes.
      const environment = storeEnvironment(`${name}-task-store`, { name: "metaflow-store", namespace: jobs }, inJobs);
      return [environment, ...(store.credentialsSecret === undefined ? [] : [store.credentialsSecret])];
    }

    /** A secret with what points an AWS client at the store. */
    function storeEnvironment(
      resource: string,
      metadata: kubernetes.types.input.meta.v1.ObjectMeta,
      resourceOptions: pulumi.CustomResourceOptions,
    ): pulumi.Output<string> {
      return new kubernetes.core.v1.Secret(
        ...transformed(
          args.transform?.storeSecret,
          resource,
          { metadata, stringData: pulumi.secret(store.environment) },
          resourceOptions,
        ),
      ).metadata.name;
    }

    function createDeployerAccess(): void {
      const grant = (
        resource: string,
        namespace: pulumi.Output<string>,
        roleName: string,
        rules: typeof deployerRules,
        resourceOptions: pulumi.CustomResourceOptions,
      ): void => {
        const metadata = { name: roleName, namespace };
        const role = new kubernetes.rbac.v1.Role(
          ...transformed(args.transform?.deployerRole, resource, { metadata, rules }, resourceOptions),
        );
        new kubernetes.rbac.v1.RoleBinding(
          ...transformed(
            args.transform?.deployerRoleBinding,
            resource,
            {
              metadata,
              roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
              subjects: [{ kind: "Group", name: deployersGroup, apiGroup: "rbac.authorization.k8s.io" }],
            },
            resourceOptions,
          ),
        );
      };
      grant(`${name}-deployer`, jobs, "metaflow-deployer", [...deployerRules, ...portForwardRules], inJobs);
      grant(`${name}-port-forward`, system, "metaflow-port-forward", portForwardRules, inCluster);
    }

    function createDatabaseAccess(): PodDatabase {
      const { password } = database;
      const passwordSecret =
        password.kind === "kubernetes-secret"
          ? password.name
          : new kubernetes.core.v1.Secret(
              ...transformed(
                args.transform?.databaseSecret,
                `${name}-database`,
                { metadata: { namespace: system }, stringData: { [passwordKey]: pulumi.secret(password.value) } },
                inCluster,
              ),
            ).metadata.name;
      if (database.tls === "require") return { connection: database, passwordSecret };
      const authorities = new kubernetes.core.v1.ConfigMap(
        ...transformed(
          args.transform?.databaseAuthorities,
          `${name}-database`,
          { metadata: { namespace: system }, data: { [certificateAuthorityKey]: database.certificateAuthority } },
          inCluster,
        ),
      );
      return { connection: database, passwordSecret, certificateAuthorities: authorities.metadata.name };
    }

    function createMetadataService(): kubernetes.apps.v1.Deployment {
      const { service } = metaflowServices.metadata;
      const deployment = createService(
        `${name}-metadata`,
        metaflowServices.metadata,
        {
          replicas: 2,
          pod: metadataServicePod({ image: args.images.metadataService, database: podDatabase, placement }),
        },
        args.transform?.metadataService,
        [namespaces.jobs, namespaces.system],
      );
      new kubernetes.policy.v1.PodDisruptionBudget(
        ...transformed(
          args.transform?.metadataDisruptionBudget,
          `${name}-metadata`,
          {
            metadata: { name: service, namespace: system },
            spec: { minAvailable: 1, selector: { matchLabels: podLabels(service) } },
          },
          inCluster,
        ),
      );
      return deployment;
    }

    function createUserInterfaceBackend(parent: pulumi.Resource): kubernetes.apps.v1.Deployment {
      const account = new kubernetes.core.v1.ServiceAccount(
        ...transformed(
          args.transform?.userInterfaceServiceAccount,
          `${name}-ui`,
          { metadata: { name: userInterfaceAccount, namespace: system }, automountServiceAccountToken: false },
          inCluster,
        ),
      );
      const role = byRole
        ? new ServiceAccountRole(
            `${name}-ui`,
            {
              clusterName: cluster.name,
              namespace: system,
              serviceAccount: account.metadata.name,
              statements: store.statements("read"),
              ...(args.transform?.userInterfaceIamRole === undefined
                ? {}
                : { transform: args.transform.userInterfaceIamRole }),
            },
            { parent },
          )
        : undefined;
      const secrets: PodSecret[] = byRole
        ? []
        : [{ name: storeEnvironment(`${name}-ui-store`, { namespace: system }, inCluster) }];
      // Without it the web interface shows runs, but not their artifacts and logs.
      if (store.credentialsSecret !== undefined) secrets.push({ name: store.credentialsSecret, optional: true });
      const pod = userInterfaceBackendPod({
        image: args.images.metadataService,
        database: podDatabase,
        placement,
        serviceAccount: account.metadata.name,
        datastoreRoot: store.datastoreRoot,
        ...(store.endpoint === undefined ? {} : { endpoint: store.endpoint }),
        secrets,
      });
      return createService(
        `${name}-ui-backend`,
        metaflowServices.userInterfaceBackend,
        { replicas: 1, pod },
        args.transform?.userInterfaceBackend,
        [],
        // It puts triggers on tables that migrations make. A pod gets its role at its start or not at all.
        [metadataService, ...(role === undefined ? [] : [role.nodes.association])],
      );
    }

    function createUserInterface(): kubernetes.apps.v1.Deployment {
      return createService(
        `${name}-ui-pages`,
        metaflowServices.userInterface,
        { replicas: 1, pod: userInterfacePod({ image: args.images.userInterface, placement }) },
        args.transform?.userInterface,
        [],
      );
    }

    /** Pods, the service that finds them, and who may reach them from inside of the cluster; port-forwards need no leave. */
    function createService(
      resource: string,
      { service, port }: { service: string; port: number },
      { replicas, pod }: { replicas: number; pod: kubernetes.types.input.core.v1.PodSpec },
      transform: Transform<kubernetes.apps.v1.DeploymentArgs> | undefined,
      allowedNamespaces: readonly string[],
      dependsOn: pulumi.Resource[] = [],
    ): kubernetes.apps.v1.Deployment {
      const labels = podLabels(service);
      const selector = { matchLabels: labels };
      const deployment = new kubernetes.apps.v1.Deployment(
        ...transformed(
          transform,
          resource,
          {
            metadata: { namespace: system, labels },
            spec: {
              replicas,
              selector,
              strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
              template: { metadata: { labels }, spec: pod },
            },
          },
          { ...inCluster, dependsOn },
        ),
      );
      const metadata = { name: service, namespace: system, labels };
      new kubernetes.core.v1.Service(
        ...transformed(
          args.transform?.service,
          resource,
          {
            metadata,
            spec: { type: "ClusterIP", selector: labels, ports: [{ name: "http", port, targetPort: "http" }] },
          },
          inCluster,
        ),
      );
      new kubernetes.networking.v1.NetworkPolicy(
        ...transformed(
          args.transform?.networkPolicy,
          resource,
          {
            metadata,
            spec: {
              podSelector: selector,
              policyTypes: ["Ingress"],
              ingress:
                allowedNamespaces.length === 0
                  ? []
                  : [{ from: allowedNamespaces.map(podsOf), ports: [{ port, protocol: "TCP" }] }],
            },
          },
          inCluster,
        ),
      );
      return deployment;
    }
  }
}

/** Whether pods get at the store by an IAM role: by Pod Identity, unless the store is not AWS's or comes with credentials of its own. */
export function usesRoles(
  cluster: Pick<KubernetesCluster, "podPermissions">,
  store: Pick<AwsArtifactStore, "credentialsSecret" | "statements">,
): boolean {
  return (
    cluster.podPermissions === "pod-identity" &&
    store.credentialsSecret === undefined &&
    store.statements("read-write").length > 0
  );
}

/** Every pod of a namespace, as a peer of a network policy. */
function podsOf(namespace: string) {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
}

/** The migrations of the metadata service's image need user 0, which `restricted` forbids; nothing else here does. */
const systemNamespaceLabels = {
  "app.kubernetes.io/part-of": "metaflow",
  "pod-security.kubernetes.io/enforce": "baseline",
  "pod-security.kubernetes.io/audit": "restricted",
};
