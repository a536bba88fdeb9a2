import { describe, expect, it } from "vitest";
import { catalog } from "../../../../catalog/instances";
import type { Job } from "../../../../sizing/job";
import type { Constraints } from "../../../../sizing/search";
import { whatWouldFit, type Relaxation } from "../../../../sizing/search/relaxations";
import { job } from "./candidates";

const helps = (wanted: Job, constraints: Constraints): Relaxation["kind"][] =>
  whatWouldFit(wanted, constraints, catalog).map(({ relaxation }) => relaxation.kind);

const full = { trainable: { kind: "full" }, reference: "none" } as const;

describe("what would fit if the user allowed more", () => {
  it("is each limit that is alone in the way, cheapest first", () => {
    const found = whatWouldFit(job("sft-70b"), { families: ["g5"], maximumNodes: 1 }, catalog);
    expect(found[0]?.relaxation).toEqual({ kind: "without-limit", limit: "families" });
    const prices = found.map(({ plan }) => plan.usdPerRun);
    expect(prices).toEqual([...prices].sort((one, other) => one - other));
  });

  it("is all limits only where nothing less helps", () => {
    expect(helps(job("sft-70b", full), { families: ["g5"], maximumUsdPerRun: 1, maximumNodes: 1 })).toEqual([
      "without-limits",
    ]);
  });

  it("is adapters for all weights, and a quantised base for adapters", () => {
    expect(helps(job("sft-70b", full), { families: ["p5"], maximumNodes: 1 })).toContain("adapters");
    expect(helps(job("sft-70b"), { families: ["g6e"], maximumNodes: 1, maximumUsdPerHour: 11 })).toContain(
      "quantised-base",
    );
  });

  it("is a layout that the recipe does not fix", () => {
    const fixed = job("sft-70b", { sharding: "ddp", checkpointing: "none" });
    expect(helps(fixed, {})).toContain("free-layout");
    expect(helps(job("sft-70b", { sequenceTokens: 50_000_000 }), {})).toEqual([]);
  });
});
