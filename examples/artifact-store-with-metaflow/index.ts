import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { metaflowCharts, metaflowImages } from "../../catalog/platformVersions";
import { existingCluster } from "../../components/cluster/existingCluster";
import type { KubernetesCluster } from "../../components/core/kubernetesCluster";
import { stackTags } from "../../components/core/tags";
import { MetaflowDatabase } from "../../components/metaflow/metaflowDatabase";
import { SelfHostedMetaflowBackend } from "../../components/metaflow/selfHostedMetaflowBackend";
import { existingNetwork } from "../../components/network/network";
import { S3ArtifactStore } from "../../components/store/s3ArtifactStore";

/** Metaflow for an EKS cluster that is there: a store for its artifacts, a database for its metadata, and its services in the cluster. */

interface ExistingEks {
  /** Context of the kubeconfig, and the cluster's name in EKS. */
  readonly context: string;
  readonly name: string;
  /** The cluster's own security group, which pods carry. */
  readonly securityGroupId: string;
  readonly vpcId: string;
  readonly privateSubnetIds: string[];
}

const eks = new pulumi.Config().requireObject<ExistingEks>("cluster");
const region = "us-east-1";
const ephemeral = true;
const provider = new aws.Provider("aws", {
  region,
  defaultTags: { tags: stackTags(pulumi.getStack(), "ml-platform") },
});

// An existing cluster's pods have the permissions that its owner gave them. This one has EKS's Pod Identity agent: say so, and they get
// roles of their own.
const cluster: KubernetesCluster = {
  ...existingCluster("cluster", { context: eks.context }),
  name: pulumi.output(eks.name),
  podPermissions: "pod-identity",
};

const store = new S3ArtifactStore("store", { region, checkpointDays: 14, noncurrentDays: 30, ephemeral }, { provider });

const database = new MetaflowDatabase(
  "database",
  {
    region,
    network: existingNetwork(eks),
    clusterSecurityGroupId: eks.securityGroupId,
    instanceClass: "db.t4g.micro",
    storageGib: 20,
    multiZone: false,
    backupDays: 7,
    ephemeral,
  },
  { provider },
);

const metaflow = new SelfHostedMetaflowBackend(
  "metaflow",
  {
    cluster,
    store,
    database: database.connection,
    systemNamespace: "metaflow",
    jobsNamespace: "metaflow-jobs",
    charts: metaflowCharts,
    images: metaflowImages,
  },
  { providers: [provider] },
);

/** For `~/.metaflowconfig/config.json`. Its addresses are those of `portForwards`, which kubectl opens. */
export const metaflowConfig = metaflow.configuration;
export const portForwards = metaflow.portForwards;
export const uiUrl = metaflow.uiUrl;
/** For other programs: where datasets are read from, and models are registered. */
export const datasetsRoot = store.datasetsRoot;
export const modelsRoot = store.modelsRoot;
