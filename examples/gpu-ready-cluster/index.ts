import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { defaultKubernetesVersion } from "../../catalog/kubernetesVersions";
import { gpuAddonCharts } from "../../catalog/platformVersions";
import { zonesOf } from "../../catalog/regions";
import { Cluster } from "../../components/cluster/cluster";
import { stackTags } from "../../components/core/tags";
import { GpuAddons } from "../../components/gpu/gpuAddons";
import { TeamQueues } from "../../components/gpu/teamQueues";
import { Network } from "../../components/network/network";

/** An EKS cluster on which teams run GPU jobs, each with a quota of its own. Nodes with GPUs are for others to add. */

const region = "us-east-1";
const tags = stackTags(pulumi.getStack(), "ml-platform");
const provider = new aws.Provider("aws", { region, defaultTags: { tags } });

const network = new Network(
  "network",
  {
    region,
    cidr: "10.80.0.0/16",
    availabilityZones: zonesOf(region),
    natGateways: "one",
    interfaceEndpoints: "one-zone",
  },
  { provider },
);

/** ARN of the role that runs `pulumi up`: without it among the administrators, Kubernetes lets nobody in. */
const deployer = new pulumi.Config().require("deployer");
/** A role for whoever is on call. Its ARN is an output, which the cluster takes as it takes a string. */
const onCall = new aws.iam.Role(
  "on-call",
  {
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: deployer } }],
    }),
  },
  { provider },
);

const cluster = new Cluster(
  "cluster",
  {
    region,
    network,
    version: defaultKubernetesVersion,
    endpoint: { kind: "private" },
    administrators: [deployer, { name: "on-call", arn: onCall.arn }],
    systemNodes: { instanceType: "t3.large", count: 2 },
    logDays: 30,
    ephemeral: true,
    tags,
    // Whatever a component has no argument for: here, fewer logs than the cluster would keep.
    transform: { cluster: { enabledClusterLogTypes: ["audit", "authenticator"] } },
  },
  { provider },
);

const teams = [
  { name: "reasoning", gpus: 64 },
  { name: "vision", gpus: 16 },
];
const addons = new GpuAddons("gpu-addons", { cluster, charts: gpuAddonCharts, teams });
const { jobsNamespace, admission } = addons;
const queues = new TeamQueues("queues", { cluster, teams, namespace: jobsNamespace, admission });

export const kubeconfig = cluster.kubeconfig;
export const onCallRole = onCall.arn;
/** Where a team's jobs go: a namespace, and the value of their label `kueue.x-k8s.io/queue-name`. */
export const jobs = { namespace: jobsNamespace, queues: queues.queues };
