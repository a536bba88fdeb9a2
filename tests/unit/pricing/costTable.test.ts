import { describe, expect, it } from "vitest";
import { costMarkdown, costText } from "../../../pricing/costTable";
import type { PlatformCost } from "../../../pricing/platformCost";

const cost: PlatformCost = {
  items: [
    { item: "Database", usdPerMonth: 11.68, basis: "one" },
    { item: "Logs", usdPerMonth: 1234.5, basis: "much" },
  ],
  usdPerMonth: 1246.18,
  unknown: [{ item: "System nodes", basis: "2 x m5.4xlarge at $? an hour" }],
  notCounted: ["training", "traffic"],
  region: "eu-south-2",
  pricesDate: "2025-05-28",
};

describe("the table of a platform's cost", () => {
  it("has prices below each other, what has none, and the sum, for a terminal", () => {
    expect(costText(cost)).toBe(`\
Database        $11.68  one
Logs          $1234.50  much
System nodes   unknown  2 x m5.4xlarge at $? an hour
Together      $1246.18  a month of 730 hours

Prices: eu-south-2, on demand, without tax, free tiers and discounts; the oldest held on 2025-05-28.
Not in the sum, because no source gave a price: System nodes.
Billed by use and not counted: training; traffic.`);
  });

  it("says the same in the README", () => {
    const [text, markdown] = [costText(cost), costMarkdown(cost)];
    for (const row of ["| Logs | $1234.50 | much |", "| System nodes | unknown | 2 x m5.4xlarge at $? an hour |"])
      expect(markdown.split("\n")).toContain(row);
    expect(markdown).toContain("| **Together** | **$1246.18** |");
    expect(markdown.split("\n").at(-1)).toBe(text.split("\n").slice(-3).join(" "));
  });

  it("says only what there is to say", () => {
    expect(costText({ ...cost, unknown: [], notCounted: [] })).not.toMatch(/Not in the sum|Billed by use/);
  });

  it("of a platform on a cluster that was there says that nothing is paid for here", () => {
    const none = { ...cost, items: [], usdPerMonth: 0, unknown: [], notCounted: [], region: "none" as const };
    expect(costText(none)).toBe(`\
Together  $0.00  a month of 730 hours

Nothing of this stack is made on AWS: its cluster was there before.`);
  });
});
