import { systemPlacement } from "../core/systemPlacement";

/** EKS add-ons of a cluster, by the names that EKS gives them. */
export type AddonName =
  "vpc-cni" | "eks-pod-identity-agent" | "kube-proxy" | "coredns" | "aws-ebs-csi-driver" | "eks-node-monitoring-agent";

const toleratesAll = [{ operator: "Exists" }] as const;

/**
 * Configuration of an add-on in the form of its JSON schema; undefined where the defaults do.
 *
 * Deployments go to the system nodes; DaemonSets must run on every node, GPU nodes included, whatever it is tainted with.
 *
 * @param tags go to what an add-on makes in AWS, which no resource of the program stands for: teardown finds leftovers by them.
 */
export function addonConfiguration(
  addon: AddonName,
  tags: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> | undefined {
  switch (addon) {
    case "vpc-cni":
      return {
        // Without it, NetworkPolicies are accepted and have no effect.
        enableNetworkPolicy: "true",
        env: {
          // /28 prefixes instead of single addresses: 110 pods on a small node, and a call to EC2 for every 16 pods.
          ENABLE_PREFIX_DELEGATION: "true",
          WARM_PREFIX_TARGET: "1",
          ADDITIONAL_ENI_TAGS: JSON.stringify(tags),
        },
      };
    case "eks-pod-identity-agent":
      // The CNI gets its permissions from this agent: if the agent waits until a node is ready, the node never is. That its defaults
      // once did is reported in terraform-aws-modules/terraform-aws-eks#3621.
      return { tolerations: toleratesAll };
    case "kube-proxy":
      return undefined;
    case "coredns":
      return { ...systemPlacement, replicaCount: 2 };
    case "aws-ebs-csi-driver":
      return { controller: { ...systemPlacement, extraVolumeTags: tags }, node: { tolerateAllTaints: true } };
    case "eks-node-monitoring-agent":
      // DCGM, by which the agent sees GPU faults, tolerates no taint by default, and GPU nodes have one
      // (values.yaml of aws/eks-node-monitoring-agent at 1.7.0).
      return { nodeAgent: { tolerations: toleratesAll }, dcgmAgent: { tolerations: toleratesAll } };
  }
}
