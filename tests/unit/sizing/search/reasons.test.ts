import { describe, expect, it } from "vitest";
import type { Advantage } from "../../../../sizing/search/choose";
import {
  describeMachines,
  describeWouldFit,
  notesOn,
  reasonForAlternative,
  reasonForBest,
  reasonForNothing,
} from "../../../../sizing/search/reasons";
import { candidate, job } from "./candidates";

const best = candidate({ instance: "g6e.12xlarge", nodes: 2, hours: 10, usdPerRun: 100 });
const other = candidate({ instance: "p5.48xlarge", hours: 0.5, usdPerRun: 1250, headroom: 0.35 });

describe("the words of the search", () => {
  it("name machines, with those that only generate apart", () => {
    expect(describeMachines(best)).toBe("2 x g6e.12xlarge (8 x NVIDIA L40S)");
    expect(describeMachines({ ...best, generationNodes: 1 })).toBe(
      "1 x g6e.12xlarge + 1 to generate (8 x NVIDIA L40S)",
    );
  });

  it("say why the best is the best", () => {
    const decision = { objective: "cheapest" as const, best, alternatives: [], considered: 7, onOtherGpu: other };
    const sharding = (kind: "ddp" | "fsdp2") => ({ ...best, layout: { ...best.layout, sharding: kind } });
    expect(reasonForBest({ ...decision, best: sharding("fsdp2") })).toBe(
      "The cheapest of 7 plans that fit, its states sharded over all GPUs; on NVIDIA H100 80GB SXM the same run costs $1,250.",
    );
    expect(reasonForBest({ ...decision, best: sharding("ddp"), onOtherGpu: undefined })).toBe(
      "The cheapest of 7 plans that fit.",
    );
    expect(reasonForBest({ ...decision, objective: "fastest" })).toBe("The fastest of 7 plans that fit.");
  });

  it.each<[Advantage, string]>([
    ["faster", "Done in 30 min instead of 10.0 h for $1,150 more."],
    ["cheaper", "Costs $1,250 instead of $100 and takes 30 min."],
    ["simpler", "8 GPUs instead of 8: less to go wrong, for $1,150 more and 30 min."],
    ["roomier", "Leaves 35% of the GPU free instead of 10%, for $1,150 more, on NVIDIA H100 80GB SXM."],
    ["other-gpu", "The cheapest on another GPU, for when g6e.12xlarge cannot be had: $1,250 a run."],
    ["next-cheapest", "The next cheapest: $1,250 a run."],
  ])("say what an alternative has: %s", (advantage, words) => {
    expect(reasonForAlternative({ plan: other, advantage }, best)).toBe(words);
  });

  it("say less where less is paid", () => {
    const cheaper = candidate({ instance: "g6e.xlarge", hours: 2, usdPerRun: 99.5 });
    expect(reasonForAlternative({ plan: cheaper, advantage: "simpler" }, best)).toBe(
      "1 GPU instead of 8: less to go wrong, for $0.50 less and 2.0 h.",
    );
  });

  it("note what to know before a run, and what was assumed", () => {
    const assumed = job("sft-3b", { assumed: ["dataset.examples: 10000"] });
    expect(notesOn(best, assumed)).toEqual([
      "All nodes go into one Availability Zone and one cluster placement group, connected by EFA.",
      "Assumed dataset.examples: 10000.",
    ]);
    expect(notesOn({ ...other, capacity: "capacity-block" }, { ...assumed, assumed: [] })).toEqual([
      "Bought as a Capacity Block: whole days, booked up to 8 weeks ahead; the price is that of the whole block.",
    ]);
    const away = { ...other, hostGib: 123.4, layout: { ...other.layout, offload: "parameters" as const } };
    expect(notesOn({ ...away, capacity: "on-demand" }, { ...assumed, assumed: [] })).toEqual([
      "On-demand capacity of P instances is scarce: have a Capacity Block or a reservation ready.",
      "Weights and optimizer states live in host memory (123 GiB a node).",
    ]);
  });

  it("say why there is no plan, and what would help", () => {
    const hint = { ...other, usdPerRun: 1250.001, usdPerHour: 55.04, hours: { ...other.hours, total: 22.711 } };
    const wanted = job("sft-3b");
    const relaxation = { kind: "without-limit", limit: "families" } as const;
    expect(reasonForNothing(wanted, [{ relaxation, plan: hint }])).toBe(
      "Nothing that is allowed fits sft-3b. It would fit on other instance families: 1 x p5.48xlarge (8 x NVIDIA H100 80GB SXM), $1250.01 a run, $55.04 an hour, 22.72 h.",
    );
    expect(reasonForNothing(wanted, [])).toMatch(
      /^Nothing in the catalog fits sft-3b: a batch of \d+ must divide evenly/,
    );
    expect(describeWouldFit({ relaxation: { kind: "quantised-base" }, plan: hint })).toMatch(
      /^with a 4-bit base \(QLoRA\): 1 x p5/,
    );
  });
});
