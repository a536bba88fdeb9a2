import type { AdapterTargets } from "../shape";
import type { Tool } from "../tools";
import type { Trainable } from "../workload";
import type { Row } from "./fields";
import type { TrainablePart } from "./vocabulary";

/** The trainable part of a model. What the row does not say of adapters goes into `assumed`. */
export function trainableOf(
  row: Row,
  part: TrainablePart,
  tool: Tool,
  quantised: boolean,
  rank: number | undefined,
  assumed: string[],
): Trainable {
  if (part === "full") return { kind: "full" };
  const text = row.trainable.toLowerCase();
  const prefixed = text.startsWith("peft:") || text === "adapter";
  const rankUsed = rank ?? usualRank(tool, prefixed);
  if (rank === undefined) assumed.push(`lora_rank: ${String(rankUsed)}`);
  const targets = usualTargets(row, part, tool, prefixed);
  assumed.push(`adapter targets: ${targets}`);
  return {
    kind: quantised || part === "quantised adapter" ? "qlora" : "lora",
    rank: rankUsed,
    targets,
    dropout: ["litgpt", "transformers", "deepspeed", "fsdp-qlora"].includes(tool.name),
    trainsEmbeddings: text.includes("emb"),
  };
}

/** The tool's own rank. */
function usualRank(tool: Tool, prefixed: boolean): number {
  if (tool.name === "peft-benchmark") return 32;
  return prefixed || tool.name === "torchtune" ? 8 : 16;
}

/** The layers on which the tool puts adapters. */
function usualTargets(row: Row, part: TrainablePart, tool: Tool, prefixed: boolean): AdapterTargets {
  if (tool.name === "peft-benchmark" || prefixed) return "query-value";
  if (tool.name !== "litgpt") return "all-linear";
  // Its configurations put adapters on queries and values for 16-bit bases, on every layer for most 4-bit ones.
  const perConfig = row.lora_rank.toLowerCase().includes("per config");
  return perConfig && part === "quantised adapter" ? "all-linear" : "query-value";
}
