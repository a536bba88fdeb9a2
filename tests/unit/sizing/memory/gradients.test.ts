import { describe, expect, it } from "vitest";
import { gradientBytes, gradientBytesInBackward } from "../../../../sizing/memory/gradients";
import { countParameters } from "../../../../sizing/shape";
import { tools } from "../../../../sizing/tools";
import { gptShape, spread, partOf, lora, parameters, adapters } from "./workload";

describe("gradients", () => {
  it("have the format of what is trained, and float32 beside master weights", () => {
    expect(partOf(gradientBytes, {})).toBe(2 * parameters);
    expect(partOf(gradientBytes, { tool: tools.deepspeed, sharding: spread("zero2", 4) })).toBe(parameters);
    expect(partOf(gradientBytes, { trainable: lora, tool: tools.trl })).toBe(4 * adapters);
  });

  it("of an optimizer that steps inside backward are the largest group's", () => {
    const counts = countParameters(gptShape);
    expect(partOf(gradientBytesInBackward, { shape: gptShape, optimizerInBackward: true })).toBe(
      2 * (counts.embedding + counts.head),
    );
    expect(partOf(gradientBytesInBackward, {})).toBe(0);
  });
});
