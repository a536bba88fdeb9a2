import { describe, expect, it } from "vitest";
import { estimateMemory } from "../../../../sizing/memory";
import { workloadOf, type Job, type Layout } from "../../../../sizing/job";
import { hostMemoryGib, localDiskGb, trainedParameters } from "../../../../sizing/search/hosts";
import { runHours } from "../../../../sizing/search/hours";
import { countAdapterParameters, countParameters } from "../../../../sizing/shape";
import { instanceNamed, job } from "./candidates";

const layout: Layout = {
  gpus: 8,
  gpusPerNode: 8,
  microBatch: 1,
  gradientAccumulation: 1,
  sharding: "fsdp2",
  checkpointing: "full",
  offload: "none",
  utilization: 0,
  engineTensorParallel: 1,
};
const full = { trainable: { kind: "full" }, reference: "none" } as const;
const weights = countParameters(job("sft-3b").shape).total * 2;
const weightsGib = weights / 2 ** 30;
const host = (wanted: Job, fields: Partial<Layout> = {}): number => {
  const changed = { ...layout, ...fields };
  return hostMemoryGib(wanted, changed, estimateMemory(workloadOf(wanted, changed)));
};

describe("the memory of a host", () => {
  it("holds processes, and the weights while they are read", () => {
    // float32, but for the reference.
    expect(host(job("sft-3b", full))).toBeCloseTo(6 + 3 * 8 + 2 * weightsGib, 9);
    expect(host(job("sft-3b", full), { sharding: "ddp" })).toBeCloseTo(6 + 3 * 8 + 4 * weightsGib, 9);
    expect(host(job("sft-3b", { ...full, reference: "separate" }))).toBeCloseTo(6 + 3 * 8 + 3 * weightsGib, 9);
    expect(host(job("sft-3b", { ...full, weightBytes: 2 }))).toBeCloseTo(6 + 3 * 8 + weightsGib, 9);
  });

  it("holds the weights of a sleeping engine, and states that are offloaded", () => {
    const sleeping = (sleep: boolean): Job =>
      job("sft-3b", { generation: { kind: "colocated", utilization: 0.3, sleep } });
    expect(host(sleeping(true)) - host(sleeping(false))).toBeCloseTo(weightsGib, 9);
    expect(host(job("sft-3b", full), { offload: "parameters" })).toBeGreaterThan(6 + 3 * 8 + 3 * weightsGib);
  });
});

describe("the disk of a host", () => {
  it("holds images, weights and two checkpoints, which sharded training spreads", () => {
    const all = job("sft-3b", full);
    expect(localDiskGb(all, { ...layout, sharding: "ddp" }, 2)).toBeCloseTo(
      30 + weights / 1e9 + (2 * 6 * weights) / 1e9,
      6,
    );
    expect(localDiskGb(all, layout, 2)).toBeCloseTo(30 + weights / 1e9 + (6 * weights) / 1e9, 6);
    const eighths = job("sft-3b", { ...full, weightBytes: 2, optimizer: "adamw-8bit-stochastic" });
    expect(localDiskGb(eighths, layout, 2)).toBeCloseTo(30 + weights / 1e9 + (2 * weights) / 1e9, 6);
  });

  it("holds less of adapters", () => {
    const trainable = {
      kind: "lora",
      rank: 8,
      targets: "query-value",
      dropout: false,
      trainsEmbeddings: false,
    } as const;
    const adapters = job("sft-3b", { trainable });
    const all = job("sft-3b", full);
    expect(trainedParameters(all)).toBe(weights / 2);
    expect(trainedParameters(adapters)).toBe(countAdapterParameters(adapters.shape, 8, "query-value"));
    expect(localDiskGb(adapters, layout, 1)).toBeLessThan(localDiskGb(all, layout, 1));
  });
});

describe("the hours of a run", () => {
  it("are starting, loading, training and writing, by the steps and the network", () => {
    const all = job("sft-3b", { ...full, steps: 100, checkpointEverySteps: 50 });
    const step = { seconds: 36, compute: 36, communication: 0, optimizer: 0, generation: 0, tokensPerSecondPerGpu: 1 };
    const hours = runHours(all, instanceNamed("p5.48xlarge"), step, 1);
    expect(hours.train).toBe(1);
    expect(hours.load).toBeCloseTo(weights / 2.5e9 / 3600, 9);
    // Two checkpoints of three times the weights, and the model.
    expect(hours.checkpoints).toBeCloseTo(7 * hours.load, 9);
    expect(hours.total).toBeCloseTo(0.2 + hours.load + hours.train + hours.checkpoints, 9);
    expect(runHours(all, instanceNamed("g6e.xlarge"), step, 1).load).toBeGreaterThan(hours.load);
  });
});
