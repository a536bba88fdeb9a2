import { describe, expect, it } from "vitest";
import { memoryCoefficients } from "../../../../sizing/coefficients";
import { layerActivations } from "../../../../sizing/memory/layerActivations";
import { tools } from "../../../../sizing/tools";
import { gptShape, workload } from "./workload";

const exact = { ...memoryCoefficients, activationOverhead: 1 };
const hidden = gptShape.hidden;

describe("what one layer keeps for its backward pass", () => {
  it("is Korthikanti et al.'s 34 bytes a token and hidden number, less their three dropout masks' two", () => {
    // arXiv:2205.05198, equation 2: norms 4, attention 11, MLP 19, of which dropout masks take 1 and 1.
    const { layer, boundary } = layerActivations(workload({ shape: gptShape, attention: "flash" }), exact);
    expect(layer).toBe(32 * hidden);
    expect(boundary).toBe(2 * hidden);
  });

  it("is more by a score and its copies for each pair of tokens where attention is eager", () => {
    const bytes = (attention: "sdpa" | "eager"): number =>
      layerActivations(workload({ shape: gptShape, attention, sequenceTokens: 1024 }), exact).layer;
    expect(bytes("eager") - bytes("sdpa")).toBe(gptShape.heads * 1024 * 8);
  });

  it("is split over tensor-parallel ranks", () => {
    const one = workload({ shape: gptShape });
    const two = { ...one, sharding: { ...one.sharding, tensorParallel: 2 } };
    const [whole, half] = [one, two].map((each) => layerActivations(each, exact));
    expect(half?.layer).toBe((whole?.layer ?? 0) / 2);
    expect(half?.boundary).toBe((whole?.boundary ?? 0) / 2);
    expect(half?.transient).toBe((whole?.transient ?? 0) / 2);
  });

  it("has no gradients to come and go where kernels write them over their inputs", () => {
    expect(layerActivations(workload({ tool: tools.unsloth }), exact).transient).toBe(0);
    expect(layerActivations(workload({}), exact).transient).toBeGreaterThan(0);
  });

  it("has a copy of every adapted input with dropout, and its mask", () => {
    const lora = (dropout: boolean) =>
      workload({
        shape: gptShape,
        tool: { ...tools.torchtune, repeatsKeyValues: false },
        trainable: { kind: "lora", rank: 8, targets: "query-value", dropout, trainsEmbeddings: false },
        attention: "flash",
      });
    const [plain, dropped] = [false, true].map((dropout) => layerActivations(lora(dropout), exact).layer);
    // Two inputs in 16 bits with a byte of mask each, instead of one that both share.
    expect((dropped ?? 0) - (plain ?? 0)).toBe(2 * 3 * hidden - 2 * hidden);
  });
});
