import { describe, expect, it } from "vitest";
import { regionNames } from "../../../catalog/regions";
import { systemInstanceTypeProblem } from "../../../components/cluster/systemInstanceTypes";
import { priceTables, quote } from "../../../pricing/platformPrices";

describe("the price tables", () => {
  it("know every region, apart from what is said to be unknown there", () => {
    const inEveryRegion = ["control-plane", "public-address", "key", "secret", "nat-gateway", "interface-endpoint"];
    for (const region of regionNames) {
      for (const what of [...inEveryRegion, "volume", "database-storage", "t3.large", "db.t4g.micro"])
        expect(quote(region, what).usd, `${what} in ${region}`).toBeGreaterThan(0);
    }
    const unknownIn = (what: string): string[] => regionNames.filter((region) => quote(region, what).usd === "unknown");
    expect(unknownIn("object-storage")).toEqual(["eu-south-2"]);
    expect(unknownIn("log-ingestion")).toHaveLength(regionNames.length - 1);
  });

  it("hold plausible numbers, with a source and a day", () => {
    for (const { usd, source, date } of priceTables) {
      expect(source).not.toBe("");
      expect(date).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
      for (const [region, row] of Object.entries(usd)) {
        expect(regionNames).toContain(region);
        for (const [what, price] of Object.entries(row)) {
          expect(what).not.toBe("");
          // Less than a dollar an hour, a GiB or a month each: a slipped decimal point would show.
          expect(price, `${what} in ${region}`).toBeGreaterThan(0);
          expect(price, `${what} in ${region}`).toBeLessThanOrEqual(1);
        }
      }
    }
  });

  it("have no region cheaper than half of us-east-1 or dearer than two and a half times it", () => {
    for (const { usd } of priceTables) {
      for (const row of Object.values(usd)) {
        for (const [what, price] of Object.entries(row)) {
          const reference = quote("us-east-1", what).usd;
          if (reference === "unknown") continue;
          expect(price / reference, what).toBeGreaterThan(0.5);
          expect(price / reference, what).toBeLessThan(2.5);
        }
      }
    }
  });

  it("sizes of instances double their price", () => {
    for (const family of [
      "t3",
      "t3a",
      "m5",
      "m5a",
      "m6i",
      "m6a",
      "m7i",
      "m7i-flex",
      "m7a",
      "r5",
      "r5a",
      "r6i",
      "r6a",
      "r7i",
      "r7a",
    ]) {
      for (const region of regionNames) {
        const [large, xlarge] = [quote(region, `${family}.large`).usd, quote(region, `${family}.xlarge`).usd];
        if (large === "unknown" || xlarge === "unknown") expect(large, `${family} in ${region}`).toBe(xlarge);
        else expect(xlarge / large, `${family} in ${region}`).toBeCloseTo(2, 1);
      }
    }
  });

  it("have no instance type that the platform refuses", () => {
    const types = priceTables.flatMap(({ usd }) => Object.values(usd).flatMap((row) => Object.keys(row)));
    const instanceTypes = types.filter((type) => /^[a-z]\d/.test(type));
    expect(instanceTypes).toContain("t3.large");
    for (const type of instanceTypes) expect(systemInstanceTypeProblem(type), type).toBeUndefined();
  });
});
