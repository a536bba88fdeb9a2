import { addressesOf, blockWithin, formatCidr, parseCidr } from "./cidr";

/** Which addresses of a VPC are for what. */
export interface NetworkPlan {
  /** The VPC's whole range. */
  readonly cidr: string;
  /** One for each zone, in the order of the zones. */
  readonly zones: readonly ZonePlan[];
  /** Ranges that nothing uses: for another zone, databases of your own, or a peer. */
  readonly free: readonly string[];
  /** GPU nodes that find addresses in one zone, next to all system nodes. */
  readonly gpuNodesPerZone: number;
}

/** Addresses of one zone. */
export interface ZonePlan {
  /** Name of the zone, for example `us-east-1a`. */
  readonly zone: string;
  /** Nodes, pods, database, endpoints. */
  readonly privateCidr: string;
  /**
   * Upper half of the private range: kept for the /28 prefixes that the VPC CNI gives to nodes. Single addresses scattered over a
   * subnet leave no whole /28 free, and nodes then get no pods although most of the subnet is unused.
   */
  readonly prefixCidr: string;
  /** NAT gateway only. 32 addresses, since AWS lets no load balancer into less, should a team decide for a public one. */
  readonly publicCidr: string;
}

/** Sizes that AWS allows for a VPC are /16 to /28; source: AWS documentation, "VPC CIDR blocks", read 2026-11. */
export const largestVpc = 16;
const publicPrefix = 27;
const addressesOfPrefix = 16;
/** The first four addresses and the last one of every subnet are AWS's own. */
const reservedBySubnet = 5;

/**
 * What a node takes from its subnet at most. A p5.48xlarge has 32 network cards; with the interface type `efa` each has an address (with
 * `efa-only` only the first). Prefixes: one for the dozen pods of a training node, one that the CNI keeps warm, one while pods change.
 */
export const gpuNode = { interfaces: 32, prefixes: 3 };
/** 110 pods, the most that EKS lets run on a node of fewer than 30 vCPUs, need 7 prefixes; one more is kept warm. */
const systemNode = { interfaces: 3, prefixes: 8 };
/** System nodes that a cluster may have: addresses for all of them are kept in each zone, because the others may be down. */
export const mostSystemNodes = 9;
/** Endpoints, database, interfaces of the control plane. */
const otherInterfaces = 20;
/** Twice the eight p5 nodes that the default quota of 64 GPUs admits: an EFA run must find all of its nodes in one zone. */
export const leastGpuNodes = 16;

/** Number of GPU nodes that find addresses in a private subnet: half of it is for prefixes, the other half for interfaces. */
function gpuNodesIn(privatePrefix: number): number {
  const half = addressesOf(privatePrefix + 1);
  const forPrefixes = half - mostSystemNodes * systemNode.prefixes * addressesOfPrefix;
  const forInterfaces = half - reservedBySubnet - otherInterfaces - mostSystemNodes * systemNode.interfaces;
  const nodes = Math.min(
    Math.floor(forPrefixes / (gpuNode.prefixes * addressesOfPrefix)),
    Math.floor(forInterfaces / gpuNode.interfaces),
  );
  return Math.max(0, nodes);
}

/** Number of GPU nodes that find addresses in one zone of a VPC of a prefix. */
export const gpuNodesInZone = (vpcPrefix: number): number => gpuNodesIn(privatePrefixOf(vpcPrefix));

/** A private subnet is a quarter of the VPC, whatever the number of zones. */
const privatePrefixOf = (vpcPrefix: number) => vpcPrefix + 2;

/** The smallest VPC whose subnets hold enough nodes: a /18. */
export const smallestVpc = (() => {
  let prefix = 28;
  while (gpuNodesIn(privatePrefixOf(prefix)) < leastGpuNodes) prefix -= 1;
  return prefix;
})();

/**
 * Divides a VPC's range between zones.
 *
 * Quarters 1 to 3 are the private subnets of the zones in their order, even where only two are used; the fourth quarter starts with the
 * public subnets. A third zone can so be added later without moving any subnet, and about a quarter of the range stays free.
 *
 * @param args without errors (`networkArgumentErrors`)
 * @throws Error if the range is none.
 */
export function planNetwork(args: {
  readonly cidr: string;
  readonly availabilityZones: readonly string[];
}): NetworkPlan {
  const vpc = parseCidr(args.cidr);
  if (vpc === undefined) throw new Error(`${args.cidr} is not a range of IPv4 addresses`);
  const { availabilityZones } = args;
  const privatePrefix = privatePrefixOf(vpc.prefix);
  const quarter = (index: number) => blockWithin(vpc, privatePrefix, index);
  const last = quarter(3);
  const zones = availabilityZones.map((zone, index) => ({
    zone,
    privateCidr: formatCidr(quarter(index)),
    prefixCidr: formatCidr(blockWithin(quarter(index), privatePrefix + 1, 1)),
    publicCidr: formatCidr(blockWithin(last, publicPrefix, index)),
  }));
  // Four public subnets fill one block; each block after it doubles, up to the upper half of the quarter.
  const free = [0, 1, 2].slice(zones.length).map(quarter);
  for (let prefix = publicPrefix - 2; prefix > privatePrefix; prefix -= 1) free.push(blockWithin(last, prefix, 1));
  return {
    cidr: formatCidr(vpc),
    zones,
    free: free.map(formatCidr),
    gpuNodesPerZone: gpuNodesIn(privatePrefix),
  };
}
