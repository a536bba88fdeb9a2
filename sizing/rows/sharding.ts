import { shortened } from "../../validation/shownValue";
import type { Tool } from "../tools";
import type { Sharding, Trainable } from "../workload";
import { degreesOf, shardingWords, type Degrees } from "./degrees";
import type { Row } from "./fields";
import { saysNo } from "./vocabulary";

type Kind = Sharding["kind"];

/** GPUs that share one copy of a model where copies are hybrid: those of a node. */
const gpusOfNode = 8;

const zeroKinds = ["ddp", "zero1", "zero2", "zero3"] as const satisfies readonly Kind[];

/** Shardings by their names; the first that is found counts. */
const names: readonly { readonly pattern: RegExp; readonly kind: Kind; readonly largestDegree?: number }[] = [
  { pattern: /grad[ -]?op/, kind: "fsdp-grad-op" },
  { pattern: /hybrid|hsdp/, kind: "fsdp", largestDegree: gpusOfNode },
  { pattern: /fsdp|fully?[ -]?shard/, kind: "fsdp" },
  { pattern: /ddp|data parallel/, kind: "ddp" },
];

const whole: Degrees = { tensorParallel: 1, pipelineParallel: 1, contextParallel: 1 };

/** How the states of training lie on the GPUs. What the row does not say goes into `assumed`. */
export function parseSharding(
  row: Row,
  tool: Tool,
  gpuCount: number,
  trainable: Trainable,
  parametersB: number,
  assumed: string[],
): Sharding {
  const text = shardingWords(row);
  const degrees = degreesOf(text);
  const { tensorParallel, pipelineParallel, contextParallel } = degrees;
  if (text.includes("megatron") || tensorParallel * pipelineParallel * contextParallel > 1)
    return modelParallel(text, degrees, gpuCount, parametersB, assumed);
  const zero = zeroKind(row, text, assumed);
  if (zero !== undefined) return { kind: zero, degree: gpuCount, ...whole };
  const name = names.find(({ pattern }) => pattern.test(text));
  if (name !== undefined)
    return { kind: name.kind, degree: Math.min(name.largestDegree ?? gpuCount, gpuCount), ...whole };
  if (text !== "" && !saysNo(text)) assumed.push(`sharding: ${shortened(row.sharding)} is taken as none`);
  if (saysNo(text) || gpuCount === 1) return { kind: "none", degree: 1, ...whole };
  const kind = usualKind(tool, trainable, parametersB);
  assumed.push(`sharding: ${kind} over ${String(gpuCount)} GPUs`);
  return { kind, degree: gpuCount, ...whole };
}

/** Layers split over GPUs, and their states sharded over the copies that are left. */
function modelParallel(
  text: string,
  degrees: Degrees,
  gpuCount: number,
  parametersB: number,
  assumed: string[],
): Sharding {
  const megatron = text.includes("megatron");
  let { tensorParallel } = degrees;
  if (megatron && !/tp ?\d/.test(text) && parametersB > 20) {
    tensorParallel = Math.min(gpusOfNode, gpuCount);
    assumed.push(`sharding: tensor parallel ${String(tensorParallel)}`);
  }
  const degree = Math.max(1, Math.floor(gpuCount / (tensorParallel * degrees.pipelineParallel)));
  const stateKind = /zero-? ?3/.test(text) ? "zero3" : "fsdp";
  return { kind: megatron ? "zero1" : stateKind, degree, ...degrees, tensorParallel };
}

/** DeepSpeed's ZeRO by its stage, from 0 to 3. */
function zeroKind(row: Row, text: string, assumed: string[]): Kind | undefined {
  const stage = /(?:zero|stage|deepspeed)(?:[ -]?stage)?[ -]?([0-3])/.exec(text)?.[1];
  if (stage !== undefined) return zeroKinds[Number(stage)];
  if (!/zero|deepspeed/.test(text)) return undefined;
  assumed.push(`sharding: ${shortened(row.sharding)} is taken as ZeRO-3`);
  return "zero3";
}

/** GiB of weights and training states for each billion of parameters. */
const statesGibPerBillion: Readonly<Record<Trainable["kind"], number>> = { full: 16, lora: 2, qlora: 0.6 };

/** What people run on several GPUs: states are sharded where one GPU would not hold them. */
function usualKind(tool: Tool, trainable: Trainable, parametersB: number): Kind {
  if (tool.name === "verl") return "fsdp";
  return parametersB * statesGibPerBillion[trainable.kind] > 40 ? "zero3" : "ddp";
}
