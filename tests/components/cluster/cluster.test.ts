import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { Cluster, type ClusterArgs } from "../../../components/cluster/cluster";
import { existingCluster } from "../../../components/cluster/existingCluster";
import { existingNetwork, Network } from "../../../components/network/network";
import { placementFor, systemPlacement } from "../../../components/core/systemPlacement";
import { type Collected, collect, type ProviderOutputs, type Registration, valueOf } from "../collect";
import { deletionOrder } from "../deletionOrder";

const deployer = "arn:aws:iam::111122223333:role/ci/deployer";
const tags = { project: "posttraining", stack: "test", owner: "ml-team" };
const network = existingNetwork({ vpcId: "vpc-1", privateSubnetIds: ["subnet-1", "subnet-2", "subnet-3"] });
const defaults: ClusterArgs = {
  region: "us-east-1",
  network,
  version: "1.35",
  endpoint: { kind: "private" },
  administrators: [deployer],
  systemNodes: { instanceType: "t3.large", count: 2 },
  logDays: 30,
  ephemeral: false,
  tags,
};
const outputs: ProviderOutputs = {
  "aws:eks/cluster:Cluster": (inputs) => ({
    arn: "arn:aws:eks:us-east-1:111122223333:cluster/posttraining-test",
    endpoint: "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
    certificateAuthority: { data: "Y2VydGlmaWNhdGU=" },
    vpcConfig: { ...(inputs.vpcConfig as object), clusterSecurityGroupId: "sg-cluster" },
  }),
  "aws:ec2/launchTemplate:LaunchTemplate": () => ({ latestVersion: 7 }),
  "aws:kms/key:Key": () => ({ arn: "arn:aws:kms:us-east-1:111122223333:key/1" }),
  "aws:iam/role:Role": (inputs) => ({ arn: `arn of ${String(inputs.description)}`, name: String(inputs.description) }),
};

const build = (change: Partial<ClusterArgs> = {}) =>
  collect(() => new Cluster("cluster", { ...defaults, ...change }), outputs);

const inputsOf = ({ resources }: Collected<unknown>, type: string) =>
  resources.filter((resource) => resource.type === type).map(({ inputs }) => inputs);

function registrationOf({ registrations }: Collected<unknown>, resource: pulumi.Resource): Registration {
  const found = registrations.find((registration) => registration.resource === resource);
  if (found === undefined) throw new Error("the resource was not registered");
  return found;
}

interface AddonInputs {
  readonly addonVersion?: string;
  readonly preserve?: boolean;
  readonly podIdentityAssociations?: unknown;
  readonly configurationValues?: string;
}

function addonOf(made: Collected<unknown>, name: string): AddonInputs {
  const addon = inputsOf(made, "aws:eks/addon:Addon").find(({ addonName }) => addonName === name);
  if (addon === undefined) throw new Error(`no add-on ${name}`);
  return addon;
}

const configurationOf = (made: Collected<unknown>, name: string): unknown =>
  JSON.parse(addonOf(made, name).configurationValues ?? "null");

/** Managed policies of the role with this purpose. */
const policiesOf = (made: Collected<unknown>, purpose: string) =>
  inputsOf(made, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    .filter(({ role }) => role === `posttraining-test: ${purpose}`)
    .map(({ policyArn }) => policyArn);

const refusal = async (change: Partial<ClusterArgs>): Promise<string> => {
  try {
    await build(change);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the cluster was not refused");
};

describe("Cluster", () => {
  let made: Collected<Cluster>;
  beforeAll(async () => {
    made = await build();
  });

  describe("control plane", () => {
    it("is reached from inside the VPC only", () => {
      const [cluster] = inputsOf(made, "aws:eks/cluster:Cluster");
      expect(cluster).toMatchObject({ name: "posttraining-test", version: "1.35" });
      expect(cluster?.vpcConfig).toEqual({
        subnetIds: ["subnet-1", "subnet-2", "subnet-3"],
        endpointPrivateAccess: true,
        endpointPublicAccess: false,
      });
    });

    it("is reached from the named ranges too if that is asked for, and privately still", async () => {
      const allowedCidrs = ["203.0.113.0/24", "198.51.100.7/32"];
      const [cluster] = inputsOf(
        await build({ endpoint: { kind: "public", allowedCidrs } }),
        "aws:eks/cluster:Cluster",
      );
      expect(cluster?.vpcConfig).toMatchObject({
        endpointPrivateAccess: true,
        endpointPublicAccess: true,
        publicAccessCidrs: allowedCidrs,
      });
    });

    it("admits administrators by access entries, and not whoever has made it", () => {
      const [cluster] = inputsOf(made, "aws:eks/cluster:Cluster");
      expect(cluster?.accessConfig).toEqual({
        authenticationMode: "API",
        bootstrapClusterCreatorAdminPermissions: false,
      });
      expect(inputsOf(made, "aws:eks/accessEntry:AccessEntry")).toEqual([
        { clusterName: "posttraining-test", principalArn: deployer, type: "STANDARD" },
      ]);
      expect(inputsOf(made, "aws:eks/accessPolicyAssociation:AccessPolicyAssociation")).toEqual([
        {
          clusterName: "posttraining-test",
          principalArn: deployer,
          policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
          accessScope: { type: "cluster" },
        },
      ]);
    });

    it("admits deployers to the group that may deploy runs, and gives them no policy of EKS", async () => {
      const scientist = "arn:aws:iam::111122223333:role/scientist";
      const { resources } = await build({ deployers: [scientist], deployersGroup: "metaflow-deployers" });
      const entry = resources.find(({ inputs }) => inputs.principalArn === scientist);
      expect(entry?.type).toBe("aws:eks/accessEntry:AccessEntry");
      expect(entry?.inputs.kubernetesGroups).toEqual(["metaflow-deployers"]);
      expect(resources.filter(({ inputs }) => inputs.principalArn === scientist)).toHaveLength(1);
    });

    it("names entries by who they are for, so that another order of administrators changes nothing", async () => {
      const other = "arn:aws:iam::111122223333:user/ann";
      const namesOf = async (administrators: string[]) =>
        (await build({ administrators })).resources
          .filter(({ type }) => type === "aws:eks/accessEntry:AccessEntry")
          .map(({ name, inputs }) => `${name} ${String(inputs.principalArn)}`)
          .toSorted();
      expect(await namesOf([deployer, other])).toEqual(await namesOf([other, deployer]));
    });

    it("encrypts secrets with a key of its own that is rotated", () => {
      const [cluster] = inputsOf(made, "aws:eks/cluster:Cluster");
      expect(cluster?.encryptionConfig).toEqual({
        provider: { keyArn: "arn:aws:kms:us-east-1:111122223333:key/1" },
        resources: ["secrets"],
      });
      expect(inputsOf(made, "aws:kms/key:Key")).toEqual([
        expect.objectContaining({ enableKeyRotation: true, deletionWindowInDays: 30 }),
      ]);
    });

    it("writes all of its logs into a group that is there before it and forgets after a while", async () => {
      const { result, registrations } = made;
      const [cluster] = inputsOf(made, "aws:eks/cluster:Cluster");
      expect(cluster?.enabledClusterLogTypes).toEqual(
        expect.arrayContaining(["api", "audit", "authenticator", "controllerManager", "scheduler"]),
      );
      expect(inputsOf(made, "aws:cloudwatch/logGroup:LogGroup")).toEqual([
        expect.objectContaining({ name: "/aws/eks/posttraining-test/cluster", retentionInDays: 30 }),
      ]);
      const before = await deletionOrder(registrations);
      expect(before(result.nodes.cluster, result.nodes.logGroup)).toBe(true);
    });

    it("never slips into extended support, and installs nothing that no add-on stands for", () => {
      expect(inputsOf(made, "aws:eks/cluster:Cluster")[0]).toMatchObject({
        upgradePolicy: { supportType: "STANDARD" },
        bootstrapSelfManagedAddons: false,
      });
    });

    it("takes another name if it is given one", async () => {
      const named = await build({ clusterName: "training" });
      expect(inputsOf(named, "aws:eks/cluster:Cluster")[0]?.name).toBe("training");
      expect(inputsOf(named, "aws:cloudwatch/logGroup:LogGroup")[0]?.name).toBe("/aws/eks/training/cluster");
    });
  });

  describe("system nodes", () => {
    it("are as many as configured, on Amazon Linux 2023, labelled and tainted, and repaired", () => {
      expect(inputsOf(made, "aws:eks/nodeGroup:NodeGroup")).toEqual([
        expect.objectContaining({
          amiType: "AL2023_x86_64_STANDARD",
          instanceTypes: ["t3.large"],
          version: "1.35",
          scalingConfig: { minSize: 2, desiredSize: 2, maxSize: 2 },
          nodeRepairConfig: { enabled: true },
          labels: { "posttraining.dev/pool": "system" },
          taints: [{ key: "posttraining.dev/system", value: "true", effect: "NO_SCHEDULE" }],
        }),
      ]);
    });

    it("follow the configured count, since nothing else scales them", async () => {
      const larger = await build({ systemNodes: { instanceType: "m7i.large", count: 4 } });
      expect(inputsOf(larger, "aws:eks/nodeGroup:NodeGroup")[0]).toMatchObject({
        instanceTypes: ["m7i.large"],
        scalingConfig: { minSize: 4, desiredSize: 4, maxSize: 4 },
      });
      expect(registrationOf(larger, larger.result.nodes.nodeGroup).opts.ignoreChanges).toBeUndefined();
    });

    it("stay in two zones, so that volumes find a node in theirs", async () => {
      for (const count of [2, 3]) {
        const built = await build({ systemNodes: { instanceType: "t3.large", count } });
        expect(inputsOf(built, "aws:eks/nodeGroup:NodeGroup")[0]?.subnetIds).toEqual(["subnet-1", "subnet-2"]);
      }
    });

    it("can be replaced: their group has no fixed name, and runs a numbered version of its template", () => {
      const [group] = inputsOf(made, "aws:eks/nodeGroup:NodeGroup");
      expect(group).not.toHaveProperty("nodeGroupName");
      expect(group?.launchTemplate).toEqual({ id: "cluster-system-id", version: "7" });
    });

    it("keep their credentials from pods, encrypt their disk and pass on the stack's tags", () => {
      const [template] = inputsOf(made, "aws:ec2/launchTemplate:LaunchTemplate");
      expect(template?.metadataOptions).toEqual({
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
      });
      expect(template?.blockDeviceMappings).toEqual([
        {
          deviceName: "/dev/xvda",
          ebs: { volumeType: "gp3", volumeSize: 50, encrypted: "true", deleteOnTermination: "true" },
        },
      ]);
      expect(template?.tagSpecifications).toEqual(
        ["instance", "volume", "network-interface"].map((resourceType) => ({
          resourceType,
          tags: { ...tags, Name: "posttraining-test-system" },
        })),
      );
      // With an image, a type or security groups in it, EKS would no longer see to them.
      for (const property of ["imageId", "instanceType", "vpcSecurityGroupIds", "userData"]) {
        expect(template).not.toHaveProperty(property);
      }
    });

    it("may do nothing but join, describe and pull", () => {
      expect(policiesOf(made, "node")).toEqual([
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
      ]);
      expect(policiesOf(made, "control-plane")).toEqual(["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]);
    });
  });

  describe("add-ons", () => {
    it("are those that pods need", () => {
      expect(
        inputsOf(made, "aws:eks/addon:Addon")
          .map(({ addonName }) => String(addonName))
          .toSorted(),
      ).toEqual([
        "aws-ebs-csi-driver",
        "coredns",
        "eks-node-monitoring-agent",
        "eks-pod-identity-agent",
        "kube-proxy",
        "vpc-cni",
      ]);
    });

    it("give nodes prefixes, enforce network policies and tag interfaces; pods keep their network if the add-on goes", () => {
      expect(configurationOf(made, "vpc-cni")).toEqual({
        enableNetworkPolicy: "true",
        env: { ENABLE_PREFIX_DELEGATION: "true", WARM_PREFIX_TARGET: "1", ADDITIONAL_ENI_TAGS: JSON.stringify(tags) },
      });
      expect(addonOf(made, "vpc-cni").preserve).toBe(true);
    });

    it("that call AWS have a role of their own by Pod Identity, the smallest there is", () => {
      expect(addonOf(made, "vpc-cni").podIdentityAssociations).toEqual([
        { serviceAccount: "aws-node", roleArn: "arn of posttraining-test: vpc-cni" },
      ]);
      expect(policiesOf(made, "vpc-cni")).toEqual(["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]);
      expect(addonOf(made, "aws-ebs-csi-driver").podIdentityAssociations).toEqual([
        { serviceAccount: "ebs-csi-controller-sa", roleArn: "arn of posttraining-test: ebs-csi" },
      ]);
      expect(policiesOf(made, "ebs-csi")).toEqual(["arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2"]);
      const trusts = inputsOf(made, "aws:iam/role:Role").map(({ assumeRolePolicy }) => String(assumeRolePolicy));
      expect(trusts.filter((trust) => trust.includes('"pods.eks.amazonaws.com"'))).toHaveLength(2);
      for (const trust of trusts) {
        expect(trust.includes("sts:TagSession")).toBe(trust.includes("pods.eks.amazonaws.com"));
      }
    });

    it("run on the system nodes, and their agents on every node", () => {
      expect(configurationOf(made, "coredns")).toEqual({ ...systemPlacement, replicaCount: 2 });
      expect(configurationOf(made, "aws-ebs-csi-driver")).toEqual({
        controller: { ...systemPlacement, extraVolumeTags: tags },
        node: { tolerateAllTaints: true },
      });
      expect(configurationOf(made, "eks-pod-identity-agent")).toEqual({ tolerations: [{ operator: "Exists" }] });
      expect(configurationOf(made, "eks-node-monitoring-agent")).toEqual({
        nodeAgent: { tolerations: [{ operator: "Exists" }] },
        dcgmAgent: { tolerations: [{ operator: "Exists" }] },
      });
    });

    it("have EKS's default version unless one is configured", async () => {
      expect(addonOf(made, "kube-proxy").addonVersion).toBeUndefined();
      const pinned = await build({ addonVersions: { "kube-proxy": "v1.35.0-eksbuild.2" } });
      expect(addonOf(pinned, "kube-proxy").addonVersion).toBe("v1.35.0-eksbuild.2");
      expect(addonOf(pinned, "coredns").addonVersion).toBeUndefined();
    });

    it("offer encrypted gp3 volumes by default, which go with their claims", () => {
      expect(inputsOf(made, "kubernetes:storage.k8s.io/v1:StorageClass")).toEqual([
        expect.objectContaining({
          metadata: { name: "gp3", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
          provisioner: "ebs.csi.aws.com",
          parameters: { type: "gp3", encrypted: "true" },
          reclaimPolicy: "Delete",
          volumeBindingMode: "WaitForFirstConsumer",
        }),
      ]);
    });
  });

  describe("access to Kubernetes", () => {
    it("is by a token from the AWS CLI for each use: no token and no profile is in kubeconfig or state", async () => {
      const kubeconfig = JSON.parse(await valueOf(made.result.kubeconfig)) as {
        users: { user: Record<string, unknown> }[];
        clusters: unknown;
      };
      expect(kubeconfig.clusters).toEqual([
        {
          name: "posttraining-test",
          cluster: {
            server: "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
            "certificate-authority-data": "Y2VydGlmaWNhdGU=",
          },
        },
      ]);
      const [user] = kubeconfig.users;
      expect(Object.keys(user?.user ?? {})).toEqual(["exec"]);
      expect(user?.user.exec).toMatchObject({
        apiVersion: "client.authentication.k8s.io/v1beta1",
        command: "aws",
        args: ["eks", "get-token", "--cluster-name", "posttraining-test", "--region", "us-east-1", "--output", "json"],
      });
      expect(user?.user.exec).not.toHaveProperty("env");
    });

    it("is by a provider that stays the same as long as the cluster does", () => {
      const [provider] = inputsOf(made, "pulumi:providers:kubernetes");
      expect(provider?.clusterIdentifier).toBe("https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com");
      expect(provider).not.toHaveProperty("deleteUnreachable");
    });

    it("is told to others with all that they need", async () => {
      const { result } = made;
      expect(await valueOf(result.name)).toBe("posttraining-test");
      expect(await valueOf(result.arn)).toBe("arn:aws:eks:us-east-1:111122223333:cluster/posttraining-test");
      expect(await valueOf(result.securityGroupId)).toBe("sg-cluster");
      expect(placementFor(result)).toBe(systemPlacement);
    });
  });

  describe("options", () => {
    it("has all of its resources as children", () => {
      for (const { name, resource, opts, type } of made.registrations) {
        if (resource === made.result || type === "pulumi:pulumi:Stack") continue;
        expect(opts.parent, name).toBe(made.result);
      }
    });

    it("protects cluster and key, in Pulumi and in EKS, and nothing else", () => {
      const { cluster, key } = made.result.nodes;
      const protectedOnes = made.registrations.filter(({ opts }) => opts.protect === true);
      expect(protectedOnes.map(({ resource }) => resource)).toEqual(expect.arrayContaining([cluster, key]));
      expect(protectedOnes).toHaveLength(2);
      expect(inputsOf(made, "aws:eks/cluster:Cluster")[0]?.deletionProtection).toBe(true);
    });

    it("protects nothing of an ephemeral one", async () => {
      const ephemeral = await build({ ephemeral: true });
      expect(ephemeral.registrations.filter(({ opts }) => opts.protect === true)).toEqual([]);
      expect(inputsOf(ephemeral, "aws:eks/cluster:Cluster")[0]?.deletionProtection).toBe(false);
      expect(inputsOf(ephemeral, "aws:kms/key:Key")[0]?.deletionWindowInDays).toBe(7);
    });

    it("deletes a cluster before it makes another of the same name", () => {
      const { opts } = registrationOf(made, made.result.nodes.cluster);
      expect((opts as pulumi.CustomResourceOptions).deleteBeforeReplace).toBe(true);
    });

    it("lets DaemonSets, entries and storage class go with the cluster, but deletes nodes and what has a disruption budget", () => {
      const { nodes } = made.result;
      const { coredns, "aws-ebs-csi-driver": ebsCsi, ...daemonSets } = nodes.addons;
      const goesWithIt = made.registrations
        .filter(({ opts }) => (opts as pulumi.CustomResourceOptions).deletedWith === nodes.cluster)
        .map(({ resource }) => resource);
      expect(new Set(goesWithIt)).toEqual(
        new Set([
          ...Object.values(daemonSets),
          ...nodes.administrators,
          ...made.registrations.filter(({ type }) => type === "aws:eks/accessEntry:AccessEntry").map((r) => r.resource),
          nodes.storageClass,
        ]),
      );
      for (const deleted of [nodes.nodeGroup, coredns, ebsCsi]) {
        expect(registrationOf(made, deleted).opts).not.toHaveProperty("deletedWith");
      }
    });
  });

  describe("teardown", () => {
    const platform = () => {
      const vpc = new Network("network", {
        region: "us-east-1",
        cidr: "10.64.0.0/16",
        availabilityZones: ["us-east-1a", "us-east-1b"],
        natGateways: "one",
        interfaceEndpoints: "one-zone",
      });
      const cluster = new Cluster("cluster", { ...defaults, network: vpc });
      const claim = new kubernetes.core.v1.PersistentVolumeClaim(
        "metrics",
        {},
        { provider: cluster.provider, dependsOn: cluster.ready },
      );
      const namespace = new kubernetes.core.v1.Namespace("jobs", {}, { provider: cluster.provider });
      return { vpc, cluster, claim, namespace };
    };
    let torn: Collected<ReturnType<typeof platform>>;
    let before: (first: pulumi.Resource, second: pulumi.Resource) => boolean;
    beforeAll(async () => {
      torn = await collect(platform, outputs);
      before = await deletionOrder(torn.registrations);
    });

    it("deletes what owns volumes while the driver, its node and its role are still there", () => {
      const { claim, cluster } = torn.result;
      const { addons, nodeGroup, storageClass } = cluster.nodes;
      const needed = [addons["aws-ebs-csi-driver"], addons["eks-pod-identity-agent"], nodeGroup, storageClass];
      for (const resource of needed) expect(before(claim, resource)).toBe(true);
      const roles = torn.registrations.filter(({ name }) => name.startsWith("cluster-ebs-csi"));
      expect(roles).toHaveLength(2);
      for (const { resource } of roles) expect(before(claim, resource)).toBe(true);
    });

    it("deletes nodes first, then the network add-on, then roles, then the network", () => {
      const { cluster, vpc } = torn.result;
      const { nodeGroup, addons, nodeRole } = cluster.nodes;
      // Their disruption budgets would hold up the drain.
      expect(before(addons.coredns, nodeGroup)).toBe(true);
      expect(before(addons["aws-ebs-csi-driver"], nodeGroup)).toBe(true);
      expect(before(nodeGroup, addons["vpc-cni"])).toBe(true);
      expect(before(nodeGroup, addons["eks-pod-identity-agent"])).toBe(true);
      expect(before(nodeGroup, addons["kube-proxy"])).toBe(true);
      expect(before(nodeGroup, nodeRole)).toBe(true);
      const attachments = torn.registrations.filter(({ name }) => /^cluster-(?:node|vpc-cni)-Amazon/.test(name));
      expect(attachments).toHaveLength(3);
      for (const { name, resource } of attachments) expect(before(nodeGroup, resource), name).toBe(true);
      for (const { name, resource } of torn.registrations.filter(({ name }) => name.startsWith("cluster-vpc-cni-"))) {
        expect(before(addons["vpc-cni"], resource), name).toBe(true);
      }
      for (const resource of [...vpc.ready, vpc.nodes.vpc]) expect(before(nodeGroup, resource)).toBe(true);
    });

    it("deletes the control plane after its nodes and before its role, its logs, its key and its network", () => {
      const { cluster, vpc } = torn.result;
      const { nodeGroup, logGroup, key, cluster: eks } = cluster.nodes;
      expect(before(nodeGroup, eks)).toBe(true);
      const roles = torn.registrations.filter(({ name }) => name.startsWith("cluster-control-plane"));
      expect(roles).toHaveLength(2);
      for (const resource of [
        logGroup,
        key,
        ...roles.map((r) => r.resource),
        ...vpc.ready,
        ...vpc.nodes.privateSubnets,
      ]) {
        expect(before(eks, resource)).toBe(true);
      }
    });

    it("takes access away last: after all that was made with it", () => {
      const { cluster, claim, namespace } = torn.result;
      const entries = torn.registrations.filter(({ type }) => type === "aws:eks/accessEntry:AccessEntry");
      expect(entries).toHaveLength(1);
      const access = [...cluster.nodes.administrators, ...entries.map(({ resource }) => resource)];
      for (const resource of access) {
        for (const user of [claim, namespace, cluster.nodes.storageClass]) expect(before(user, resource)).toBe(true);
      }
    });
  });

  it("lets a transform change what it makes", async () => {
    const changed = await build({
      transform: {
        cluster: { enabledClusterLogTypes: ["audit"] },
        nodeGroup: (args) => ({
          args: { ...args, labels: { ...(args.labels as Record<string, string>), team: "ml" } },
        }),
        addons: { coredns: { addonVersion: "v1.12.4-eksbuild.1" } },
      },
    });
    expect(inputsOf(changed, "aws:eks/cluster:Cluster")[0]).toMatchObject({
      enabledClusterLogTypes: ["audit"],
      version: "1.35",
    });
    expect(inputsOf(changed, "aws:eks/nodeGroup:NodeGroup")[0]?.labels).toEqual({
      "posttraining.dev/pool": "system",
      team: "ml",
    });
    expect(addonOf(changed, "coredns")).toMatchObject({ addonVersion: "v1.12.4-eksbuild.1" });
  });
});

describe("Cluster refuses", () => {
  it("everything that is wrong at once, and registers nothing", async () => {
    const { registrations } = await collect(() => {
      let message = "";
      try {
        new Cluster("cluster", {
          ...defaults,
          clusterName: "no spaces",
          version: "1.35.2",
          endpoint: { kind: "public", allowedCidrs: ["0.0.0.0/0"] },
          administrators: [],
          systemNodes: { instanceType: "p5.48xlarge", count: 1 },
          logDays: 31,
        });
      } catch (error) {
        expect(error).toBeInstanceOf(pulumi.InputPropertiesError);
        message = (error as Error).message;
      }
      const paths = [...message.matchAll(/^ {2}- ([^:]+):/gm)].map(([, path]) => path);
      expect(paths).toEqual([
        "clusterName",
        "version",
        "endpoint.allowedCidrs[0]",
        "administrators",
        "systemNodes.instanceType",
        "systemNodes.count",
        "logDays",
      ]);
    });
    expect(registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  });

  it.each([
    [{ version: "v1.35" }, 'version: got "v1.35"; must be a version of EKS such as "1.35"'],
    [{ version: "2.0" }, 'version: got "2.0"; must be a version of EKS such as "1.35"'],
    [
      { systemNodes: { instanceType: "t3.large", count: 1 } },
      "systemNodes.count: got 1; must be a whole number from 2 to 9",
    ],
    [{ systemNodes: { instanceType: "t3.large", count: 2.5 } }, "systemNodes.count"],
    [{ logDays: 31 }, "logDays: got 31; CloudWatch Logs cannot keep logs for so many days: write 60"],
    [{ logDays: 9999 }, "logDays: got 9999; CloudWatch Logs cannot keep logs for so many days: write 3653"],
    [{ clusterName: "-x" }, 'clusterName: got "-x"; must be a name for an EKS cluster'],
  ] satisfies [Partial<ClusterArgs>, string][])("%j", async (change, reason) => {
    expect(await refusal(change)).toContain(reason);
  });

  it.each([
    [[], "EKS takes no range for the whole internet"],
    [["0.0.0.0/0"], "opens the Kubernetes API to the whole internet"],
    [
      ["0.0.0.0/1", "128.0.0.0/1"],
      'endpoint.allowedCidrs[1]: got "128.0.0.0/1"; it opens the Kubernetes API to 2147483648 addresses',
    ],
    [["10.0.0.0/16"], "has private addresses, which EKS refuses"],
    [["203.0.113.7/24"], 'write "203.0.113.0/24", or "203.0.113.7/32" for one address'],
    [["203.0.113.7"], "must be a range of IPv4 addresses"],
    [["::/0"], "must be a range of IPv4 addresses"],
  ])("a public endpoint for %j", async (allowedCidrs, reason) => {
    expect(await refusal({ endpoint: { kind: "public", allowedCidrs } })).toContain(reason);
  });

  it.each([
    [
      ["arn:aws:sts::111122223333:assumed-role/deployer/session"],
      'is a session, and EKS takes roles; write "arn:aws:iam::111122223333:role/deployer"',
    ],
    [["arn:aws:iam::111122223333:root"], "is a whole account"],
    [
      ["arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"],
      "belongs to an AWS service",
    ],
    [["deployer"], "must be the ARN of an IAM role or user"],
    [["arn:aws:iam::1111:role/deployer"], "must be the ARN of an IAM role or user"],
    [[deployer, deployer], `administrators[1]: got "${deployer}"; it is named twice`],
  ])("administrators %j", async (administrators, reason) => {
    expect(await refusal({ administrators })).toContain(reason);
  });

  it("deployers that are no roles, or administrators already", async () => {
    const message = await refusal({ deployers: ["scientist", deployer] });
    expect(message).toContain('deployers[0]: got "scientist"; must be the ARN of an IAM role or user');
    expect(message).toContain(`deployers[1]: got "${deployer}"; it is among the administrators`);
    expect(message).toContain("deployersGroup: is missing; name the Kubernetes group");
  });

  it.each([
    ["g5.xlarge", "has accelerators"],
    ["p4d.24xlarge", "has accelerators"],
    ["trn1.2xlarge", "has accelerators"],
    ["g99.xlarge", "has accelerators"],
    ["t4g.large", "has an Arm processor"],
    ["m7g.xlarge", "has an Arm processor"],
    ["c7gn.xlarge", "has an Arm processor"],
    ["t3.medium", "has 2 vCPUs and 4 GiB, too little"],
    ["t3.micro", "too little"],
    ["c6i.large", "has 2 vCPUs and 4 GiB, too little"],
    ["m7a.medium", "has 1 vCPUs and 4 GiB, too little"],
    ["t2.large", "is not a known type"],
    ["m5.huge", "is not a known type"],
    ["large", "is not a known type"],
  ])("system nodes of type %s", async (instanceType, reason) => {
    expect(await refusal({ systemNodes: { instanceType, count: 2 } })).toContain(reason);
  });

  it("no type that can carry the platform", async () => {
    for (const instanceType of [
      "t3.large",
      "t3a.xlarge",
      "m5.large",
      "m7i-flex.large",
      "m6a.48xlarge",
      "c6i.xlarge",
      "r7i.large",
    ]) {
      await expect(build({ systemNodes: { instanceType, count: 2 } })).resolves.toBeDefined();
    }
  });
});

describe("existingCluster", () => {
  it("is a provider for the context, whose identity is the context and not the file", async () => {
    const { result, resources } = await collect(() =>
      existingCluster("cluster", { context: "gpu-lab", kubeconfig: "/etc/kubeconfig" }),
    );
    expect(resources.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([
      {
        type: "pulumi:providers:kubernetes",
        name: "cluster",
        inputs: { context: "gpu-lab", kubeconfig: "/etc/kubeconfig", clusterIdentifier: "gpu-lab" },
      },
    ]);
    expect(await valueOf(result.name)).toBe("gpu-lab");
    expect(result.podPermissions).toBe("owner");
    expect(result.ready).toEqual([]);
  });

  it("puts the platform's pods wherever its owner's scheduler likes", async () => {
    const { result } = await collect(() => existingCluster("cluster", { context: "gpu-lab" }));
    expect(placementFor(result)).toEqual({ nodeSelector: {}, tolerations: [] });
  });

  it("refuses an empty context and a kubeconfig that is not a path, together", async () => {
    const message = await collect(() => {
      try {
        existingCluster("cluster", { context: " ", kubeconfig: "apiVersion: v1\nkind: Config" });
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(message.result).toContain('context: got " "; must be the name of a context');
    expect(message.result).toContain(
      "kubeconfig: holds a kubeconfig itself, whose credentials would be kept in the state",
    );
    expect(message.registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  });

  it("refuses an empty path", async () => {
    await expect(collect(() => existingCluster("cluster", { context: "gpu-lab", kubeconfig: "" }))).rejects.toThrow(
      'kubeconfig: got ""; must be the path of a file; leave it out for KUBECONFIG',
    );
  });
});
