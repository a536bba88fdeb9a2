import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressesOf,
  type Cidr,
  contains,
  formatCidr,
  isAligned,
  overlaps,
  parseCidr,
} from "../../../../components/network/cidr";
import { networkArgumentErrors } from "../../../../components/network/networkArguments";
import { type NetworkPlan, planNetwork, smallestVpc } from "../../../../components/network/networkPlan";

const zones = ["us-east-1a", "us-east-1b", "us-east-1c"];

function planOf(cidr: string, availabilityZones: readonly string[]): NetworkPlan {
  expect(networkArgumentErrors({ cidr, availabilityZones })).toEqual([]);
  return planNetwork({ cidr, availabilityZones });
}

function read(text: string): Cidr {
  const block = parseCidr(text);
  if (block === undefined) throw new Error(`not a CIDR block: ${text}`);
  return block;
}

/** Every range that the plan gives to a subnet or leaves free. */
const partsOf = (plan: NetworkPlan) =>
  [...plan.zones.flatMap(({ privateCidr, publicCidr }) => [privateCidr, publicCidr]), ...plan.free].map(read);

/** Ranges that may be a VPC's: any block of private addresses between the smallest and the largest size. */
const vpcRanges = fc
  .record({
    home: fc.constantFrom("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    prefix: fc.integer({ min: 16, max: smallestVpc }),
    position: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ home, prefix, position }) => {
    const outer = read(home);
    const index = Math.floor(position * 2 ** (prefix - outer.prefix));
    return formatCidr({ base: outer.base + index * addressesOf(prefix), prefix });
  });
const zoneCounts = fc.constantFrom(2, 3);

describe("planNetwork: for any VPC range and number of zones", () => {
  const everyPlan = (check: (plan: NetworkPlan) => void) => {
    fc.assert(
      fc.property(vpcRanges, zoneCounts, (cidr, count) => {
        check(planOf(cidr, zones.slice(0, count)));
      }),
    );
  };

  it("nothing overlaps", () => {
    everyPlan((plan) => {
      const parts = partsOf(plan);
      parts.forEach((part, index) => {
        for (const other of parts.slice(index + 1)) {
          expect(overlaps(part, other), `${formatCidr(part)} and ${formatCidr(other)}`).toBe(false);
        }
      });
    });
  });

  it("everything is inside the VPC and starts where its prefix says", () => {
    everyPlan((plan) => {
      for (const part of partsOf(plan)) {
        expect(contains(read(plan.cidr), part), formatCidr(part)).toBe(true);
        expect(isAligned(part), formatCidr(part)).toBe(true);
      }
    });
  });

  it("at least an eighth stays free in one piece, and a quarter but for a few public addresses in all", () => {
    everyPlan((plan) => {
      const whole = addressesOf(read(plan.cidr).prefix);
      const free = plan.free.map((block) => addressesOf(read(block).prefix));
      expect(Math.max(...free)).toBeGreaterThanOrEqual(whole / 8);
      expect(free.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(whole / 4 - 4 * 32);
    });
  });

  it("half of each private subnet is kept for prefixes", () => {
    everyPlan((plan) => {
      for (const { privateCidr, prefixCidr } of plan.zones) {
        expect(contains(read(privateCidr), read(prefixCidr))).toBe(true);
        expect(addressesOf(read(prefixCidr).prefix)).toBe(addressesOf(read(privateCidr).prefix) / 2);
        expect(isAligned(read(prefixCidr))).toBe(true);
      }
    });
  });

  it("the GPU nodes that it promises find their addresses: 32 interfaces and 3 prefixes each", () => {
    everyPlan((plan) => {
      expect(plan.gpuNodesPerZone).toBeGreaterThanOrEqual(16);
      for (const { privateCidr, prefixCidr } of plan.zones) {
        const prefixes = addressesOf(read(prefixCidr).prefix) / 16;
        const singles = addressesOf(read(privateCidr).prefix) - addressesOf(read(prefixCidr).prefix) - 5;
        expect(3 * plan.gpuNodesPerZone).toBeLessThanOrEqual(prefixes);
        expect(32 * plan.gpuNodesPerZone).toBeLessThanOrEqual(singles);
      }
    });
  });

  it("a third zone moves no subnet of the first two", () => {
    fc.assert(
      fc.property(vpcRanges, (cidr) => {
        const two = planOf(cidr, zones.slice(0, 2));
        const three = planOf(cidr, zones);
        expect(three.zones.slice(0, 2)).toEqual(two.zones);
        const [, , third] = three.zones;
        const inFree = (range: string) => two.free.some((block) => contains(read(block), read(range)));
        expect(third === undefined ? false : inFree(third.privateCidr)).toBe(true);
      }),
    );
  });
});

describe("planNetwork: examples", () => {
  it("divides the default range over three zones", () => {
    expect(planOf("10.64.0.0/16", zones)).toEqual({
      cidr: "10.64.0.0/16",
      zones: [
        { zone: "us-east-1a", privateCidr: "10.64.0.0/18", prefixCidr: "10.64.32.0/19", publicCidr: "10.64.192.0/27" },
        {
          zone: "us-east-1b",
          privateCidr: "10.64.64.0/18",
          prefixCidr: "10.64.96.0/19",
          publicCidr: "10.64.192.32/27",
        },
        {
          zone: "us-east-1c",
          privateCidr: "10.64.128.0/18",
          prefixCidr: "10.64.160.0/19",
          publicCidr: "10.64.192.64/27",
        },
      ],
      free: [
        "10.64.192.128/25",
        "10.64.193.0/24",
        "10.64.194.0/23",
        "10.64.196.0/22",
        "10.64.200.0/21",
        "10.64.208.0/20",
        "10.64.224.0/19",
      ],
      gpuNodesPerZone: 146,
    });
  });

  it("divides the smallest range over two zones", () => {
    const plan = planOf("172.31.64.0/18", zones.slice(0, 2));
    expect(plan.zones.map(({ privateCidr, publicCidr }) => [privateCidr, publicCidr])).toEqual([
      ["172.31.64.0/20", "172.31.112.0/27"],
      ["172.31.80.0/20", "172.31.112.32/27"],
    ]);
    expect(plan.free[0]).toBe("172.31.96.0/20");
    expect(plan.gpuNodesPerZone).toBe(18);
  });
});
