import { describe, expect, it } from "vitest";
import {
  countAdapterParameters,
  countParameters,
  findShape,
  interpolateShape,
  shapeFromConfig,
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

  it.each([
    ["unsloth/Llama-3.2-3B-Instruct-bnb-4bit", "meta-llama/Llama-3.2-3B"],
    ["deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "meta-llama/Llama-3.1-70B"],
    ["Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen2.5-7B"],
    ["llama-3.1-8b", "meta-llama/Llama-3.1-8B"],
    ["phi-3", "microsoft/Phi-3-mini"],
    ["Phi-3.5-mini-instruct", "microsoft/Phi-3-mini"],
    ["mistral-7b-v0.3", "mistralai/Mistral-7B"],
    ["Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen3-4B"],
    ["mistralai/Mixtral-8x7B-Instruct-v0.1", "mistralai/Mixtral-8x7B"],
    ["unsloth/Qwen3-14B-unsloth-bnb-4bit", "Qwen/Qwen3-14B"],
    ["s3://bucket/models/Qwen2.5-7B/", "Qwen/Qwen2.5-7B"],
    ["google/gemma-1.1-7b-it", "google/gemma-7b"],
    ["TinyLlama-1.1B-Chat-v1.0", "TinyLlama/TinyLlama-1.1B"],
  ])("finds %s under the shape of %s", (name, shape) => {
    expect(findShape(name)?.name).toBe(shape);
  });

  it("takes the size from elsewhere when a name is only a family", () => {
    expect(findShape("Llama 2", 13)?.name).toBe("meta-llama/Llama-2-13B");
    expect(findShape("Llama 2", 7)?.name).toBe("meta-llama/Llama-2-7B");
    expect(findShape("Llama 2", 68.98)?.name).toBe("meta-llama/Llama-2-70B");
    expect(findShape("Qwen2.5", 7.62)?.name).toBe("Qwen/Qwen2.5-7B");
  });

  it("reads a shape from a config.json", () => {
    const shape = shapeFromConfig("own/model", {
      model_type: "llama",
      num_hidden_layers: 28,
      hidden_size: 3072,
      num_attention_heads: 24,
      num_key_value_heads: 8,
      head_dim: 128,
      intermediate_size: 8192,
      vocab_size: 128256,
      tie_word_embeddings: true,
      rms_norm_eps: 1e-5,
    });
    expect(countParameters(shape).total).toBe(countParameters({ ...shape, name: "x" }).total);
    expect(countParameters(shape).total / 1e9).toBeCloseTo(3.213, 2);
  });

  it("reads experts from a config.json", () => {
    const shape = shapeFromConfig("own/mixture", {
      model_type: "qwen3_moe",
      num_hidden_layers: 48,
      hidden_size: 2048,
      num_attention_heads: 32,
      num_key_value_heads: 4,
      head_dim: 128,
      intermediate_size: 6144,
      moe_intermediate_size: 768,
      num_experts: 128,
      num_experts_per_tok: 8,
      vocab_size: 151936,
      rms_norm_eps: 1e-6,
    });
    expect(countParameters(shape).total / 1e9).toBeCloseTo(30.5, 0);
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

  it("names what a config.json lacks", () => {
    expect(() => shapeFromConfig("own/model", { vocab_size: 32000, hidden_size: 4096 })).toThrow(
      /num_hidden_layers, num_attention_heads/,
    );
  });

  it("counts PEFT's trainable parameters: rank 8 on queries and values of Llama 2 7B", () => {
    const shape = findShape("meta-llama/Llama-2-7B");
    expect(shape && countAdapterParameters(shape, 8, "query-value")).toBe(4_194_304);
  });
});
