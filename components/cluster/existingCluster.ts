import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { existingClusterArgumentErrors } from "./existingClusterArguments";

export interface ExistingClusterArgs {
  /** Context in the kubeconfig. */
  context: string;

  /**
   * Path of the kubeconfig. The path is what the state keeps, so it must lead to the file wherever the stack is deployed or destroyed.
   *
   * @default `KUBECONFIG`, else `~/.kube/config`
   */
  kubeconfig?: string;
}

/**
 * A cluster that was there before the platform: any Kubernetes that a kubeconfig leads to. Nothing of it is made, changed or deleted;
 * network, nodes, storage classes and the permissions of pods are its owner's.
 *
 * Cost: none of its own. Teardown: what the platform has put into the cluster goes; the cluster stays.
 *
 * @example
 * ```ts
 * const cluster = existingCluster("cluster", { context: "gpu-lab" });
 * ```
 */
export function existingCluster(
  name: string,
  args: ExistingClusterArgs,
  options?: pulumi.ResourceOptions,
): KubernetesCluster {
  refuse("existingCluster", name, existingClusterArgumentErrors(args));
  const provider = new kubernetes.Provider(
    name,
    {
      context: args.context,
      ...(args.kubeconfig === undefined ? {} : { kubeconfig: args.kubeconfig }),
      // A kubeconfig that was moved or renewed is still the same cluster: only another context replaces what was made there.
      clusterIdentifier: args.context,
    },
    options,
  );
  return { provider, name: pulumi.output(args.context), podPermissions: "owner", ready: [] };
}
