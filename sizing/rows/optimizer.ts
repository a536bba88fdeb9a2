import type { Tool } from "../tools";
import type { Optimizer } from "../workload";
import type { Row } from "./fields";

/** Optimizers by their names; the first that is found counts, and AdamW where none is. */
const names: readonly (readonly [pattern: RegExp, optimizer: Optimizer])[] = [
  [/paged.*8|8.*paged/, "paged-adamw-8bit"],
  [/paged/, "paged-adamw-32bit"],
  [/8[-_]?bit|adamw8/, "adamw-8bit"],
  [/muon/, "muon"],
  [/fused/, "adamw-fused"],
  [/lion/, "lion"],
  [/adafactor/, "adafactor"],
  [/sgd/, "sgd"],
];

/** The optimizer, and whether it steps inside the backward pass. */
export function parseOptimizer(row: Row, tool: Tool, assumed: string[]): { optimizer: Optimizer; inBackward: boolean } {
  const text = row.optimizer.toLowerCase();
  const usual = tool.foreachOptimizer && text !== "" ? "adamw" : "adamw-fused";
  if (text === "") assumed.push("optimizer: AdamW (fused)");
  const named = names.find(([pattern]) => pattern.test(text));
  return { optimizer: named?.[1] ?? usual, inBackward: /bwd|backward/.test(text) };
}
