import * as aws from "@pulumi/aws";
import type { PolicyResource, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import catalog from "../catalog/aws-instances.json";
import { ifKnown, type Report, rule } from "./rule";

/** GPUs cost up to hundreds of dollars an hour: only types that somebody has chosen, and none in a stack that lives for ever. */

/** True for instance types with GPUs or other accelerators: g6e.xlarge, p5en.48xlarge, gr6.4xlarge, trn2.48xlarge. */
export function hasAccelerators(instanceType: string): boolean {
  return /^(?:p|g|gr|trn|inf|dl|vt)\d/.test(instanceType);
}

const familyOf = (instanceType: string): string => instanceType.split(".")[0] ?? instanceType;

/** Families that the planner knows, and so can size and price. */
const plannedFamilies = [...new Set(catalog.instances.map(({ family }) => family))];

function checkTypes(instanceTypes: readonly (string | undefined)[], allowed: readonly string[], report: Report): void {
  for (const instanceType of instanceTypes) {
    if (instanceType === undefined || !hasAccelerators(instanceType)) continue;
    if (!allowed.includes(instanceType) && !allowed.includes(familyOf(instanceType)))
      report(
        `Instance type ${instanceType} is not on the list of GPU instances (${allowed.join(", ")}): choose one of these, or add it in policy/platform.json or policy/experiment.json.`,
      );
  }
}

interface Allowed {
  readonly allowed: readonly string[];
}

/**
 * GPU instances are of types or families on a list: `allowed`, by default the families that the planner knows.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
 */
export const gpuInstanceIsAllowed: ResourceValidationPolicy = {
  name: "gpu-instance-is-allowed",
  description: "GPU instances must be of a type or family that is on the list.",
  severity: "high",
  configSchema: {
    properties: { allowed: { type: "array", items: { type: "string" }, default: plannedFamilies } },
  },
  validateResource: [
    rule(aws.ec2.Instance, ({ instanceType }, report, args) => {
      checkTypes([instanceType], args.getConfig<Allowed>().allowed, report);
    }),
    rule(aws.ec2.LaunchTemplate, ({ instanceType }, report, args) => {
      checkTypes([instanceType], args.getConfig<Allowed>().allowed, report);
    }),
    rule(aws.eks.NodeGroup, ({ instanceTypes }, report, args) => {
      checkTypes(instanceTypes ?? [], args.getConfig<Allowed>().allowed, report);
    }),
    rule(aws.ec2.CapacityReservation, ({ instanceType }, report, args) => {
      checkTypes([instanceType], args.getConfig<Allowed>().allowed, report);
    }),
  ],
};

const capacityMessage = (what: string): string =>
  `${what}, and this stack has no end: GPUs belong to experiments, which have one. Set its size to zero, or move it to an experiment.`;

/**
 * The platform runs no GPUs. Off in experiments, which are there for them.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
 */
export const platformRunsNoGpu: ResourceValidationPolicy = {
  name: "platform-runs-no-gpu",
  description: "A platform stack must have no GPU capacity above zero.",
  severity: "high",
  validateResource: [
    rule(aws.eks.NodeGroup, ({ instanceTypes, amiType, scalingConfig }, report) => {
      const gpu = (instanceTypes ?? []).find(hasAccelerators);
      const isGpuImage = amiType !== undefined && /NVIDIA|NEURON/.test(amiType);
      if ((gpu !== undefined || isGpuImage) && Math.max(scalingConfig.desiredSize, scalingConfig.minSize) > 0)
        report(capacityMessage(`The node group starts nodes with GPUs (${gpu ?? amiType ?? ""})`));
    }),
    rule(aws.ec2.Instance, ({ instanceType }, report) => {
      if (instanceType !== undefined && hasAccelerators(instanceType))
        report(capacityMessage(`The instance has GPUs (${instanceType})`));
    }),
    rule(aws.ec2.CapacityReservation, ({ instanceType, instanceCount }, report) => {
      if (hasAccelerators(instanceType) && instanceCount > 0)
        report(capacityMessage(`The reservation is paid for used or not (${instanceCount} x ${instanceType})`));
    }),
    rule(aws.ec2.CapacityBlockReservation, (_, report) => {
      report(capacityMessage("A Capacity Block is paid for as a whole"));
    }),
  ],
};

const groupTypes: readonly string[] = ["aws:eks/nodeGroup:NodeGroup", "aws:autoscaling/group:Group"];

/** Sizes that a group starts with. */
function sizes({ type, props }: PolicyResource): readonly unknown[] {
  if (type === "aws:autoscaling/group:Group") return [props.desiredCapacity, props.minSize];
  const { scalingConfig } = props as { scalingConfig?: { desiredSize?: unknown; minSize?: unknown } };
  return [scalingConfig?.desiredSize, scalingConfig?.minSize];
}

/**
 * The same for groups whose instance type stands in a launch template: what a group takes from another resource shows in the stack only.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
 */
export const platformRunsNoGpuByTemplate: StackValidationPolicy = {
  name: "platform-runs-no-gpu-by-template",
  description: "A platform stack must have no GPU capacity above zero, by way of a launch template either.",
  severity: "high",
  validateStack: ({ resources }, report) => {
    for (const group of resources.filter(({ type }) => groupTypes.includes(type))) {
      const templates = Object.values(group.propertyDependencies)
        .flat()
        .filter(({ type }) => type === "aws:ec2/launchTemplate:LaunchTemplate");
      const gpu = templates
        .map((template) => ifKnown(() => template.props.instanceType as unknown))
        .find((type): type is string => typeof type === "string" && hasAccelerators(type));
      const isStarted = (ifKnown(() => sizes(group)) ?? []).some((size) => typeof size === "number" && size > 0);
      if (gpu !== undefined && isStarted)
        report(capacityMessage(`The group "${group.name}" starts instances with GPUs (${gpu})`), group.urn);
    }
  },
};
