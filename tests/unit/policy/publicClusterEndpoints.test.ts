import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { clusterEndpointIsNotOpen } from "../../../policy/publicClusterEndpoints";
import { unknown, violations } from "./violations";

describe("a cluster's endpoint", () => {
  const check = (vpcConfig: Record<string, unknown>): string[] =>
    violations(clusterEndpointIsNotOpen, aws.eks.Cluster, { vpcConfig: { subnetIds: unknown, ...vpcConfig } });

  it("that is private, or public to named ranges, passes", () => {
    expect(check({ endpointPublicAccess: false, endpointPrivateAccess: true })).toEqual([]);
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: ["203.0.113.7/32"] })).toEqual([]);
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: unknown })).toEqual([]);
  });

  it.each(["0.0.0.0/0", "::/0"])("that is open to %s is refused", (cidr) => {
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: ["203.0.113.7/32", cidr] })).toEqual([
      `The cluster's endpoint is open to ${cidr}: name the ranges from which it is used, or make it private.`,
    ]);
  });

  it("that is left to EKS is refused: it is public to all", () => {
    for (const vpcConfig of [{}, { endpointPublicAccess: true }, { endpointPublicAccess: true, publicAccessCidrs: [] }])
      expect(check(vpcConfig)).toEqual([
        "The cluster's endpoint is open to the world, which is EKS's default: set vpcConfig.endpointPublicAccess to false, or name the ranges in publicAccessCidrs.",
      ]);
  });
});
