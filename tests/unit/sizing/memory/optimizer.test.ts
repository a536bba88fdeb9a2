import { describe, expect, it } from "vitest";
import { optimizerBytes, stepTemporaryBytes } from "../../../../sizing/memory/optimizer";
import { rankModelOf } from "../../../../sizing/memory/rankModel";
import { tools } from "../../../../sizing/tools";
import { spread, workload, partOf, parameters } from "./workload";

describe("optimizer states", () => {
  it.each([
    ["adamw", 4],
    ["adamw-8bit", 2],
    ["paged-adamw-8bit", 0],
    ["muon", 2],
    ["sgd", 0],
    ["adafactor", 0],
  ] as const)("of %s take %d bytes a bf16 weight", (optimizer, bytes) => {
    expect(partOf(optimizerBytes, { optimizer })).toBe(bytes * parameters);
  });

  it("with master weights take 12 bytes, shared out from ZeRO-1 on", () => {
    const deepspeed = { tool: tools.deepspeed };
    expect(partOf(optimizerBytes, { ...deepspeed, sharding: spread("ddp", 4) })).toBe(12 * parameters);
    expect(partOf(optimizerBytes, { ...deepspeed, sharding: spread("zero1", 4) })).toBe(3 * parameters);
  });

  it("have one state's worth of intermediates where torch steps all tensors at once", () => {
    expect(partOf(stepTemporaryBytes, { tool: tools.litgpt, optimizer: "adamw" })).toBe(
      2 * rankModelOf(workload({ tool: tools.litgpt })).total,
    );
    expect(partOf(stepTemporaryBytes, { tool: tools.litgpt, optimizer: "adamw-fused" })).toBe(0);
  });

  it("are stepped by DeepSpeed for 1e9 weights at a time under ZeRO-3, for all under ZeRO-2", () => {
    const deepspeed = { tool: tools.deepspeed };
    expect(partOf(stepTemporaryBytes, { ...deepspeed, sharding: spread("zero3", 2) })).toBe(6e9);
    expect(partOf(stepTemporaryBytes, { ...deepspeed, sharding: spread("zero2", 2) })).toBe(3 * parameters);
  });
});
