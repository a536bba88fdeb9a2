import { describe, expect, it } from "vitest";
import { dequantisationBytes } from "../../../../sizing/memory/dequantisation";
import { workload, lora } from "./workload";

describe("dequantised weights", () => {
  it("are two matrices of the largest size in 16 bits, of quantised models only", () => {
    expect(dequantisationBytes(workload({ trainable: { ...lora, kind: "qlora" } }))).toBe(4 * 3072 * 8192);
    expect(dequantisationBytes(workload({ trainable: lora }))).toBe(0);
  });
});
