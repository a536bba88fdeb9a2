import type { KubernetesCluster } from "./kubernetesCluster";

/** Where pods go, in the form that both Kubernetes manifests and the values of Helm charts take. */
export interface Placement {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly {
    readonly key: string;
    readonly operator: "Equal";
    readonly value: string;
    readonly effect: "NoSchedule";
  }[];
}

/** Label that says which pool a node belongs to; GPU pools carry it too. */
export const poolLabel = "posttraining.dev/pool";

/** Taint of the system nodes: only pods of the platform itself tolerate it. */
export const systemTaint = { key: "posttraining.dev/system", value: "true", effect: "NoSchedule" } as const;

/** Places a pod of the platform on the system nodes of the cluster that the platform has made, and nowhere else. */
export const systemPlacement = {
  nodeSelector: { [poolLabel]: "system" },
  tolerations: [{ key: systemTaint.key, operator: "Equal", value: systemTaint.value, effect: systemTaint.effect }],
} as const satisfies Placement;

const anywhere = { nodeSelector: {}, tolerations: [] } as const satisfies Placement;

/**
 * Where the platform's own pods go in a cluster: on the system nodes of one that the platform has made (only such a cluster gives
 * its pods AWS permissions by Pod Identity); wherever its owner's scheduler puts them in one that was there before.
 */
export function placementFor(cluster: Pick<KubernetesCluster, "podPermissions">): Placement {
  switch (cluster.podPermissions) {
    case "pod-identity":
      return systemPlacement;
    case "owner":
      return anywhere;
  }
}
