import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import {
  gpuInstanceIsAllowed,
  hasAccelerators,
  platformRunsNoGpu,
  platformRunsNoGpuByTemplate,
} from "../../../policy/gpuCapacity";
import { catalog } from "../../../catalog/instances";
import { stackViolations, unknown, violations } from "./violations";

describe("an instance type", () => {
  it("of the planner's catalog has accelerators", () => {
    for (const { name } of catalog.instances) expect(hasAccelerators(name), name).toBe(true);
  });

  it.each(["g4dn.xlarge", "gr6.4xlarge", "trn2.48xlarge", "inf2.xlarge", "dl1.24xlarge"])("%s has them too", (type) => {
    expect(hasAccelerators(type)).toBe(true);
  });

  it.each([
    "t3.large",
    "m6i.xlarge",
    "m7g.large",
    "c7gn.xlarge",
    "r6id.large",
    "hpc7g.4xlarge",
    "i4g.large",
    "x2gd.large",
  ])("%s has none", (type) => {
    expect(hasAccelerators(type)).toBe(false);
  });
});

describe("a GPU instance", () => {
  const check = (instanceTypes: string[], allowed?: string[]): string[] =>
    violations(
      gpuInstanceIsAllowed,
      aws.eks.NodeGroup,
      { instanceTypes },
      allowed === undefined ? {} : { configuration: { allowed } },
    );

  it("of a family that the planner knows passes, if nothing else is configured", () => {
    for (const { name } of catalog.instances) expect(check([name])).toEqual([]);
    expect(check(["p3.2xlarge"])).toHaveLength(1);
  });

  it("passes by its family or its type on the list", () => {
    expect(check(["g6e.xlarge", "p5.48xlarge"], ["g6e", "p5.48xlarge"])).toEqual([]);
  });

  it("is refused otherwise, with the list", () => {
    expect(check(["g6e.xlarge", "p5.4xlarge"], ["g6e", "p5.48xlarge"])).toEqual([
      "Instance type p5.4xlarge is not on the list of GPU instances (g6e, p5.48xlarge): choose one of these, or add it in policy/platform.json or policy/experiment.json.",
    ]);
    expect(check(["g6e.xlarge"], [])).toHaveLength(1);
  });

  it.each([aws.ec2.Instance, aws.ec2.LaunchTemplate, aws.ec2.CapacityReservation])(
    "is judged wherever it stands: %o",
    (resourceClass) => {
      expect(
        violations(gpuInstanceIsAllowed, resourceClass, { instanceType: "p3.2xlarge", instanceCount: 1 }),
      ).toHaveLength(1);
      expect(violations(gpuInstanceIsAllowed, resourceClass, { instanceType: "m6i.large", instanceCount: 1 })).toEqual(
        [],
      );
      expect(violations(gpuInstanceIsAllowed, resourceClass, { instanceType: unknown, instanceCount: 1 })).toEqual([]);
    },
  );
});

describe("a platform", () => {
  const nodeGroup = (inputs: Record<string, unknown>, desiredSize: number, minSize = 0): string[] =>
    violations(platformRunsNoGpu, aws.eks.NodeGroup, {
      ...inputs,
      scalingConfig: { desiredSize, minSize, maxSize: 8 },
    });
  const sentence = (what: string): string =>
    `${what}, and this stack has no end: GPUs belong to experiments, which have one. Set its size to zero, or move it to an experiment.`;

  it("may have groups of GPU nodes that are empty, and others that are not", () => {
    expect(nodeGroup({ instanceTypes: ["p5.48xlarge"] }, 0)).toEqual([]);
    expect(nodeGroup({ instanceTypes: ["t3.large"], amiType: "AL2023_x86_64_STANDARD" }, 2, 2)).toEqual([]);
    expect(nodeGroup({}, 2)).toEqual([]);
  });

  it("is refused GPU nodes, wanted or at least", () => {
    const message = sentence("The node group starts nodes with GPUs (p5.48xlarge)");
    expect(nodeGroup({ instanceTypes: ["p5.48xlarge"] }, 1)).toEqual([message]);
    expect(nodeGroup({ instanceTypes: ["t3.large", "p5.48xlarge"] }, 0, 1)).toEqual([message]);
  });

  it("is refused nodes whose image is made for GPUs, whatever their type", () => {
    expect(nodeGroup({ amiType: "AL2023_x86_64_NVIDIA" }, 1)).toEqual([
      sentence("The node group starts nodes with GPUs (AL2023_x86_64_NVIDIA)"),
    ]);
  });

  it("is refused GPU instances and reservations, which are paid for used or not", () => {
    expect(violations(platformRunsNoGpu, aws.ec2.Instance, { instanceType: "g6e.xlarge" })).toEqual([
      sentence("The instance has GPUs (g6e.xlarge)"),
    ]);
    expect(violations(platformRunsNoGpu, aws.ec2.Instance, { instanceType: "t3.large" })).toEqual([]);
    const reservation = { instanceType: "p5.48xlarge", instanceCount: 2 };
    expect(violations(platformRunsNoGpu, aws.ec2.CapacityReservation, reservation)).toEqual([
      sentence("The reservation is paid for used or not (2 x p5.48xlarge)"),
    ]);
    expect(violations(platformRunsNoGpu, aws.ec2.CapacityReservation, { ...reservation, instanceCount: 0 })).toEqual(
      [],
    );
    expect(violations(platformRunsNoGpu, aws.ec2.CapacityBlockReservation, {})).toEqual([
      sentence("A Capacity Block is paid for as a whole"),
    ]);
  });

  const template = (instanceType: string) => ({
    name: "template",
    resourceClass: aws.ec2.LaunchTemplate,
    props: { instanceType },
  });
  const group = (desiredSize: number) => ({
    name: "pool",
    resourceClass: aws.eks.NodeGroup,
    props: { launchTemplate: { id: unknown }, scalingConfig: { desiredSize, minSize: 0 } },
    dependencies: { launchTemplate: ["template"] },
  });
  const byTemplate = sentence('The group "pool" starts instances with GPUs (p5.48xlarge)');

  it("is refused GPU nodes by way of a launch template", () => {
    expect(stackViolations(platformRunsNoGpuByTemplate, [template("p5.48xlarge"), group(1)])).toEqual([
      ["pool", byTemplate],
    ]);
  });

  it("may have such a group that is empty, and a template that no group uses", () => {
    expect(stackViolations(platformRunsNoGpuByTemplate, [template("p5.48xlarge"), group(0)])).toEqual([]);
    expect(stackViolations(platformRunsNoGpuByTemplate, [template("t3.large"), group(2)])).toEqual([]);
    const alone = { ...group(2), dependencies: {} };
    expect(stackViolations(platformRunsNoGpuByTemplate, [template("p5.48xlarge"), alone])).toEqual([]);
  });

  it("is refused auto scaling groups of GPU instances", () => {
    const scaling = {
      name: "pool",
      resourceClass: aws.autoscaling.Group,
      props: { desiredCapacity: 1, minSize: 0 },
      dependencies: { launchTemplate: ["template"] },
    };
    expect(stackViolations(platformRunsNoGpuByTemplate, [template("p5.48xlarge"), scaling])).toEqual([
      ["pool", byTemplate],
    ]);
  });
});
