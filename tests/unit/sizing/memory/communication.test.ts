import { describe, expect, it } from "vitest";
import { bucketBytes, gatheredBytes, gatheredLayerBytes } from "../../../../sizing/memory/communication";
import { rankModelOf } from "../../../../sizing/memory/rankModel";
import { countParameters } from "../../../../sizing/shape";
import { tools } from "../../../../sizing/tools";
import type { Workload } from "../../../../sizing/workload";
import { gptShape, spread, workload, partOf, llama, parameters } from "./workload";

describe("communication", () => {
  const counts = countParameters(llama);

  it("gathers the layer that runs, the next one, and the embeddings under FSDP", () => {
    const job = workload({ sharding: spread("fsdp", 8) });
    expect(gatheredBytes(job, rankModelOf(job)).inBackward).toBe(2 * 2 * counts.perLayer + 2 * counts.embedding);
    expect(gatheredLayerBytes(job, rankModelOf(job))).toBe(2 * counts.perLayer);
  });

  it("keeps a tied embedding gathered in accelerate's units, and both matrices where they are not tied", () => {
    const tied = workload({ tool: tools.trl, sharding: spread("fsdp", 8) });
    expect(gatheredBytes(tied, rankModelOf(tied)).atLoss).toBe(2 * counts.embedding);
    const untied = workload({ tool: tools.trl, shape: gptShape, sharding: spread("fsdp", 8) });
    expect(gatheredBytes(untied, rankModelOf(untied)).atLoss).toBe(2 * 2 * countParameters(gptShape).head);
  });

  it("gathers the whole of a small model under ZeRO-3, and 1e9 parameters of a large one", () => {
    const small = workload({ shape: gptShape, sharding: spread("zero3", 8) });
    expect(gatheredBytes(small, rankModelOf(small)).atLoss).toBe(2 * countParameters(gptShape).total);
    const large = workload({ sharding: spread("zero3", 8) });
    expect(gatheredBytes(large, rankModelOf(large)).atLoss).toBe(2e9 + 2 * counts.embedding);
  });

  it("gathers nothing on one GPU", () => {
    for (const kind of ["zero3", "fsdp"] as const) {
      const job = workload({ sharding: spread(kind, 1) });
      expect(gatheredBytes(job, rankModelOf(job)).atLoss).toBe(0);
      expect(gatheredLayerBytes(job, rankModelOf(job))).toBe(0);
    }
  });

  it("has buckets by what reduces gradients", () => {
    const buckets = (sharding: Workload["sharding"]): number => partOf(bucketBytes, { sharding });
    expect(buckets(spread("none", 1))).toBe(0);
    expect(buckets(spread("ddp", 2))).toBe(2 * parameters);
    expect(buckets(spread("zero2", 2))).toBe(2e9);
    expect(buckets(spread("zero3", 2))).toBe(1e9);
    expect(buckets(spread("fsdp", 2))).toBe(2 * counts.perLayer);
    expect(buckets(spread("fsdp-grad-op", 2))).toBe(4 * counts.perLayer);
  });
});
