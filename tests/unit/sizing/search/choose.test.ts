import { describe, expect, it } from "vitest";
import { choose } from "../../../../sizing/search/choose";
import { candidate } from "./candidates";

const cheap = candidate({ instance: "g6e.12xlarge", hours: 10, usdPerRun: 100, usdPerHour: 10 });

describe("a choice among plans that fit", () => {
  it("is the cheapest, or the fastest if that is the objective", () => {
    const fast = candidate({ instance: "p5.48xlarge", hours: 1, usdPerRun: 200 });
    expect(choose([fast, cheap], "cheapest").best).toBe(cheap);
    const { best, alternatives } = choose([cheap, fast], "fastest");
    expect(best).toBe(fast);
    expect(alternatives).toEqual([{ plan: cheap, advantage: "cheaper" }]);
  });

  it("is the one that costs least an hour of those within 2%", () => {
    const gentler = candidate({ instance: "g6e.xlarge", hours: 51, usdPerRun: 101.9, usdPerHour: 2 });
    expect(choose([cheap, gentler], "cheapest").best).toBe(gentler);
    const dearer = candidate({ instance: "g6e.xlarge", hours: 51, usdPerRun: 102.1, usdPerHour: 2 });
    expect(choose([cheap, dearer], "cheapest").best).toBe(cheap);
  });

  it("offers what is a third faster for no more than two and a half times the money", () => {
    const faster = candidate({ instance: "p5.48xlarge", hours: 6.9, usdPerRun: 250 });
    expect(choose([cheap, faster], "cheapest").alternatives).toEqual([{ plan: faster, advantage: "faster" }]);
    const tooDear = candidate({ instance: "p5.48xlarge", hours: 6.9, usdPerRun: 251 });
    expect(choose([cheap, tooDear], "cheapest").alternatives).toEqual([{ plan: tooDear, advantage: "other-gpu" }]);
    const notFaster = candidate({ instance: "p5.48xlarge", hours: 7.1, usdPerRun: 150 });
    expect(choose([cheap, notFaster], "cheapest").alternatives).toEqual([{ plan: notFaster, advantage: "other-gpu" }]);
  });

  it("offers fewer GPUs, more room on another GPU, and what else there is, in that order", () => {
    const simpler = candidate({ instance: "g6e.xlarge", hours: 40, usdPerRun: 120 });
    const roomier = candidate({ instance: "p5.48xlarge", hours: 9, usdPerRun: 160, headroom: 0.3 });
    const next = candidate({ instance: "g6e.24xlarge", hours: 12, usdPerRun: 170 });
    expect(choose([next, roomier, simpler, cheap], "cheapest").alternatives).toEqual([
      { plan: simpler, advantage: "simpler" },
      { plan: roomier, advantage: "roomier" },
    ]);
    expect(choose([next, cheap], "cheapest").alternatives).toEqual([{ plan: next, advantage: "next-cheapest" }]);
  });

  it("offers a plan once, and none where it is the only one", () => {
    const other = candidate({ instance: "g6e.xlarge", hours: 5, usdPerRun: 150 });
    expect(choose([cheap, other], "cheapest").alternatives).toEqual([{ plan: other, advantage: "faster" }]);
    expect(choose([cheap], "cheapest")).toMatchObject({ alternatives: [], considered: 1, onOtherGpu: undefined });
  });
});
