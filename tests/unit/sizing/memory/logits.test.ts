import { describe, expect, it } from "vitest";
import { logitsBytes } from "../../../../sizing/memory/logits";
import { tools } from "../../../../sizing/tools";
import type { Workload } from "../../../../sizing/workload";
import { workload, lora, llama } from "./workload";

describe("logits", () => {
  const tokens = 2048;
  const bytes = (fields: Partial<Workload>): number => logitsBytes(workload(fields)) / (tokens * llama.vocabulary);

  it("are counted by what the loss holds at once", () => {
    expect(bytes({ loss: "full" })).toBe(14);
    expect(bytes({ loss: "full", tool: tools.transformers })).toBe(16);
    expect(bytes({ loss: "full", tool: tools.litgpt })).toBe(10);
    expect(bytes({ loss: "in-place" })).toBe(10);
    expect(bytes({ loss: "pooled" })).toBe(0);
    expect(bytes({ loss: "fused", trainable: lora })).toBeLessThan(1);
    expect(bytes({ loss: "chunked", trainable: lora })).toBe(6);
    expect(bytes({ loss: "vocab-parallel", tool: tools.megatron })).toBe(10);
  });

  it("are those of both answers of a pair, and of a completion only", () => {
    expect(bytes({ method: "dpo" })).toBe(2 * 12);
    expect(bytes({ method: "grpo" })).toBe(12 / 2);
  });

  it("keep the argument of a soft cap's tanh", () => {
    const capped = { ...llama, logitSoftcap: true };
    expect(bytes({ shape: capped })).toBe(18);
  });
});
