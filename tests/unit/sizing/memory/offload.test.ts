import { describe, expect, it } from "vitest";
import { hostBytes } from "../../../../sizing/memory/offload";
import { partOf, parameters } from "./workload";

describe("offloaded states", () => {
  it("lie in host memory: weights with all that belongs to them, or the optimizer's alone", () => {
    const off = { parameters: false, optimizer: false, activations: true };
    expect(partOf(hostBytes, { offload: off })).toBe(0);
    expect(partOf(hostBytes, { offload: { ...off, optimizer: true } })).toBe((4 + 2) * parameters);
    expect(partOf(hostBytes, { offload: { ...off, parameters: true } })).toBe((4 + 2 + 2) * parameters);
  });
});
