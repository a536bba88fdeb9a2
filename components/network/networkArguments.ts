import { type Region, zonesOf } from "../../catalog/regions";
import { type InputError, valueErrors } from "../core/inputErrors";
import { blockAround, cidrProblem, formatCidr, isAligned, isPrivate, parseCidr } from "./cidr";
import { gpuNode, gpuNodesInZone, largestVpc, leastGpuNodes, smallestVpc } from "./networkPlan";

/**
 * Everything that is wrong with the arguments of `Network`, and what to write instead.
 *
 * @param args without a region, zones are not judged by it
 */
export function networkArgumentErrors(args: {
  readonly region?: Region | undefined;
  readonly cidr: string;
  readonly availabilityZones: readonly string[];
}): InputError[] {
  const { region, cidr, availabilityZones } = args;
  return [
    ...valueErrors("cidr", cidr, vpcRangeProblem),
    ...valueErrors("availabilityZones", availabilityZones, zoneCountProblem),
    ...availabilityZones.flatMap((zone, index) =>
      valueErrors(`availabilityZones[${index}]`, zone, () =>
        availabilityZones.indexOf(zone) < index ? "it is named twice; name each zone once" : undefined,
      ),
    ),
    ...(region === undefined ? [] : zoneRegionErrors(region, availabilityZones)),
  ];
}

/** Why a text is no range for a VPC. */
export function vpcRangeProblem(text: string): string | undefined {
  const vpc = parseCidr(text);
  if (vpc === undefined) return cidrProblem(text);
  if (!isAligned(vpc)) {
    const aligned = formatCidr(blockAround(vpc.base, vpc.prefix));
    return `it starts in the middle of a /${vpc.prefix}; write "${aligned}"`;
  }
  if (!isPrivate(vpc)) {
    return (
      "it has public addresses, which would hide a part of the internet from the nodes; choose a range in " +
      '10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10, such as "10.64.0.0/16"'
    );
  }
  if (vpc.prefix < largestVpc) {
    const allowed = formatCidr({ base: vpc.base, prefix: largestVpc });
    return `it is larger than AWS allows for a VPC; choose a /${largestVpc}, such as "${allowed}"`;
  }
  if (vpc.prefix <= smallestVpc) return undefined;
  return (
    `it is too small: beside the system nodes it has addresses for ${gpuNodesInZone(vpc.prefix)} GPU ` +
    `nodes in a zone (up to ${gpuNode.interfaces} EFA interfaces each, and prefixes for pods), and ${leastGpuNodes} must fit; ` +
    `choose a /${smallestVpc} or larger, such as "${formatCidr(blockAround(vpc.base, smallestVpc))}"`
  );
}

/** Why a network cannot have so many zones. */
export function zoneCountProblem(zones: readonly string[]): string | undefined {
  return zones.length >= 2 && zones.length <= 3
    ? undefined
    : `name two or three zones, not ${zones.length}: EKS and RDS refuse fewer than two`;
}

/** Zones that are not in the region. */
function zoneRegionErrors(region: Region, availabilityZones: readonly string[]): InputError[] {
  return availabilityZones.flatMap((zone, index) =>
    valueErrors(`availabilityZones[${index}]`, zone, () =>
      zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length))
        ? undefined
        : `which is not a zone of ${region}; write one such as "${zonesOf(region)[0] ?? region}"`,
    ),
  );
}
