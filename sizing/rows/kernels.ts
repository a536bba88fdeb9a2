import type { Tool } from "../tools";
import type { Attention, LossImplementation, Sharding } from "../workload";
import type { Row } from "./fields";

export function parseLoss(row: Row, tool: Tool, sharding: Sharding, assumed: string[]): LossImplementation {
  const text = row.loss_impl.toLowerCase();
  if (text.includes("unsloth")) return "in-place";
  if (/liger|fused|cut|cce/.test(text)) return "fused";
  if (text.includes("chunk")) return "chunked";
  if (sharding.tensorParallel > 1 || tool.name === "megatron") return "vocab-parallel";
  if (text !== "") return "full";
  const loss: LossImplementation =
    tool.name === "litgpt" || tool.name === "torchtune" ? "chunked" : tool.name === "unsloth" ? "fused" : "full";
  assumed.push(`loss_impl: ${loss}`);
  return loss;
}

export function parseAttention(row: Row, assumed: string[]): Attention {
  const text = row.attention.toLowerCase();
  if (/flash|fa[-_]?[1-4]|triton|unsloth/.test(text)) return "flash";
  if (text.includes("eager")) return "eager";
  if (text === "") assumed.push("attention: sdpa");
  return "sdpa";
}
