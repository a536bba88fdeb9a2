import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { checked, refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { type Transform, transformed } from "../core/transform";
import { contextProblem, existingClusterArgumentErrors, kubeconfigProblem } from "./existingClusterArguments";

/** Arguments of `existingCluster`. Inputs take outputs of other resources. */
export interface ExistingClusterArgs {
  /**
   * Context in the kubeconfig.
   *
   * @example
   * ```ts
   * { context: "gpu-lab" }
   * ```
   */
  context: pulumi.Input<string>;

  /**
   * Path of the kubeconfig. The path is what the state keeps, so it must lead to the file wherever the stack is deployed or destroyed.
   *
   * @default `KUBECONFIG`, else `~/.kube/config`
   * @example
   * ```ts
   * { kubeconfig: "/etc/post-training/kubeconfig" }
   * ```
   */
  kubeconfig?: pulumi.Input<string>;

  /** Changes what is made: arguments, options and name of the provider. */
  transform?: { provider?: Transform<kubernetes.ProviderArgs> };
}

/**
 * A cluster that was there before the platform: any Kubernetes that a kubeconfig leads to. Nothing of it is made, changed or deleted;
 * network, nodes, storage classes and the permissions of pods are its owner's.
 *
 * **Cost**: none of its own.
 *
 * **Teardown**: what the platform has put into the cluster goes; the cluster stays.
 *
 * @example
 * ```ts
 * const cluster = existingCluster("cluster", { context: "gpu-lab" });
 * ```
 */
export function existingCluster(
  name: string,
  args: ExistingClusterArgs,
  options: pulumi.CustomResourceOptions = {},
): KubernetesCluster {
  refuse("existingCluster", name, existingClusterArgumentErrors(args));
  const context = checked("existingCluster", name, "context", args.context, contextProblem);
  const kubeconfig =
    args.kubeconfig === undefined
      ? {}
      : { kubeconfig: checked("existingCluster", name, "kubeconfig", args.kubeconfig, kubeconfigProblem) };
  const provider = new kubernetes.Provider(
    ...transformed(
      args.transform?.provider,
      name,
      {
        context,
        ...kubeconfig,
        // A kubeconfig that was moved or renewed is still the same cluster: only another context replaces what was made there.
        clusterIdentifier: context,
      },
      options,
    ),
  );
  return { provider, name: pulumi.output(context), podPermissions: "owner", ready: [] };
}
