import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { zonesOf } from "../catalog/regions";
import { Cluster } from "../components/cluster/cluster";
import { existingCluster } from "../components/cluster/existingCluster";
import type { KubernetesCluster } from "../components/core/kubernetesCluster";
import { stackTags } from "../components/core/tags";
import { GpuAddons } from "../components/gpu/gpuAddons";
import { TeamQueues } from "../components/gpu/teamQueues";
import { deployersGroup } from "../components/metaflow/metaflowAccess";
import type { MetaflowBackend } from "../components/metaflow/metaflowBackend";
import { type DatabaseConnection, MetaflowDatabase } from "../components/metaflow/metaflowDatabase";
import { OuterboundsMetaflowBackend } from "../components/metaflow/outerboundsMetaflowBackend";
import { SelfHostedMetaflowBackend } from "../components/metaflow/selfHostedMetaflowBackend";
import { type ClusterNetwork, existingNetwork, Network } from "../components/network/network";
import { Observability } from "../components/observability/observability";
import type { AwsArtifactStore } from "../components/store/artifactStore";
import { existingArtifactStore } from "../components/store/existingArtifactStore";
import { S3ArtifactStore } from "../components/store/s3ArtifactStore";
import {
  type AwsPlatform,
  type BackendConfiguration,
  type DatabaseConfiguration,
  type ExistingClusterPlatform,
  type ExternalDatabase,
  isOnAws,
  type PlatformConfiguration,
} from "../configuration/platform";
import { type PlatformOutputs, type PortForward, stackOutputsVersion } from "../contracts/stackOutputs";
import { platformCost } from "../pricing/platformCost";
import type { Pending, PendingOutputs } from "./outputs";

/**
 * Where a platform is made, and what the rest of it builds on.
 *
 * @typeParam Database what a database of the place may be
 */
interface Place<Database> {
  readonly cluster: KubernetesCluster;
  readonly store: AwsArtifactStore;
  /** Provider of the account; absent where nothing is made on AWS. */
  readonly awsProvider?: aws.Provider;
  /** How Metaflow reaches its database, which is made here where it is not there yet. */
  connect(database: Database): DatabaseConnection;
  /** What only a cluster of the platform's own has. */
  readonly outputs: Pick<PendingOutputs<PlatformOutputs>, "network"> & {
    readonly kubeconfig: Pending<string | null>;
    readonly securityGroupId: Pending<string | null>;
  };
}

/** The Metaflow backend as the rest of the platform sees it, of whatever kind it is. */
interface Metaflow {
  readonly backend: MetaflowBackend;
  /** Namespace in which pods of runs live. */
  readonly jobsNamespace: pulumi.Output<string>;
  readonly portForwards: pulumi.Input<readonly PortForward[]>;
  readonly outerbounds: Pending<PlatformOutputs["outerbounds"]>;
}

/**
 * The program of kind `platform`: everything that lives longer than an experiment. Network, cluster and store on AWS, or a cluster that
 * was there; the Metaflow backend; what GPU nodes need; metrics and alarms. No GPU runs here.
 */
export function platformStack(configuration: PlatformConfiguration, stack: string): PendingOutputs<PlatformOutputs> {
  return isOnAws(configuration)
    ? platform(configuration, configuration.backend, placeOnAws(configuration, stack), stack)
    : platform(configuration, configuration.backend, placeOnExistingCluster(configuration), stack);
}

function platform<Database>(
  configuration: PlatformConfiguration,
  backendConfiguration: BackendConfiguration<Database>,
  place: Place<Database>,
  stack: string,
): PendingOutputs<PlatformOutputs> {
  const { cluster, store, awsProvider } = place;
  const addons = new GpuAddons("gpu-addons", {
    cluster,
    ...configuration.addons,
    ...(backendConfiguration.kind === "self-hosted" ? { jobsNamespace: backendConfiguration.jobsNamespace } : {}),
  });
  const { backend, jobsNamespace, portForwards, outerbounds } = metaflow(backendConfiguration, place, addons);
  const queues = createQueues(configuration, cluster, addons, jobsNamespace);
  const observability = new Observability("observability", {
    cluster,
    ...configuration.observability,
    ephemeral: configuration.ephemeral,
    stack,
    ...(awsProvider === undefined ? {} : { awsProvider }),
  });
  const { network, kubeconfig, securityGroupId } = place.outputs;
  return {
    kind: "platform",
    version: stackOutputsVersion,
    metaflowConfig: backend.configuration,
    metaflowEnvironment: backend.environment,
    orchestrator: backend.orchestrator,
    uiUrl: backend.uiUrl,
    portForwards: pulumi
      .all([portForwards, observability.portForwards])
      .apply(([ofBackend, ofObservability]) => [...ofBackend, ...ofObservability]),
    outerbounds,
    store: {
      uri: store.uri,
      modelsRoot: store.modelsRoot,
      checkpointsRoot: store.checkpointsRoot,
      datasetsRoot: store.datasetsRoot,
      region: store.region,
    },
    cluster: { name: cluster.name, jobsNamespace, queues, kubeconfig, securityGroupId },
    network,
    idleCost: platformCost(configuration),
  };
}

function placeOnAws(configuration: AwsPlatform, stack: string): Place<DatabaseConfiguration> {
  const { compute, store, ephemeral } = configuration;
  const tags = stackTags(stack, configuration.owner);
  const provider = new aws.Provider("aws", {
    region: compute.region,
    defaultTags: { tags },
    ...(compute.accountId === undefined ? {} : { allowedAccountIds: [compute.accountId] }),
  });
  const network = createNetwork(configuration, provider);
  const cluster = new Cluster(
    "cluster",
    { region: compute.region, network, ...compute.cluster, deployersGroup, ephemeral, tags },
    { provider },
  );
  const { vpcId, privateSubnetIds } = network;
  return {
    cluster,
    store:
      store.kind === "existing"
        ? existingArtifactStore(store)
        : new S3ArtifactStore(
            "store",
            {
              region: compute.region,
              checkpointDays: store.checkpointDays,
              noncurrentDays: store.noncurrentDays,
              ephemeral,
            },
            { provider },
          ),
    awsProvider: provider,
    connect: (database) =>
      database.kind === "external"
        ? externalDatabase(database)
        : new MetaflowDatabase(
            "database",
            {
              region: compute.region,
              network,
              clusterSecurityGroupId: cluster.securityGroupId,
              instanceClass: database.instanceClass,
              storageGib: database.storageGib,
              multiZone: database.multiZone,
              backupDays: database.backupDays,
              passwordGeneration: database.passwordGeneration,
              ephemeral,
            },
            { provider },
          ).connection,
    outputs: {
      network: { vpcId, privateSubnetIds },
      kubeconfig: cluster.kubeconfig,
      securityGroupId: cluster.securityGroupId,
    },
  };
}

function createNetwork({ compute }: AwsPlatform, provider: aws.Provider): ClusterNetwork {
  const { region, network } = compute;
  if (network.kind === "existing") return existingNetwork(network);
  return new Network(
    "network",
    {
      region,
      cidr: network.cidr,
      availabilityZones: network.availabilityZones ?? zonesOf(region),
      natGateways: network.natGateways,
      interfaceEndpoints: network.interfaceEndpoints,
    },
    { provider },
  );
}

function placeOnExistingCluster({ compute, store }: ExistingClusterPlatform): Place<ExternalDatabase> {
  const { context, kubeconfig } = compute;
  return {
    cluster: existingCluster("cluster", { context, ...(kubeconfig === undefined ? {} : { kubeconfig }) }),
    store: existingArtifactStore(store),
    connect: externalDatabase,
    outputs: { network: null, kubeconfig: null, securityGroupId: null },
  };
}

function externalDatabase({ host, port, name, user, passwordSecret }: ExternalDatabase): DatabaseConnection {
  return { host, port, name, user, password: { kind: "kubernetes-secret", name: passwordSecret }, tls: "require" };
}

function metaflow<Database>(
  configuration: BackendConfiguration<Database>,
  place: Place<Database>,
  addons: GpuAddons,
): Metaflow {
  const { cluster, store, awsProvider } = place;
  switch (configuration.kind) {
    case "outerbounds": {
      const { domain, perimeter, servicePrincipal, computePools } = configuration;
      const args = { domain, perimeter, servicePrincipal, computePools, store };
      const backend = new OuterboundsMetaflowBackend("metaflow", args);
      const { signIn, signInCommands, storePolicy } = backend;
      return {
        backend,
        jobsNamespace: addons.jobsNamespace,
        portForwards: [],
        outerbounds: { signIn, signInCommands, storePolicy },
      };
    }
    case "self-hosted": {
      const { systemNamespace, jobsNamespace, charts, images } = configuration;
      const database = place.connect(configuration.database);
      const backend = new SelfHostedMetaflowBackend(
        "metaflow",
        { cluster, store, database, systemNamespace, jobsNamespace, admission: addons.admission, charts, images },
        awsProvider === undefined ? {} : { providers: [awsProvider] },
      );
      return {
        backend,
        jobsNamespace: backend.nodes.jobsNamespace.metadata.name,
        portForwards: backend.portForwards,
        outerbounds: null,
      };
    }
  }
}

/** Names of the teams' queues, where Kueue is the platform's own. */
function createQueues(
  { addons: { teams } }: PlatformConfiguration,
  cluster: KubernetesCluster,
  { admission }: GpuAddons,
  namespace: pulumi.Input<string>,
): Readonly<Record<string, string>> {
  if (admission.length === 0) return {};
  return new TeamQueues("queues", { cluster, teams, namespace, admission }).queues;
}
