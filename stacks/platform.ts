import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsArtifactStore } from "../components/store/artifactStore";
import { Cluster } from "../components/cluster/cluster";
import { existingArtifactStore } from "../components/store/existingArtifactStore";
import { existingCluster } from "../components/cluster/existingCluster";
import { GpuAddons } from "../components/gpu/gpuAddons";
import type { KubernetesCluster } from "../components/core/kubernetesCluster";
import type { MetaflowBackend } from "../components/metaflow/metaflowBackend";
import { type DatabaseConnection, MetaflowDatabase } from "../components/metaflow/metaflowDatabase";
import { type ClusterNetwork, existingNetwork, Network } from "../components/network/network";
import { Observability } from "../components/observability/observability";
import { OuterboundsMetaflowBackend } from "../components/metaflow/outerboundsMetaflowBackend";
import { S3ArtifactStore } from "../components/store/s3ArtifactStore";
import { SelfHostedMetaflowBackend } from "../components/metaflow/selfHostedMetaflowBackend";
import { deployersGroup } from "../components/metaflow/metaflowAccess";
import { stackTags } from "../components/core/tags";
import { TeamQueues } from "../components/gpu/teamQueues";
import type { AwsCompute, PlatformConfiguration, SelfHostedConfiguration } from "../configuration/platform";
import { platformCost } from "../pricing/platformCost";
import { zonesOf } from "../catalog/regions";

/** What compute of kind `aws` has made, and what the other parts of the platform build on. */
interface AwsFoundation {
  readonly region: AwsCompute["region"];
  readonly provider: aws.Provider;
  readonly network: ClusterNetwork;
  readonly cluster: Cluster;
}

/**
 * The program of kind `platform`: everything that lives longer than an experiment. Network, cluster and store on AWS, or a cluster that
 * was there; the Metaflow backend; what GPU nodes need; metrics and alarms. No GPU runs here.
 */
export function platformStack(configuration: PlatformConfiguration, stack: string): Record<string, unknown> {
  const { compute, ephemeral } = configuration;
  const tags = stackTags(stack, configuration.owner);
  const foundation = compute.kind === "aws" ? awsFoundation(compute, ephemeral, tags) : undefined;
  const cluster: KubernetesCluster =
    compute.kind === "aws" && foundation !== undefined
      ? foundation.cluster
      : existingCluster("cluster", kubeconfigOf(compute));
  const store = artifactStore(configuration, foundation);
  const addons = new GpuAddons("gpu-addons", {
    cluster,
    ...configuration.addons,
    ...(configuration.backend.kind === "self-hosted" ? { jobsNamespace: configuration.backend.jobsNamespace } : {}),
  });
  const backend = metaflowBackend(configuration, foundation, cluster, store, addons.admission);
  const jobsNamespace =
    backend instanceof SelfHostedMetaflowBackend ? backend.nodes.jobsNamespace.metadata.name : addons.jobsNamespace;
  const queues = createQueues(configuration, cluster, addons, jobsNamespace);
  const observability = new Observability("observability", {
    cluster,
    ...configuration.observability,
    ephemeral,
    stack,
    ...(foundation === undefined ? {} : { awsProvider: foundation.provider }),
  });
  return {
    metaflowConfig: backend.configuration,
    metaflowEnvironment: backend.environment,
    orchestrator: backend.orchestrator,
    uiUrl: backend.uiUrl,
    portForwards: pulumi
      .all([backend instanceof SelfHostedMetaflowBackend ? backend.portForwards : [], observability.portForwards])
      .apply((forwards) => forwards.flat()),
    outerbounds:
      backend instanceof OuterboundsMetaflowBackend
        ? { signIn: backend.signIn, signInCommands: backend.signInCommands, storePolicy: backend.storePolicy }
        : null,
    store: {
      uri: store.uri,
      modelsRoot: store.modelsRoot,
      checkpointsRoot: store.checkpointsRoot,
      datasetsRoot: store.datasetsRoot,
      region: store.region,
    },
    cluster: {
      name: cluster.name,
      jobsNamespace,
      queues,
      kubeconfig: foundation === undefined ? null : foundation.cluster.kubeconfig,
      securityGroupId: foundation === undefined ? null : foundation.cluster.securityGroupId,
    },
    network:
      foundation === undefined
        ? null
        : { vpcId: foundation.network.vpcId, privateSubnetIds: foundation.network.privateSubnetIds },
    idleCost: platformCost(configuration),
  };
}

function kubeconfigOf(compute: PlatformConfiguration["compute"]): { context: string; kubeconfig?: string } {
  if (compute.kind !== "existing") throw new Error("only compute of kind existing names a kubeconfig");
  return { context: compute.context, ...(compute.kubeconfig === undefined ? {} : { kubeconfig: compute.kubeconfig }) };
}

function awsFoundation(compute: AwsCompute, ephemeral: boolean, tags: Record<string, string>): AwsFoundation {
  const provider = new aws.Provider("aws", {
    region: compute.region,
    defaultTags: { tags },
    ...(compute.accountId === undefined ? {} : { allowedAccountIds: [compute.accountId] }),
  });
  const options = { provider };
  const network =
    compute.network.kind === "existing"
      ? existingNetwork(compute.network)
      : new Network(
          "network",
          {
            region: compute.region,
            cidr: compute.network.cidr,
            availabilityZones: compute.network.availabilityZones ?? zonesOf(compute.region),
            natGateways: compute.network.natGateways,
            interfaceEndpoints: compute.network.interfaceEndpoints,
          },
          options,
        );
  const cluster = new Cluster(
    "cluster",
    { region: compute.region, network, ...compute.cluster, deployersGroup, ephemeral, tags },
    options,
  );
  return { region: compute.region, provider, network, cluster };
}

function artifactStore(configuration: PlatformConfiguration, foundation: AwsFoundation | undefined): AwsArtifactStore {
  const { store, ephemeral } = configuration;
  if (store.kind === "existing") return existingArtifactStore(store);
  if (foundation === undefined) throw new Error("a managed store needs compute of kind aws");
  return new S3ArtifactStore(
    "store",
    {
      region: foundation.region,
      checkpointDays: store.checkpointDays,
      noncurrentDays: store.noncurrentDays,
      ephemeral,
    },
    { provider: foundation.provider },
  );
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

function metaflowBackend(
  configuration: PlatformConfiguration,
  foundation: AwsFoundation | undefined,
  cluster: KubernetesCluster,
  store: AwsArtifactStore,
  admission: readonly pulumi.Resource[],
): MetaflowBackend {
  const { backend, ephemeral } = configuration;
  switch (backend.kind) {
    case "outerbounds": {
      const { domain, perimeter, servicePrincipal, computePools } = backend;
      return new OuterboundsMetaflowBackend("metaflow", { domain, perimeter, servicePrincipal, computePools, store });
    }
    case "self-hosted": {
      const { systemNamespace, jobsNamespace, charts, images } = backend;
      const database = databaseConnection(backend.database, foundation, ephemeral);
      return new SelfHostedMetaflowBackend(
        "metaflow",
        { cluster, store, database, systemNamespace, jobsNamespace, admission, charts, images },
        foundation === undefined ? {} : { providers: [foundation.provider] },
      );
    }
  }
}

function databaseConnection(
  database: SelfHostedConfiguration["database"],
  foundation: AwsFoundation | undefined,
  ephemeral: boolean,
): DatabaseConnection {
  switch (database.kind) {
    case "external": {
      const { host, port, name, user, passwordSecret } = database;
      return { host, port, name, user, password: { kind: "kubernetes-secret", name: passwordSecret }, tls: "require" };
    }
    case "rds": {
      if (foundation === undefined) throw new Error("a database of kind rds needs compute of kind aws");
      const { instanceClass, storageGib, multiZone, backupDays, passwordGeneration } = database;
      return new MetaflowDatabase(
        "database",
        {
          region: foundation.region,
          network: foundation.network,
          clusterSecurityGroupId: foundation.cluster.securityGroupId,
          instanceClass,
          storageGib,
          multiZone,
          backupDays,
          passwordGeneration,
          ephemeral,
        },
        { provider: foundation.provider },
      ).connection;
    }
  }
}
