import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type InputError, refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";

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
  refuse("existingCluster", name, existingClusterErrors(args));
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

function existingClusterErrors({ context, kubeconfig }: ExistingClusterArgs): InputError[] {
  const errors: InputError[] = [];
  if (context.trim() === "") {
    errors.push({
      propertyPath: "context",
      reason: "is empty; `kubectl config get-contexts -o name` lists what there is",
    });
  }
  if (kubeconfig === undefined) return errors;
  if (kubeconfig.trim() === "") {
    errors.push({ propertyPath: "kubeconfig", reason: "is empty; name a file, or leave it out for KUBECONFIG" });
  } else if (/[\n{]|apiVersion/.test(kubeconfig)) {
    errors.push({
      propertyPath: "kubeconfig",
      reason: "holds a kubeconfig itself, whose credentials would be kept in the state; name the path of a file",
    });
  }
  return errors;
}
