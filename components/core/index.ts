/**
 * What components share: how a resource inside of them is changed, the cluster that they install into, and AWS permissions for pods.
 *
 * @module core
 */
export type { KubernetesCluster } from "./kubernetesCluster";
export { type PolicyStatement, ServiceAccountRole, type ServiceAccountRoleArgs } from "./serviceAccountRole";
export { stackTags } from "./tags";
export type { Changes, Transform } from "./transform";
