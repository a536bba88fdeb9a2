import type { Tool } from "../tools";
import type { Checkpointing, Sharding, Trainable } from "../workload";
import type { Row } from "./fields";
import { saysNo } from "./vocabulary";

/** Activation checkpointing; "fit" where it is on just where the job would not fit without it. */
export function parseCheckpointing(
  row: Row,
  tool: Tool,
  trainable: Trainable,
  sharding: Sharding,
  assumed: string[],
): Checkpointing | "fit" {
  const text = row.activation_ckpt.toLowerCase();
  if (text === "") return usualCheckpointing(tool, trainable, sharding, assumed);
  const byMode = checkpointingOfMode(text, trainable.kind === "full", sharding.degree > 1);
  if (byMode !== undefined) return byMode;
  if (text.includes("selective")) return "selective";
  return saysNo(text) ? "none" : "full";
}

const onlyYes = (word: string | undefined): Checkpointing => (word === "yes" ? "full" : "none");

/** What one cell states for several ways of training: `full mode: yes, lora: no`, `multi-gpu: yes`. */
function checkpointingOfMode(text: string, full: boolean, sharded: boolean): Checkpointing | undefined {
  const modes = /full mode:\s*(\w+).*lora:\s*(\w+)/.exec(text);
  if (modes !== null && !full) return onlyYes(modes[2]);
  const ofSeveralGpus = modes ?? /multi-gpu:\s*(\w+)/.exec(text);
  if (ofSeveralGpus === null) return undefined;
  return sharded ? onlyYes(ofSeveralGpus[1]) : "none";
}

function usualCheckpointing(
  tool: Tool,
  trainable: Trainable,
  sharding: Sharding,
  assumed: string[],
): Checkpointing | "fit" {
  if (tool.name === "torchtune") {
    assumed.push("activation_ckpt: on where the job would not fit without it (the tool's recipes per GPU)");
    return sharding.degree > 1 ? "full" : "fit";
  }
  const sharded = sharding.kind === "zero3" || sharding.kind === "fsdp" || sharding.kind === "zero2";
  // verl's trainer configuration turns it on (enable_gradient_checkpointing).
  const checkpointing = sharded || trainable.kind !== "full" || tool.name === "verl" ? "full" : "none";
  assumed.push(`activation_ckpt: ${checkpointing}`);
  return checkpointing;
}
