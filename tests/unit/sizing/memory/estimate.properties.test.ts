import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { models } from "../../../../catalog/models";
import { estimateMemory, partEntries, type PeakMetric } from "../../../../sizing/memory";
import { tools, type ToolName } from "../../../../sizing/tools";
import type { Sharding, Trainable, Workload } from "../../../../sizing/workload";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const metrics: readonly PeakMetric[] = ["allocated", "reserved", "device"];

const trainables = fc.oneof(
  fc.constant<Trainable>({ kind: "full" }),
  fc.record({
    kind: fc.constantFrom("lora" as const, "qlora" as const),
    rank: fc.constantFrom(4, 8, 16, 64),
    targets: fc.constantFrom("query-value" as const, "attention" as const, "all-linear" as const),
    dropout: fc.boolean(),
    trainsEmbeddings: fc.boolean(),
  }),
);

const shardings = fc.record({
  kind: fc.constantFrom(
    "none" as const,
    "ddp" as const,
    "zero1" as const,
    "zero2" as const,
    "zero3" as const,
    "fsdp" as const,
    "fsdp-grad-op" as const,
  ),
  degree: fc.constantFrom(2, 4, 8, 32),
});

const workloads: fc.Arbitrary<Workload> = fc
  .record({
    method: fc.constantFrom("sft" as const, "dpo" as const, "grpo" as const, "pretrain" as const),
    shape: fc.constantFrom(...models),
    tool: fc.constantFrom(...(Object.keys(tools) as ToolName[])).map((name) => tools[name]),
    trainable: trainables,
    critic: fc.boolean(),
    quantisation: fc.constantFrom("nf4" as const, "nf4-double" as const, "int8" as const),
    weightBytes: fc.constantFrom(2 as const, 4 as const),
    mixedPrecision: fc.boolean(),
    optimizer: fc.constantFrom(
      "adamw" as const,
      "adamw-fused" as const,
      "adamw-8bit" as const,
      "paged-adamw-8bit" as const,
      "muon" as const,
      "lion" as const,
      "sgd" as const,
      "adafactor" as const,
    ),
    optimizerInBackward: fc.boolean(),
    sequenceTokens: fc.integer({ min: 64, max: 16384 }),
    microBatch: fc.integer({ min: 1, max: 16 }),
    gradientAccumulation: fc.constantFrom(1, 4),
    sharding: shardings,
    offload: fc.record({ parameters: fc.boolean(), optimizer: fc.boolean(), activations: fc.boolean() }),
    checkpointing: fc.constantFrom("none" as const, "selective" as const, "full" as const),
    attention: fc.constantFrom("eager" as const, "sdpa" as const, "flash" as const),
    loss: fc.constantFrom(
      "full" as const,
      "in-place" as const,
      "chunked" as const,
      "fused" as const,
      "pooled" as const,
    ),
    compile: fc.boolean(),
    reference: fc.constantFrom("none" as const, "separate" as const, "adapter-off" as const, "precomputed" as const),
  })
  .map((w) => {
    const sharding: Sharding = {
      ...w.sharding,
      degree: w.sharding.kind === "none" ? 1 : w.sharding.degree,
      tensorParallel: 1,
      pipelineParallel: 1,
      contextParallel: 1,
    };
    return {
      ...w,
      sharding,
      completionTokens: Math.ceil(w.sequenceTokens / 2),
      gpus: sharding.degree,
      gpusPerNode: Math.min(8, sharding.degree),
      generation: { kind: w.method === "grpo" ? ("transformers" as const) : ("none" as const) },
    };
  });

const peaks = (workload: Workload): Record<PeakMetric, number> => estimateMemory(workload).peakGib;
const slack = 1e-9;

describe("the memory model", () => {
  it("gives parts that are not negative and sum to the peak", () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        const estimate = estimateMemory(workload);
        for (const metric of metrics) {
          const parts = partEntries(estimate.parts[metric]).map(([, value]) => value);
          expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
          expect(parts.reduce((a, b) => a + b, 0)).toBeCloseTo(estimate.peakGib[metric], 6);
        }
        expect(estimate.peakGib.allocated).toBeLessThanOrEqual(estimate.peakGib.reserved);
        expect(estimate.peakGib.reserved).toBeLessThanOrEqual(estimate.peakGib.device);
      }),
    );
  });

  const neverFalls = (name: string, larger: (workload: Workload) => Workload): void => {
    it(`never needs less with ${name}`, () => {
      fc.assert(
        fc.property(workloads, (workload) => {
          const before = peaks(workload);
          const after = peaks(larger(workload));
          for (const metric of metrics) expect(after[metric]).toBeGreaterThanOrEqual(before[metric] - slack);
        }),
      );
    });
  };
  neverFalls("longer sequences", (w) => ({
    ...w,
    sequenceTokens: w.sequenceTokens * 2,
    completionTokens: w.completionTokens * 2,
  }));
  neverFalls("larger batches", (w) => ({ ...w, microBatch: w.microBatch + 1 }));
  neverFalls("a higher rank", (w) =>
    w.trainable.kind === "full" ? w : { ...w, trainable: { ...w.trainable, rank: w.trainable.rank * 2 } },
  );
  neverFalls("a separate reference model", (w) => ({
    ...w,
    reference: w.reference === "none" ? "separate" : w.reference,
  }));
  neverFalls("accumulated gradients", (w) => ({ ...w, gradientAccumulation: w.gradientAccumulation + 3 }));

  it("never needs more with more shards", () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        fc.pre(workload.sharding.degree > 1);
        const twice = {
          ...workload,
          gpus: workload.gpus * 2,
          sharding: { ...workload.sharding, degree: workload.sharding.degree * 2 },
        };
        const before = peaks(workload);
        const after = peaks(twice);
        for (const metric of metrics) expect(after[metric]).toBeLessThanOrEqual(before[metric] + slack);
      }),
    );
  });

  it("moves offloaded states to the host", () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        fc.pre(workload.sharding.kind === "fsdp" && workload.trainable.kind === "full");
        const off = estimateMemory({
          ...workload,
          offload: { parameters: false, optimizer: false, activations: false },
        });
        const on = estimateMemory({ ...workload, offload: { parameters: true, optimizer: true, activations: false } });
        expect(on.peakGib.device).toBeLessThanOrEqual(off.peakGib.device + slack);
        expect(on.hostGib).toBeGreaterThan(off.hostGib);
      }),
    );
  });
});
