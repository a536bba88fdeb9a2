import { describe, expect, it } from "vitest";
import { billedHours, pricesOf } from "../../../../sizing/search/prices";
import { instanceNamed } from "./candidates";

describe("prices", () => {
  it("are of the ways of buying that there are and that are allowed", () => {
    const both = instanceNamed("p5.48xlarge");
    expect(pricesOf(both, {}).map(({ capacity }) => capacity)).toEqual(["on-demand", "capacity-block"]);
    expect(pricesOf(both, { capacity: ["capacity-block"] }).map(({ capacity }) => capacity)).toEqual([
      "capacity-block",
    ]);
    expect(pricesOf(instanceNamed("g6e.xlarge"), { capacity: ["capacity-block"] })).toEqual([]);
    expect(pricesOf({ ...both, onDemandUsdPerHour: null, capacityBlock: false }, {})).toEqual([]);
  });

  it("are paid by the hour on demand, and for Capacity Blocks by the day up to 14 and then by the week", () => {
    expect(billedHours("on-demand", 1.5)).toBe(1.5);
    const days = (hours: number): number => billedHours("capacity-block", hours) / 24;
    expect([1, 24, 25, 14 * 24, 14 * 24 + 1, 21 * 24].map(days)).toEqual([1, 1, 2, 14, 21, 21]);
  });
});
