import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** A Kubernetes cluster that the platform runs on: one that it made, or one that was there. */
export interface KubernetesCluster {
  /** Provider for every Kubernetes resource of the stack. */
  readonly provider: kubernetes.Provider;
  /** EKS: the cluster's name. Existing: the context in the kubeconfig. */
  readonly name: pulumi.Output<string>;
  /** How pods get AWS permissions: by EKS Pod Identity, or by what the cluster's owner has set up. */
  readonly podPermissions: "pod-identity" | "owner";
  /**
   * What must stay until everything that runs in the cluster is gone: system nodes, network add-on, storage driver, access entries.
   * Resources that own things outside of the cluster (volumes, load balancers) depend on it; so does whatever needs nodes to come up.
   */
  readonly ready: pulumi.Input<pulumi.Resource>[];
}
