import { describe, expect, it } from "vitest";
import {
  countAdapterParameters,
  countParameters,
  findShape,
  interpolateShape,
  sizeFromName,
} from "../../../sizing/shape";

const billions = (name: string): number => {
  const shape = findShape(name);
  if (shape === undefined) throw new Error(`no shape for ${name}`);
  return countParameters(shape).total / 1e9;
};

describe("model shapes", () => {
  it.each([
    ["meta-llama/Llama-3.2-1B", 1.236],
    ["meta-llama/Llama-3.2-3B", 3.213],
    ["meta-llama/Llama-3.1-8B", 8.03],
    ["meta-llama/Llama-3.1-70B", 70.55],
    ["Qwen/Qwen2.5-0.5B", 0.494],
    ["Qwen/Qwen2.5-72B", 72.7],
    ["Qwen/Qwen3-0.6B", 0.596],
    ["Qwen/Qwen3-32B", 32.76],
    ["HuggingFaceTB/SmolLM3-3B", 3.075],
    ["google/gemma-2-9b", 9.24],
    ["google/gemma-3-4b", 3.88],
    ["mistralai/Mistral-7B", 7.25],
    ["microsoft/Phi-3-mini", 3.82],
    ["mistralai/Mixtral-8x7B", 46.7],
    ["Qwen/Qwen3-30B-A3B", 30.5],
    ["Qwen/Qwen3-235B-A22B", 235],
    ["Qwen/Qwen1.5-MoE-A2.7B", 14.3],
    ["openai/gpt-oss-20b", 20.9],
    ["openai/gpt-oss-120b", 116.8],
    ["mistralai/Mistral-Large-123B", 123],
    ["EleutherAI/gpt-neox-20b", 20.6],
    ["facebook/opt-6.7b", 6.66],
    ["Qwen/Qwen1.5-72B", 72.3],
  ])("counts the published number of parameters of %s", (name, expected) => {
    expect(billions(name) / expected).toBeCloseTo(1, 2);
  });

  it("takes the size from elsewhere when a name is only a family", () => {
    expect(findShape("Llama 2", 13)?.name).toBe("meta-llama/Llama-2-13B");
    expect(findShape("Llama 2", 7)?.name).toBe("meta-llama/Llama-2-7B");
    expect(findShape("Llama 2", 68.98)?.name).toBe("meta-llama/Llama-2-70B");
    expect(findShape("Qwen2.5", 7.62)?.name).toBe("Qwen/Qwen2.5-7B");
  });

  it.each([
    ["Somebody/Model-13B-v2", 13],
    ["model-270m", 0.27],
    ["New-80B-A3B", 80],
    ["no-size", undefined],
  ])("finds the size that %s states", (name, size) => {
    expect(sizeFromName(name)).toBe(size);
  });

  it("guesses a mixture of experts where the name says how much is active", () => {
    const shape = interpolateShape("New-80B-A3B", 80);
    expect(countParameters(shape).total / 1e9).toBeCloseTo(80, 0);
    expect(shape.experts).toBeDefined();
  });

  it("counts PEFT's trainable parameters: rank 8 on queries and values of Llama 2 7B", () => {
    const shape = findShape("meta-llama/Llama-2-7B");
    expect(shape && countAdapterParameters(shape, 8, "query-value")).toBe(4_194_304);
  });
});
