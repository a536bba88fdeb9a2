import { describe, expect, it } from "vitest";
import { gpuByKey } from "../../../../catalog/gpus";
import type { Job } from "../../../../sizing/job";
import { layoutsThatFit, type SizedLayout } from "../../../../sizing/search/layouts";
import { job } from "./candidates";

const layouts = (wanted: Job, gpusPerNode: number, offload = false, headroom = 0.1): readonly SizedLayout[] =>
  layoutsThatFit(
    wanted,
    { gpu: gpuByKey("h100"), gpusPerNode, nodes: 1 },
    { headroom, offloads: offload ? ["none", "parameters"] : ["none"] },
  );
const distinct = (found: readonly SizedLayout[], field: "sharding" | "checkpointing" | "offload"): string[] => [
  ...new Set(found.map(({ layout }) => layout[field])),
];

describe("layouts that fit", () => {
  it("keep the headroom, and the global batch", () => {
    for (const headroom of [0, 0.5])
      for (const { layout, memory } of layouts(job("sft-3b"), 8, true, headroom)) {
        expect(memory.requiredGib).toBeLessThanOrEqual(gpuByKey("h100").memoryGib * (1 - headroom));
        expect(layout.microBatch * layout.gradientAccumulation * 8).toBe(job("sft-3b").globalBatch);
      }
  });

  it("are sharded or not on many GPUs, and neither on one", () => {
    expect(distinct(layouts(job("sft-3b"), 8), "sharding")).toEqual(["ddp", "fsdp2"]);
    expect(distinct(layouts(job("sft-3b"), 1), "sharding")).toEqual(["none"]);
    expect(layouts(job("sft-3b", { sharding: "none" }), 8)).toEqual([]);
  });

  it("offload what is sharded only", () => {
    const offloaded = layouts(job("sft-3b"), 8, true).filter(({ layout }) => layout.offload === "parameters");
    expect(distinct(offloaded, "sharding")).toEqual(["fsdp2"]);
  });

  it("follow what the recipe fixes", () => {
    const fixed = layouts(job("sft-3b", { sharding: "zero3", checkpointing: "full", microBatch: 2 }), 8);
    expect(fixed.map(({ layout }) => layout)).toMatchObject([
      { sharding: "zero3", checkpointing: "full", microBatch: 2 },
    ]);
  });

  it("leave out what the flows cannot run: quantised shards for vLLM, and a precomputed reference on two nodes", () => {
    const lora = { kind: "qlora", rank: 8, targets: "query-value", dropout: false, trainsEmbeddings: false } as const;
    const server = job("grpo-3b", { trainable: lora, generation: { kind: "server" } });
    expect(distinct(layouts(server, 8), "sharding")).toEqual(["ddp"]);
    const precomputed = job("dpo-3b", { reference: "precomputed", globalBatch: 64 });
    const on = (nodes: number): number =>
      layoutsThatFit(
        precomputed,
        { gpu: gpuByKey("h100"), gpusPerNode: 8, nodes },
        { headroom: 0.1, offloads: ["none"] },
      ).length;
    expect(on(1)).toBeGreaterThan(0);
    expect(on(2)).toBe(0);
  });

  it("are none where the batch does not divide, or no engine has room", () => {
    expect(layouts(job("sft-3b", { globalBatch: 12 }), 8)).toEqual([]);
    expect(
      layouts(job("grpo-70b", { generation: { kind: "colocated", utilization: "auto", sleep: true } }), 1),
    ).toEqual([]);
  });
});
