import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { instanceMetadataNeedsToken, nodeGroupHasLaunchTemplate } from "../../../policy/instanceMetadata";
import { unknown, violations } from "./violations";

describe("the metadata service of an instance", () => {
  const token =
    'The instance metadata service answers without a token (IMDSv1): set metadataOptions.httpTokens to "required".';
  const hops =
    "The instance metadata service answers across more than 2 hops: set metadataOptions.httpPutResponseHopLimit to 2 or 1.";

  describe.each([aws.ec2.LaunchTemplate, aws.ec2.Instance])("of %o", (resourceClass) => {
    const check = (metadataOptions: Record<string, unknown> | undefined): string[] =>
      violations(instanceMetadataNeedsToken, resourceClass, { metadataOptions });

    it.each([
      { httpTokens: "required", httpPutResponseHopLimit: 2 },
      { httpTokens: "required", httpPutResponseHopLimit: 1 },
      { httpTokens: "required" },
      { httpEndpoint: "disabled" },
    ])("passes with %j", (options) => {
      expect(check(options)).toEqual([]);
    });

    it("is refused without IMDSv2, which is not the default", () => {
      expect(check(undefined)).toEqual([token]);
      expect(check({ httpTokens: "optional", httpPutResponseHopLimit: 1 })).toEqual([token]);
    });

    it("is refused with more hops than to a container", () => {
      expect(check({ httpTokens: "required", httpPutResponseHopLimit: 3 })).toEqual([hops]);
    });
  });
});

describe("a node group", () => {
  it("passes with a launch template, and is refused without", () => {
    const check = (inputs: Record<string, unknown>): string[] =>
      violations(nodeGroupHasLaunchTemplate, aws.eks.NodeGroup, { clusterName: unknown, ...inputs });
    expect(check({ launchTemplate: { id: unknown, version: unknown } })).toEqual([]);
    expect(check({})).toEqual([
      "The node group has no launch template: give it one that requires IMDSv2 and encrypts the disk.",
    ]);
  });
});
