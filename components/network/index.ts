/**
 * The network that a cluster and its database live in.
 *
 * @module network
 */
export { type ClusterNetwork, existingNetwork, Network, type NetworkArgs } from "./network";
export type { NetworkPlan, ZonePlan } from "./networkPlan";
