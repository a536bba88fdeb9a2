import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Region } from "../../catalog/regions";
import { addonConfiguration, type AddonName } from "./clusterAddons";
import {
  allowedCidrProblem,
  arnOf,
  clusterArgumentErrors,
  type ClusterEndpoint,
  isNamed,
  type Principal,
} from "./clusterArguments";
import { componentTypes } from "../core/componentTypes";
import { principalProblem } from "../core/awsNames";
import { checked, refuse, writtenValue } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import type { ClusterNetwork } from "../network/network";
import { poolLabel, systemTaint } from "../core/systemPlacement";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `Cluster`. Inputs take outputs of other resources. What is plain decides what is made, how many and by which names: it is
 * checked, and shown in the preview, before anything exists.
 */
export interface ClusterArgs {
  /**
   * Region that the AWS provider works in; the kubeconfig names it.
   *
   * @example
   * ```ts
   * { region: "us-east-1" }
   * ```
   */
  region: Region;

  /** Where control plane and nodes live: a `Network`, or `existingNetwork(...)`. */
  network: ClusterNetwork;

  /**
   * Kubernetes version of EKS. A higher one upgrades the control plane, then the system nodes, one minor version at a time; then set
   * `addonVersions`. Plain, since it is checked against what EKS has. EKS sells a version for 14 months ("standard support"); until when is in catalog/kubernetesVersions.ts.
   *
   * @example
   * ```ts
   * { version: "1.35" }
   * ```
   */
  version: string;

  /**
   * `private`: the Kubernetes API is reached from inside the VPC only, so whoever deploys needs a way in (VPN, peering, a runner there).
   * `public`: from the named ranges too; nodes still use the private way.
   *
   * @example
   * ```ts
   * { endpoint: { kind: "public", allowedCidrs: ["203.0.113.0/24"] } }
   * ```
   */
  endpoint: ClusterEndpoint;

  /**
   * ARNs of the IAM roles (or users) that administer the cluster. The identity that deploys must be among them: whoever creates an EKS
   * cluster gets no rights in it here, since those could neither be seen nor taken away; without an entry, Kubernetes answers the
   * deployment with "Unauthorized".
   *
   * @example
   * ```ts
   * { administrators: ["arn:aws:iam::111122223333:role/deployer", { name: "on-call", arn: onCallRole.arn }] }
   * ```
   */
  administrators: readonly Principal[];

  /**
   * The IAM roles (or users) that deploy, watch and stop runs: members of the Kubernetes group `deployersGroup`, with its rights and no
   * others.
   *
   * @default nobody
   * @example
   * ```ts
   * { deployers: [scientistRole.arn], deployersGroup: "metaflow-deployers" }
   * ```
   */
  deployers?: readonly Principal[];

  /**
   * Kubernetes group of the deployers; needed with them. The self-hosted Metaflow backend gives its rights to `metaflow-deployers`.
   *
   * @default none
   * @example
   * ```ts
   * { deployersGroup: "metaflow-deployers" }
   * ```
   */
  deployersGroup?: pulumi.Input<string>;

  /**
   * Nodes for the platform's own pods, in the first two subnets of the network. Plain, since they decide how much room there is.
   *
   * @example
   * ```ts
   * { systemNodes: { instanceType: "t3.large", count: 2 } }
   * ```
   */
  systemNodes: {
    /** An x86-64 type without accelerators, of 2 vCPUs and 8 GiB at least. */
    instanceType: string;
    /** How many: two at least, so that one can be replaced. */
    count: number;
  };

  /**
   * Days for which control-plane logs are kept; one of the numbers that CloudWatch Logs knows.
   *
   * @example
   * ```ts
   * { logDays: 30 }
   * ```
   */
  logDays: number;

  /** True: the cluster and its key may be destroyed. False: both are protected, by Pulumi and by EKS. Plain, as Pulumi's protection is. */
  ephemeral: boolean;

  /**
   * Tags for what the cluster makes by itself: instances, their disks and interfaces, volumes of claims.
   *
   * @example
   * ```ts
   * { tags: stackTags("platform", "ml-team") }
   * ```
   */
  tags: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;

  /**
   * Name of the cluster in AWS. A plain one, since the name of the log group contains it and that has to exist first.
   *
   * @default `"<project>-<stack>"`
   * @example
   * ```ts
   * { clusterName: "post-training" }
   * ```
   */
  clusterName?: string;

  /**
   * Versions of add-ons. Each is the default of the cluster's version when it is made, and then stays what it is: set it after the
   * cluster's version was raised (`aws eks describe-addon-versions` lists what there is).
   *
   * @default EKS's default for `version`
   * @example
   * ```ts
   * { addonVersions: { "kube-proxy": "v1.35.0-eksbuild.2" } }
   * ```
   */
  addonVersions?: Readonly<Partial<Record<AddonName, string>>>;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    key?: Transform<aws.kms.KeyArgs>;
    logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
    /** Of the control plane, the nodes, the network add-on and the storage driver. */
    role?: Transform<aws.iam.RoleArgs>;
    rolePolicyAttachment?: Transform<aws.iam.RolePolicyAttachmentArgs>;
    cluster?: Transform<aws.eks.ClusterArgs>;
    /** One for each administrator and deployer. */
    accessEntry?: Transform<aws.eks.AccessEntryArgs>;
    /** One for each administrator. */
    accessPolicyAssociation?: Transform<aws.eks.AccessPolicyAssociationArgs>;
    launchTemplate?: Transform<aws.ec2.LaunchTemplateArgs>;
    nodeGroup?: Transform<aws.eks.NodeGroupArgs>;
    addons?: Partial<Record<AddonName, Transform<aws.eks.AddonArgs>>>;
    provider?: Transform<kubernetes.ProviderArgs>;
    storageClass?: Transform<kubernetes.storage.v1.StorageClassArgs>;
  };
}

/** Size of a system node's disk: images and logs of the platform's pods. */
export const systemNodeDiskGib = 50;

/** Everything that EKS can log. `audit` says who did what; the others are what one looks for when pods stay pending. */
const controlPlaneLogs = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/** AWS managed policies, the smallest ones that AWS's documentation names for each purpose (read 2026-11). */
const managedPolicies = {
  controlPlane: "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
  /** Describe instances, join the cluster, fetch credentials for pods (Pod Identity agent). */
  node: "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
  pullImages: "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
  vpcCni: "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
  /** Since 2026-04; its predecessor lets the driver touch every volume of the account, this one only those that it has made. */
  ebsCsi: "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2",
} as const;

const clusterAdminPolicy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

/**
 * An EKS cluster that is safe by default and cheap when idle: private endpoint, access by IAM entries, secrets encrypted with a key of its
 * own, control-plane logs, the add-ons that pods need, and two small tainted nodes for the platform itself. GPU nodes are not its
 * business: each experiment brings its own.
 *
 * A node's own role can describe itself and pull images, nothing else: network add-on and storage driver have roles of their own by Pod
 * Identity, and pods cannot reach a node's credentials (hop limit 1).
 *
 * **Cost** (us-east-1, $ per month of 730 hours): control plane $73; two t3.large $121.47 with $8 for their disks; key $1; control-plane
 * logs $0.50 per GB. When a version's standard support ends, EKS upgrades the cluster by itself (`upgradePolicy: STANDARD`) where it
 * would else go on at six times the price.
 *
 * **Teardown**: what runs in the cluster goes first, if it depends on `ready` or uses `provider`. Then DNS and storage driver; then the
 * system nodes, while network add-on, roles and routes are still there to hand back addresses; then the control plane, which takes the
 * other add-ons and the access entries with it (to delete them one by one takes minutes, and the deployer would lose its access
 * half-way); then roles, logs, network. The key is deleted after 7 days (30 unless `ephemeral`). EKS may write a last log line after the
 * group is gone and so make an empty, untagged group of the same name again, under its own service role; it costs nothing, but has to be
 * deleted before the next cluster of that name.
 *
 * Tried with Pulumi's mocks and with stand-ins for AWS; not with an AWS account.
 *
 * @example
 * ```ts
 * const cluster = new Cluster("cluster", {
 *   region: "us-east-1",
 *   network,
 *   version: "1.35",
 *   endpoint: { kind: "private" },
 *   administrators: ["arn:aws:iam::111122223333:role/deployer"],
 *   systemNodes: { instanceType: "t3.large", count: 2 },
 *   logDays: 30,
 *   ephemeral: false,
 *   tags: stackTags("platform", "ml-team"),
 * }, { provider });
 * new kubernetes.core.v1.Namespace("jobs", {}, { provider: cluster.provider, dependsOn: cluster.ready });
 * ```
 */
export class Cluster extends pulumi.ComponentResource implements KubernetesCluster {
  readonly provider: kubernetes.Provider;
  readonly name: pulumi.Output<string>;
  readonly podPermissions = "pod-identity";
  readonly ready: pulumi.Resource[];
  /** ARN of the cluster. */
  readonly arn: pulumi.Output<string>;
  /** For kubectl: asks the AWS CLI for a token at each use, so it holds no secret and never expires. */
  readonly kubeconfig: pulumi.Output<string>;
  /**
   * The security group that EKS makes for the cluster; nodes, their pods and the control plane carry it. It admits all traffic of its own
   * members and lets all out, to its own members by a rule of its own, which is what EFA asks for.
   */
  readonly securityGroupId: pulumi.Output<string>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly key: aws.kms.Key;
    readonly logGroup: aws.cloudwatch.LogGroup;
    readonly cluster: aws.eks.Cluster;
    readonly administrators: readonly aws.eks.AccessPolicyAssociation[];
    readonly nodeRole: aws.iam.Role;
    readonly launchTemplate: aws.ec2.LaunchTemplate;
    readonly nodeGroup: aws.eks.NodeGroup;
    readonly addons: Readonly<Record<AddonName, aws.eks.Addon>>;
    readonly storageClass: kubernetes.storage.v1.StorageClass;
  };

  constructor(name: string, args: ClusterArgs, options?: pulumi.ComponentResourceOptions) {
    const clusterName = args.clusterName ?? `${pulumi.getProject()}-${pulumi.getStack()}`;
    refuse("Cluster", name, clusterArgumentErrors({ ...args, clusterName }));
    super(componentTypes.cluster, name, {}, options);
    const inside = { parent: this };

    const key = createKey();
    const logGroup = createLogGroup();
    const cluster = createCluster();
    // Access entries and DaemonSets vanish with the cluster, and are not deleted one by one.
    const goesWithCluster = { ...inside, deletedWith: cluster };
    const administrators = args.administrators.map(admit);
    (args.deployers ?? []).forEach(admitDeployer);
    const vpcCni = createVpcCni();
    const podIdentityAgent = createAddon("eks-pod-identity-agent", goesWithCluster);
    const kubeProxy = createAddon("kube-proxy", goesWithCluster);
    const node = createNodeRole();
    const launchTemplate = createLaunchTemplate();
    const nodeGroup = createNodeGroup();
    // CoreDNS and the EBS driver's controller are Deployments with disruption budgets, which would hold up the drain of the last nodes
    // for minutes: they are deleted, and before the nodes.
    const coreDns = createAddon("coredns", { ...inside, dependsOn: [nodeGroup] });
    const ebsCsi = createEbsCsi();
    const monitoringAgent = createAddon("eks-node-monitoring-agent", { ...goesWithCluster, dependsOn: [nodeGroup] });
    const kubeconfig = createKubeconfig();
    const provider = createProvider();
    const storageClass = createStorageClass();

    this.provider = provider;
    this.name = cluster.name;
    this.arn = cluster.arn;
    this.kubeconfig = kubeconfig;
    this.securityGroupId = cluster.vpcConfig.clusterSecurityGroupId;
    this.ready = [...administrators, nodeGroup, vpcCni, podIdentityAgent, kubeProxy, coreDns, ebsCsi, storageClass];
    this.nodes = {
      key,
      logGroup,
      cluster,
      administrators,
      nodeRole: node.role,
      launchTemplate,
      nodeGroup,
      addons: {
        "vpc-cni": vpcCni,
        "eks-pod-identity-agent": podIdentityAgent,
        "kube-proxy": kubeProxy,
        coredns: coreDns,
        "aws-ebs-csi-driver": ebsCsi,
        "eks-node-monitoring-agent": monitoringAgent,
      },
      storageClass,
    };
    this.registerOutputs({
      name: this.name,
      arn: this.arn,
      kubeconfig: this.kubeconfig,
      securityGroupId: this.securityGroupId,
    });

    function createKey() {
      return new aws.kms.Key(
        ...transformed(
          args.transform?.key,
          `${name}-secrets`,
          {
            description: `Kubernetes secrets of ${clusterName}`,
            enableKeyRotation: true,
            deletionWindowInDays: args.ephemeral ? 7 : 30,
          },
          // Without the key, the cluster's secrets are lost, and EKS cannot change to another one.
          { ...inside, protect: !args.ephemeral },
        ),
      );
    }

    function allowedCidrs(endpoint: Extract<ClusterEndpoint, { kind: "public" }>) {
      return endpoint.allowedCidrs.map((cidr, index) =>
        checked("Cluster", name, `endpoint.allowedCidrs[${index}]`, cidr, allowedCidrProblem),
      );
    }

    function createLogGroup() {
      return new aws.cloudwatch.LogGroup(
        ...transformed(
          args.transform?.logGroup,
          `${name}-logs`,
          {
            // EKS writes to this name; where it is missing, EKS makes it, without tags and with logs kept for ever.
            name: `/aws/eks/${clusterName}/cluster`,
            retentionInDays: args.logDays,
          },
          inside,
        ),
      );
    }

    function createCluster() {
      const { role, attachments } = createRole("control-plane", "eks.amazonaws.com", [managedPolicies.controlPlane]);
      const { endpoint } = args;
      return new aws.eks.Cluster(
        ...transformed(
          args.transform?.cluster,
          `${name}-eks`,
          {
            name: clusterName,
            version: args.version,
            roleArn: role.arn,
            accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false },
            // All add-ons come from EKS's add-ons, so that none exists twice and each has its configuration from the start.
            bootstrapSelfManagedAddons: false,
            vpcConfig: {
              subnetIds: args.network.privateSubnetIds,
              endpointPrivateAccess: true,
              endpointPublicAccess: endpoint.kind === "public",
              ...(endpoint.kind === "public" ? { publicAccessCidrs: allowedCidrs(endpoint) } : {}),
            },
            encryptionConfig: { provider: { keyArn: key.arn }, resources: ["secrets"] },
            enabledClusterLogTypes: controlPlaneLogs,
            upgradePolicy: { supportType: "STANDARD" },
            deletionProtection: !args.ephemeral,
          },
          {
            ...inside,
            // Routes and endpoints outlive the control plane, whose interfaces else hold the subnets.
            dependsOn: [logGroup, ...attachments, ...args.network.ready],
            protect: !args.ephemeral,
            // The name is fixed: a second cluster of that name cannot be made while the first is there.
            deleteBeforeReplace: true,
          },
        ),
      );
    }

    function admitDeployer(principal: Principal, index: number) {
      const { deployersGroup } = args;
      if (deployersGroup === undefined) throw new Error("deployers without a group are refused");
      const { suffix, principalArn } = entryOf("deployers", principal, index);
      return new aws.eks.AccessEntry(
        ...transformed(
          args.transform?.accessEntry,
          `${name}-deployer-${suffix}`,
          { clusterName: cluster.name, principalArn, type: "STANDARD", kubernetesGroups: [deployersGroup] },
          goesWithCluster,
        ),
      );
    }

    /** What an access entry is for, and the part of its name that says so. */
    function entryOf(list: "administrators" | "deployers", principal: Principal, index: number) {
      const arn = arnOf(principal);
      const written = writtenValue(arn);
      const suffix = isNamed(principal)
        ? principal.name
        : (written?.replace(/^arn:[^:]*:iam::/, "").replace(/[^A-Za-z0-9]+/g, "-") ?? String(index));
      return { suffix, principalArn: checked("Cluster", name, `${list}[${index}]`, arn, principalProblem) };
    }

    function admit(principal: Principal, index: number) {
      const { suffix, principalArn } = entryOf("administrators", principal, index);
      const entry = new aws.eks.AccessEntry(
        ...transformed(
          args.transform?.accessEntry,
          `${name}-admin-${suffix}`,
          { clusterName: cluster.name, principalArn, type: "STANDARD" },
          goesWithCluster,
        ),
      );
      return new aws.eks.AccessPolicyAssociation(
        ...transformed(
          args.transform?.accessPolicyAssociation,
          `${name}-admin-${suffix}`,
          {
            clusterName: cluster.name,
            principalArn: entry.principalArn,
            policyArn: clusterAdminPolicy,
            accessScope: { type: "cluster" },
          },
          goesWithCluster,
        ),
      );
    }

    function createAddon(
      addonName: AddonName,
      addonOptions: pulumi.CustomResourceOptions,
      settings: Pick<aws.eks.AddonArgs, "preserve" | "podIdentityAssociations"> = {},
    ) {
      const isConfigured = addonConfiguration(addonName, {}) !== undefined;
      const addonVersion = args.addonVersions?.[addonName];
      return new aws.eks.Addon(
        ...transformed(
          args.transform?.addons?.[addonName],
          `${name}-${addonName}`,
          {
            clusterName: cluster.name,
            addonName,
            ...(addonVersion === undefined ? {} : { addonVersion }),
            ...(isConfigured
              ? {
                  configurationValues: pulumi
                    .output(args.tags)
                    .apply((tags) => JSON.stringify(addonConfiguration(addonName, tags))),
                }
              : {}),
            // What is written here holds, whatever somebody has changed by hand.
            resolveConflictsOnCreate: "OVERWRITE",
            resolveConflictsOnUpdate: "OVERWRITE",
            ...settings,
          },
          addonOptions,
        ),
      );
    }

    /**
     * The network add-on comes before any node and outlives all of them: nodes without it neither start pods nor give addresses back.
     * Its role by Pod Identity is there as early: the agent runs in the node's own network and waits for nothing.
     */
    function createVpcCni() {
      const { role, attachments } = createPodRole("vpc-cni", managedPolicies.vpcCni);
      return createAddon(
        "vpc-cni",
        { ...goesWithCluster, dependsOn: attachments },
        {
          podIdentityAssociations: [{ serviceAccount: "aws-node", roleArn: role.arn }],
          // Should the add-on ever be taken out of a living cluster, the DaemonSet stays, and with it the network of running pods.
          preserve: true,
        },
      );
    }

    function createEbsCsi() {
      const { role, attachments } = createPodRole("ebs-csi", managedPolicies.ebsCsi);
      return createAddon(
        "aws-ebs-csi-driver",
        // It counts as installed when its controller runs, for which it needs a node and, for credentials, the agent on it.
        { ...inside, dependsOn: [...attachments, podIdentityAgent, nodeGroup] },
        { podIdentityAssociations: [{ serviceAccount: "ebs-csi-controller-sa", roleArn: role.arn }] },
      );
    }

    function createNodeRole() {
      return createRole("node", "ec2.amazonaws.com", [managedPolicies.node, managedPolicies.pullImages]);
    }

    function createLaunchTemplate() {
      const tags = pulumi.output(args.tags).apply((own) => ({ ...own, Name: `${clusterName}-system` }));
      return new aws.ec2.LaunchTemplate(
        ...transformed(
          args.transform?.launchTemplate,
          `${name}-system`,
          {
            description: `System nodes of ${clusterName}`,
            updateDefaultVersion: true,
            metadataOptions: {
              httpEndpoint: "enabled",
              httpTokens: "required",
              // One hop ends at the node: a pod cannot ask for the node's credentials. Nothing here needs more: pods get permissions by Pod
              // Identity, and the EBS driver falls back to what Kubernetes knows about its node.
              httpPutResponseHopLimit: 1,
            },
            blockDeviceMappings: [
              {
                deviceName: "/dev/xvda",
                ebs: {
                  volumeType: "gp3",
                  volumeSize: systemNodeDiskGib,
                  encrypted: "true",
                  deleteOnTermination: "true",
                },
              },
            ],
            // Tags of a node group reach neither instances nor disks nor interfaces; these do, and teardown finds them by it.
            tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
              resourceType,
              tags,
            })),
          },
          inside,
        ),
      );
    }

    function createNodeGroup() {
      const { instanceType, count } = args.systemNodes;
      return new aws.eks.NodeGroup(
        ...transformed(
          args.transform?.nodeGroup,
          `${name}-system`,
          {
            clusterName: cluster.name,
            nodeRoleArn: node.role.arn,
            // Two zones, whatever the number of nodes: a volume stays in its zone, so each zone that has had a node must keep having one.
            subnetIds: pulumi.output(args.network.privateSubnetIds).apply((subnetIds) => subnetIds.slice(0, 2)),
            amiType: "AL2023_x86_64_STANDARD",
            instanceTypes: [instanceType],
            version: cluster.version,
            // A number, not the word for the newest: otherwise a changed template would reach the nodes by chance.
            launchTemplate: { id: launchTemplate.id, version: pulumi.interpolate`${launchTemplate.latestVersion}` },
            // No autoscaler works on this group, so that the configured count always holds and no drift is ignored.
            scalingConfig: { minSize: count, desiredSize: count, maxSize: count },
            updateConfig: { maxUnavailable: 1 },
            nodeRepairConfig: { enabled: true },
            labels: { [poolLabel]: "system" },
            taints: [{ key: systemTaint.key, value: systemTaint.value, effect: "NO_SCHEDULE" }],
          },
          {
            ...inside,
            // What has to be there before the first node starts is also what has to stay until the last one is gone.
            dependsOn: [vpcCni, podIdentityAgent, kubeProxy, ...node.attachments, ...args.network.ready],
          },
        ),
      );
    }

    function createKubeconfig() {
      return pulumi
        .all([cluster.name, cluster.endpoint, cluster.certificateAuthority])
        .apply(([eksName, endpoint, { data }]) =>
          JSON.stringify(eksKubeconfig({ name: eksName, region: args.region, endpoint, certificateAuthority: data })),
        );
    }

    function createProvider() {
      return new kubernetes.Provider(
        ...transformed(
          args.transform?.provider,
          `${name}-kubernetes`,
          {
            kubeconfig,
            // Without it, a kubeconfig that is unknown in a preview would count as another cluster, and everything in it would be replaced.
            // The endpoint and not the name: a cluster that was replaced has the same name and ARN, but holds nothing of what was there.
            clusterIdentifier: cluster.endpoint,
          },
          // Access is taken away only after the last thing that was made by this provider has been deleted with it.
          { ...inside, dependsOn: administrators },
        ),
      );
    }

    function createStorageClass() {
      return new kubernetes.storage.v1.StorageClass(
        ...transformed(
          args.transform?.storageClass,
          `${name}-gp3`,
          {
            metadata: { name: "gp3", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
            provisioner: "ebs.csi.aws.com",
            parameters: { type: "gp3", encrypted: "true" },
            // A claim that is deleted takes its volume with it: nothing is left that costs and that nobody knows.
            reclaimPolicy: "Delete",
            volumeBindingMode: "WaitForFirstConsumer",
            allowVolumeExpansion: true,
          },
          // Owns nothing outside of the cluster, so that it need not be deleted when that goes.
          { ...goesWithCluster, provider, dependsOn: [ebsCsi] },
        ),
      );
    }

    function createPodRole(purpose: string, policyArn: string) {
      return createRole(purpose, "pods.eks.amazonaws.com", [policyArn]);
    }

    function createRole(purpose: string, service: string, policyArns: readonly string[]) {
      const role = new aws.iam.Role(
        ...transformed(
          args.transform?.role,
          `${name}-${purpose}`,
          {
            description: `${clusterName}: ${purpose}`,
            assumeRolePolicy: JSON.stringify({
              Version: "2012-10-17",
              Statement: [
                {
                  Effect: "Allow",
                  Principal: { Service: service },
                  Action:
                    service === "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"],
                },
              ],
            }),
          },
          inside,
        ),
      );
      const attachments = policyArns.map(
        (policyArn) =>
          new aws.iam.RolePolicyAttachment(
            ...transformed(
              args.transform?.rolePolicyAttachment,
              `${name}-${purpose}-${policyArn.slice(policyArn.lastIndexOf("/") + 1)}`,
              { role: role.name, policyArn },
              inside,
            ),
          ),
      );
      return { role, attachments };
    }
  }
}

/**
 * How a client reaches an EKS cluster: the AWS CLI gives it a token for each use. Nothing in it depends on the machine (no profile, no
 * path), since a destroy uses what the state holds, wherever it runs.
 */
export function eksKubeconfig(cluster: {
  name: string;
  region: string;
  endpoint: string;
  certificateAuthority: string;
}): Readonly<Record<string, unknown>> {
  const { name, region, endpoint, certificateAuthority } = cluster;
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: endpoint, "certificate-authority-data": certificateAuthority } }],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"],
            interactiveMode: "Never",
            installHint: "The AWS CLI, version 2, must be on PATH: it gives the token.",
          },
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
}
