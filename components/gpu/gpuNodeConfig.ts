import { stringify } from "yaml";

/**
 * What decides how fast a node pulls an image.
 */
export interface ImagePullNode {
  /** NVMe instance store, in GB; 0 where the instance type has none. */
  readonly localDiskGb: number;
  /**
   * Throughput of the root volume, in MiB/s; matters only without an instance store. A gp3 volume has 125 unless it
   * says more.
   */
  readonly rootVolumeThroughputMibps: number;
}

/**
 * Below this throughput of the volume, pulling and unpacking in parallel can take longer than one layer after the
 * other. Source: github.com/awslabs/amazon-eks-ami nodeadm/doc/examples.md at 81fec2e8 (2026-07), "Enabling fast image
 * pull".
 */
export const fastImagePullMinimumThroughputMibps = 600;

/**
 * The part of a node's user data that makes pulls of large images fast on EKS-optimized AL2023: a `NodeConfig` of
 * nodeadm as one part of a MIME document. EKS adds a part of its own to that of a managed node group, and nodeadm
 * merges them.
 *
 * It is the node's business and no add-on's: no chart can change a node's containerd after images have been pulled. Two
 * things are set.
 *
 * - `RAID0` over the instance store, onto which nodeadm moves containerd, the kubelet, pod logs and the SOCI
 *   snapshotter. Without it a 20 GB image goes through the root volume, and the node may come under disk pressure in
 *   the middle of a run.
 * - `FastImagePull`: the SOCI snapshotter in its parallel mode, which downloads layers in chunks and unpacks them at
 *   once. AMIs know the gate from v20250819 on, the instance store holds the snapshotter's files from v20251217 on
 *   (tags of amazon-eks-ami that hold its commits 69b11404 and 89cf1baf); nodeadm ignores the gate below 4 vCPU or 7
 *   GiB. It is left off where the volume would be the brake, and nodes without it pull as before.
 *
 * SOCI's other mode, lazy loading by an index, is not used: it needs an index made for every image, and training reads
 * nearly all of its image before the first step anyway.
 *
 * @example
 * ```ts
 * nodeUserData([fastImagePullNodeConfig({ localDiskGb: instance.localDiskGb, rootVolumeThroughputMibps: 125 })]);
 * ```
 */
export function fastImagePullNodeConfig({ localDiskGb, rootVolumeThroughputMibps }: ImagePullNode): string {
  const hasInstanceStore = localDiskGb > 0;
  const fast = hasInstanceStore || rootVolumeThroughputMibps >= fastImagePullMinimumThroughputMibps;
  const configuration = {
    apiVersion: "node.eks.aws/v1alpha1",
    kind: "NodeConfig",
    spec: {
      ...(hasInstanceStore ? { instance: { localStorage: { strategy: "RAID0" } } } : {}),
      ...(fast ? { featureGates: { FastImagePull: true } } : {}),
    },
  };
  return ["Content-Type: application/node.eks.aws", "", "---", stringify(configuration).trimEnd(), ""].join("\n");
}

const boundary = "POSTTRAINING";

/** User data of a launch template, before base64: the parts as one MIME document. */
export function nodeUserData(parts: readonly string[]): string {
  return [
    "MIME-Version: 1.0",
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "",
    ...parts.flatMap((part) => [`--${boundary}`, part]),
    `--${boundary}--`,
    "",
  ].join("\n");
}
