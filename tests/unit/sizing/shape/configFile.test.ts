import { describe, expect, it } from "vitest";
import { countParameters, shapeFromConfig } from "../../../../sizing/shape";

describe("a config.json", () => {
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

  it("names what a config.json lacks", () => {
    expect(() => shapeFromConfig("own/model", { vocab_size: 32000, hidden_size: 4096 })).toThrow(
      /num_hidden_layers, num_attention_heads/,
    );
  });
});
