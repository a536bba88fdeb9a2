import type { Gpu } from "../../catalog/gpus";
import { shortened, shownValue } from "../../validation/shownValue";
import { estimateMemory, type PeakMetric } from "../memory";
import { countParameters, type ModelShape } from "../shape";
import { tools, type Tool } from "../tools";
import type { Checkpointing, Generation, Reference, Trainable, Workload } from "../workload";
import { readCells } from "./cells";
import { parseCheckpointing } from "./checkpointing";
import { checkDegrees } from "./degrees";
import type { Row } from "./fields";
import { parseAttention, parseLoss } from "./kernels";
import { packs, parseLengths, type Lengths } from "./lengths";
import { parseMachine, type Machine } from "./machine";
import { findMethod, type Method } from "./method";
import { parseModel, pooledModel } from "./model";
import { readMicroBatch, readNumberField } from "./numbers";
import { parseOptimizer } from "./optimizer";
import { parseMetric } from "./peakMetric";
import { parsePrecision, type Precision } from "./precision";
import { parseSharding } from "./sharding";
import { recogniseTool } from "./tool";
import { trainableOf } from "./trainable";
import { checkWords, parseTrainablePart, saysNo, saysYes, suggestion, type TrainablePart } from "./vocabulary";

export interface InterpretedRow {
  readonly workload: Workload;
  readonly gpu: Gpu | undefined;
  /** Memory of the GPU: what the row states, or the table's figure; undefined when the GPU is not known. */
  readonly gpuMemoryGib: number | undefined;
  readonly metric: PeakMetric;
  /** Mean tokens of a sequence over its longest, for throughput. */
  readonly fillShare: number;
  readonly packed: boolean;
  readonly float8: boolean;
  readonly assumed: readonly string[];
}

const methodNames = "SFT DPO IPO SIMPO KTO ORPO CPO RM GRPO GSPO RLOO PPO GKD pretrain".split(" ");

/** All that is wrong with a row, in one message. */
export class RowError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("; "));
    this.name = "RowError";
  }
}

/** A row that is read, with all that is known of it before anything is derived. */
interface ReadRow {
  readonly row: Row;
  readonly method: Method;
  readonly shape: ModelShape;
  readonly machine: Machine;
  readonly part: TrainablePart;
  readonly precision: Precision | undefined;
  /** The weights are quantised: the row says so, or the model's name does. */
  readonly quantised: boolean;
  readonly quantisedModel: boolean;
  readonly rank: number | undefined;
  readonly microBatch: number | undefined;
  readonly accumulation: number | undefined;
  readonly utilization: number | undefined;
  readonly lengths: Lengths;
}

function readMethod(row: Row, assumed: string[], problems: string[]): Method | undefined {
  if (row.method === "") assumed.push("method: SFT");
  const method = findMethod(row.method === "" ? "sft" : row.method);
  if (method === undefined)
    problems.push(
      `method: ${shownValue(row.method)} is not one of ${methodNames.join(", ")}${suggestion(row.method, methodNames)}`,
    );
  return method;
}

/** Finds what of the trainable part, the precision of the weights and the rank of adapters contradicts the rest. */
function checkTrainable(
  row: Row,
  part: TrainablePart | undefined,
  precision: Precision | undefined,
  quantised: boolean,
  rank: number | undefined,
  problems: string[],
): void {
  if (quantised && part === "full")
    problems.push(
      `trainable: ${shownValue(row.trainable)} contradicts weights_precision ${shownValue(row.weights_precision)}: quantised weights cannot be trained; use qlora, or bf16 weights`,
    );
  if (part === "quantised adapter" && (precision === "16-bit" || precision === "32-bit"))
    problems.push(
      `weights_precision: ${shownValue(row.weights_precision)} contradicts trainable ${shownValue(row.trainable)}; use nf4, or trainable lora`,
    );
  // Unsloth's tables state a rank beside full training.
  const ranksAll = /unsloth/i.test(row.model + row.activation_ckpt);
  if (part === "full" && row.trainable !== "" && rank !== undefined && !ranksAll)
    problems.push(
      `lora_rank: ${shownValue(row.lora_rank)} contradicts trainable ${shownValue(row.trainable)}; leave it blank or use lora`,
    );
}

/** Weights that are quantised, by the row's precision or by the name of a model that is published so. */
function quantisation(
  row: Row,
  part: TrainablePart | undefined,
  precision: Precision | undefined,
): Pick<ReadRow, "quantised" | "quantisedModel"> {
  const quantisedModel = /bnb-4bit|awq|gptq|int4/i.test(row.model);
  const stated = precision === "4-bit" || precision === "8-bit";
  return { quantisedModel, quantised: stated || (quantisedModel && part !== "full" && precision === undefined) };
}

/**
 * Reads every field of a row.
 * @throws RowError that names every unusable field, its value and what is allowed.
 */
function readRow(input: Readonly<Record<string, unknown>>, assumed: string[]): ReadRow {
  const { row, problems: cellProblems, unusable } = readCells(input);
  const problems: string[] = [];
  const method = readMethod(row, assumed, problems);
  const parameters = readNumberField("params_b", row.params_b, problems, assumed);
  const sizeRefused = parameters === undefined && (row.params_b !== "" || unusable.includes("params_b"));
  const shape = parseModel(row, parameters, sizeRefused, assumed, problems);
  const machine = parseMachine(row, assumed, problems);
  checkDegrees(row, machine.gpuCountGiven ? machine.gpuCount : undefined, problems);
  const rank = readNumberField("lora_rank", row.lora_rank, problems, assumed);
  const microBatch = readMicroBatch(row, problems, assumed);
  const accumulation = readNumberField("grad_accum", row.grad_accum, problems, assumed);
  if (accumulation === undefined) assumed.push("grad_accum: 1");
  readNumberField("num_generations", row.num_generations, problems, assumed);
  const utilization = readNumberField("vllm_util", row.vllm_util, problems, assumed);
  const lengths = parseLengths(row, method?.kind ?? "sft", assumed, problems);
  const precision = parsePrecision(row);
  const part = parseTrainablePart(row, assumed, problems);
  const { quantised, quantisedModel } = quantisation(row, part, precision);
  checkTrainable(row, part, precision, quantised, rank, problems);
  if (row.trainable === "" && rank !== undefined)
    assumed.push(`lora_rank: ${String(rank)} is not used by full training`);
  checkWords(row, problems);
  // A cell that is no text at all is blank from here on; what is said of the blank is not said twice.
  const found = [
    ...cellProblems,
    ...problems.filter((problem) => !unusable.some((field) => problem.startsWith(`${field}: `))),
  ];
  if (found.length > 0 || method === undefined || shape === undefined || part === undefined) throw new RowError(found);
  const models = { method, shape, machine, part, precision, quantised, quantisedModel };
  return { row, ...models, rank, microBatch, accumulation, utilization, lengths };
}

/** Bytes of one unquantised weight. */
function weightBytesOf({ row, precision }: ReadRow, trainable: Trainable, tool: Tool, assumed: string[]): 2 | 4 {
  if (precision !== undefined) return precision === "32-bit" ? 4 : 2;
  if (trainable.kind === "full" && !/bf16/i.test(row.train_dtype) && !tool.masterWeights) {
    assumed.push("weights_precision: float32 with 16-bit compute");
    return 4;
  }
  assumed.push(`weights_precision: ${trainable.kind === "qlora" ? "nf4" : "bf16"}`);
  return 2;
}

function quantisationOf({ row, precision, quantisedModel }: ReadRow, tool: Tool): Workload["quantisation"] {
  if (precision === "8-bit") return "int8";
  const twice = /dq|gptq/i.test(row.weights_precision) || (precision === undefined && quantisedModel);
  return twice || tool.doubleQuantises ? "nf4-double" : "nf4";
}

function offloadOf(row: Row): Workload["offload"] {
  const text = row.cpu_offload.toLowerCase();
  const offloads = text !== "" && !saysNo(text);
  return {
    parameters: offloads && /param|deepspeed|cpu|yes|true/.test(text),
    optimizer: offloads,
    activations: row.activation_ckpt.toLowerCase().includes("offload"),
  };
}

function referenceOf({ method }: ReadRow, trainable: Trainable, assumed: string[]): Reference {
  if (method.reference === undefined) return "none";
  if (trainable.kind !== "full") return "adapter-off";
  assumed.push("reference model: a separate copy");
  return "separate";
}

function generationOf({ row, method, utilization }: ReadRow, assumed: string[]): Generation {
  const mode = row.vllm_mode.toLowerCase();
  if (/server|separate node|disaggregated|async/.test(mode)) return { kind: "server" };
  if (mode === "" || saysNo(mode)) return { kind: method.kind === "grpo" ? "transformers" : "none" };
  if (!/co-?loc|hybrid|standby|yes|true/.test(mode))
    assumed.push(`vllm_mode: ${shortened(row.vllm_mode)} is taken as colocate`);
  if (utilization === undefined) assumed.push("vllm_util: 0.3");
  return { kind: "colocated", utilization: utilization ?? 0.3, sleep: true, tensorParallel: 1 };
}

/** Sequences per pass: what the row says, or what the tool does by default. */
function microBatchOf({ microBatch }: ReadRow, tool: Tool, assumed: string[]): number {
  if (microBatch !== undefined) return microBatch;
  assumed.push(`micro_batch: ${String(tool.defaultMicroBatch)} (default of ${tool.name})`);
  return tool.defaultMicroBatch;
}

/** The workload with the tool's choice of checkpointing: `fit` is none where the job fits without, else full. */
function withCheckpointing(
  workload: Workload,
  checkpointing: Checkpointing | "fit",
  gpuMemoryGib: number | undefined,
): Workload {
  if (checkpointing !== "fit") return { ...workload, checkpointing };
  const without: Workload = { ...workload, checkpointing: "none" };
  const fits = gpuMemoryGib === undefined || estimateMemory(without, gpuMemoryGib).requiredGib <= gpuMemoryGib;
  return fits ? without : { ...workload, checkpointing: "full" };
}

/** The job that a row describes, with the defaults of the tool that it is taken for, and what its peak was measured as. */
function workloadOf(read: ReadRow, assumed: string[]): { readonly workload: Workload; readonly metric: PeakMetric } {
  const { row, method, shape, machine, lengths } = read;
  const recognised = recogniseTool(row);
  const trainable = trainableOf(row, read.part, recognised, read.quantised, read.rank, assumed);
  const parametersB = countParameters(shape).total / 1e9;
  const sharding = parseSharding(row, recognised, machine.gpuCount, trainable, parametersB, assumed);
  const tool = recognised.name === "transformers" && sharding.kind === "zero3" ? tools.deepspeed : recognised;
  // What is assumed is listed in the order of these lines.
  const microBatch = microBatchOf(read, tool, assumed);
  const { optimizer, inBackward } = parseOptimizer(row, tool, assumed);
  const pooled = method.pooled === true || pooledModel.test(row.model);
  const loss = pooled ? "pooled" : parseLoss(row, tool, sharding, assumed);
  const attention = parseAttention(row, assumed);
  const metric = parseMetric(row, assumed);
  const weightBytes = weightBytesOf(read, trainable, tool, assumed);
  const checkpointing = parseCheckpointing(row, tool, trainable, sharding, assumed);
  const reference = referenceOf(read, trainable, assumed);
  if (method.critic === true) assumed.push("value model: as large as the policy, trained on the same GPUs");
  const workload: Workload = {
    method: method.kind,
    critic: method.critic === true,
    shape,
    tool,
    trainable,
    quantisation: quantisationOf(read, tool),
    weightBytes,
    mixedPrecision: /bf16|fp16|amp|fp8|float8|mixed|^auto|^$/.test(row.train_dtype.toLowerCase()),
    optimizer,
    optimizerInBackward: inBackward,
    sequenceTokens: lengths.sequence,
    completionTokens: lengths.completion,
    microBatch,
    gradientAccumulation: read.accumulation ?? 1,
    sharding,
    gpus: machine.gpuCount,
    gpusPerNode: Math.min(8, machine.gpuCount),
    offload: offloadOf(row),
    checkpointing: "none",
    attention,
    loss,
    compile: saysYes(row.compile),
    reference,
    generation: generationOf(read, assumed),
  };
  return { workload: withCheckpointing(workload, checkpointing, machine.gpuMemoryGib), metric };
}

/**
 * Understands one row.
 * @throws RowError that names every unusable field, its value and what is allowed.
 */
export function interpretRow(input: Readonly<Record<string, unknown>>): InterpretedRow {
  const assumed: string[] = [];
  const read = readRow(input, assumed);
  const { row, machine, lengths } = read;
  const { workload, metric } = workloadOf(read, assumed);
  return {
    workload,
    gpu: machine.gpu,
    gpuMemoryGib: machine.gpuMemoryGib,
    metric,
    fillShare: lengths.fillShare,
    packed: packs(row.packing) || /exact/i.test(row.seq_is),
    float8: /fp8|float8/i.test(row.train_dtype),
    assumed,
  };
}
