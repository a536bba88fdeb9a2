import { describe, expect, it } from "vitest";
import { quantisedBytes, weightBytes } from "../../../../sizing/memory/weights";
import { tools } from "../../../../sizing/tools";
import { spread, partOf, lora, parameters, adapters } from "./workload";

describe("weights", () => {
  it("in NF4 take 4.5 bits, and 4.127 with scales that are quantised too", () => {
    // QLoRA, arXiv:2305.14314, section 3: from 0.5 bits a parameter for scales to 0.127.
    expect(8 * quantisedBytes("nf4")).toBe(4.5);
    expect(8 * quantisedBytes("nf4-double")).toBeCloseTo(4.127, 3);
    expect(quantisedBytes("int8")).toBe(1);
  });

  it("are shared out by ZeRO-3 and FSDP, and by nothing less", () => {
    for (const kind of ["ddp", "zero1", "zero2", "fsdp-grad-op"] as const)
      expect(partOf(weightBytes, { sharding: spread(kind, 8) })).toBe(2 * parameters);
    for (const kind of ["zero3", "fsdp"] as const)
      expect(partOf(weightBytes, { sharding: spread(kind, 8) })).toBe((2 * parameters) / 8);
  });

  it("have adapters beside them in the adapters' own format, and PPO's value model twice", () => {
    expect(partOf(weightBytes, { trainable: lora })).toBe(2 * parameters + 2 * adapters);
    expect(partOf(weightBytes, { trainable: lora, tool: tools.trl })).toBe(2 * parameters + 4 * adapters);
    expect(partOf(weightBytes, { critic: true })).toBe(4 * parameters);
  });
});
