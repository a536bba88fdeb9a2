import { expect, it } from "vitest";
import { findShape } from "../../../../sizing/shape";

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
