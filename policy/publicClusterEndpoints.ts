import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { isTheWorld } from "./addresses";
import { rule } from "./rule";

/**
 * No Kubernetes API answers to the whole internet: its endpoint is private, or public to named ranges. EKS's own default is public to all.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
 */
export const clusterEndpointIsNotOpen: ResourceValidationPolicy = {
  name: "cluster-endpoint-is-not-open",
  description: "An EKS cluster's endpoint must not be open to the world.",
  severity: "critical",
  validateResource: rule(aws.eks.Cluster, ({ vpcConfig }, report) => {
    if (vpcConfig.endpointPublicAccess === false) return;
    const cidrs = vpcConfig.publicAccessCidrs ?? [];
    const open = cidrs.filter(isTheWorld);
    if (cidrs.length === 0)
      report(
        "The cluster's endpoint is open to the world, which is EKS's default: set vpcConfig.endpointPublicAccess to false, or name the ranges in publicAccessCidrs.",
      );
    else if (open.length > 0)
      report(
        `The cluster's endpoint is open to ${open.join(", ")}: name the ranges from which it is used, or make it private.`,
      );
  }),
};
