/**
 * The Kubernetes cluster: EKS, or one that is there.
 *
 * @module cluster
 */
export { Cluster, type ClusterArgs } from "./cluster";
export type { AddonName } from "./clusterAddons";
export type { ClusterEndpoint, Principal } from "./clusterArguments";
export { existingCluster, type ExistingClusterArgs } from "./existingCluster";
