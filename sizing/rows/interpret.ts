import { memoryCoefficients, type MemoryCoefficients } from "../coefficients";
import { gpuByKey, type Gpu } from "../../catalog/gpus";
import { estimateMemory, partEntries, type MemoryEstimate, type PeakMetric } from "../memory";
import { readCells } from "./cells";
import { parseMachine } from "./machine";
import { readMicroBatch, readNumberField } from "./numbers";
import { checkWords, parseTrainablePart, saysNo, saysYes, suggestion } from "./vocabulary";
import {
  checkDegrees,
  findMethod,
  packs,
  parseAttention,
  parseCheckpointing,
  parseLengths,
  parseLoss,
  parseMetric,
  parseModel,
  parseOptimizer,
  parsePrecision,
  parseSharding,
  pooledModel,
  recogniseTool,
  trainableOf,
} from "./words";
import { countParameters } from "../shape";
import { shortened, shownValue } from "../../validation/shownValue";
import { estimateStepTime } from "../throughput";
import { tools } from "../tools";
import type { Checkpointing, Generation, Reference, Workload } from "../workload";

export { rowFields } from "./fields";

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

/**
 * Understands one row.
 * @throws RowError that names every unusable field, its value and what is allowed.
 */
export function interpretRow(input: Readonly<Record<string, unknown>>): InterpretedRow {
  const { row, problems: cellProblems, unusable } = readCells(input);
  const problems: string[] = [];
  const assumed: string[] = [];
  // A cell that is no text at all is blank from here on; what is said of the blank is not said twice.
  const found = (): string[] => [
    ...cellProblems,
    ...problems.filter((problem) => !unusable.some((field) => problem.startsWith(`${field}: `))),
  ];

  const method = row.method === "" ? findMethod("sft") : findMethod(row.method);
  if (row.method === "") assumed.push("method: SFT");
  if (method === undefined)
    problems.push(
      `method: ${shownValue(row.method)} is not one of ${methodNames.join(", ")}${suggestion(row.method, methodNames)}`,
    );
  const parametersGiven = readNumberField("params_b", row.params_b, problems, assumed);
  const sizeRefused = parametersGiven === undefined && (row.params_b !== "" || unusable.includes("params_b"));
  const shape = parseModel(row, parametersGiven, sizeRefused, assumed, problems);
  const machine = parseMachine(row, assumed, problems);
  const { gpu, gpuMemoryGib, gpuCount } = machine;
  checkDegrees(row, machine.gpuCountGiven ? gpuCount : undefined, problems);
  const rank = readNumberField("lora_rank", row.lora_rank, problems, assumed);
  const microBatchGiven = readMicroBatch(row, problems, assumed);
  const accumulationGiven = readNumberField("grad_accum", row.grad_accum, problems, assumed);
  if (accumulationGiven === undefined) assumed.push("grad_accum: 1");
  readNumberField("num_generations", row.num_generations, problems, assumed);
  const utilization = readNumberField("vllm_util", row.vllm_util, problems, assumed);
  const lengths = parseLengths(row, method?.kind ?? "sft", assumed, problems);

  const precision = parsePrecision(row);
  const part = parseTrainablePart(row, assumed, problems);
  const quantisedModel = /bnb-4bit|awq|gptq|int4/i.test(row.model);
  const quantised =
    precision === "4-bit" || precision === "8-bit" || (quantisedModel && part !== "full" && precision === undefined);
  if (quantised && part === "full")
    problems.push(
      `trainable: ${shownValue(row.trainable)} contradicts weights_precision ${shownValue(row.weights_precision)}: quantised weights cannot be trained; use qlora, or bf16 weights`,
    );
  if (part === "quantised adapter" && (precision === "16-bit" || precision === "32-bit"))
    problems.push(
      `weights_precision: ${shownValue(row.weights_precision)} contradicts trainable ${shownValue(row.trainable)}; use nf4, or trainable lora`,
    );
  if (
    part === "full" &&
    row.trainable !== "" &&
    rank !== undefined &&
    !/unsloth/i.test(row.model + row.activation_ckpt)
  )
    problems.push(
      `lora_rank: ${shownValue(row.lora_rank)} contradicts trainable ${shownValue(row.trainable)}; leave it blank or use lora`,
    );
  if (row.trainable === "" && rank !== undefined)
    assumed.push(`lora_rank: ${String(rank)} is not used by full training`);
  checkWords(row, problems);
  if (found().length > 0 || method === undefined || shape === undefined || part === undefined)
    throw new RowError(found());

  const parametersB = countParameters(shape).total / 1e9;
  const tool = recogniseTool(row);
  const trainable = trainableOf(row, part, tool, quantised, rank, assumed);
  const sharding = parseSharding(row, tool, gpuCount, trainable, parametersB, assumed);
  const usedTool = tool.name === "transformers" && sharding.kind === "zero3" ? tools.deepspeed : tool;
  const microBatch = microBatchGiven ?? usedTool.defaultMicroBatch;
  if (microBatchGiven === undefined) assumed.push(`micro_batch: ${String(microBatch)} (default of ${usedTool.name})`);
  const { optimizer, inBackward } = parseOptimizer(row, usedTool, assumed);
  const pooled = method.pooled === true || pooledModel.test(row.model);
  const loss = pooled ? "pooled" : parseLoss(row, usedTool, sharding, assumed);
  const attention = parseAttention(row, assumed);
  const metric = parseMetric(row, assumed);

  let weightBytes: 2 | 4 = 2;
  if (precision === "32-bit") weightBytes = 4;
  else if (
    precision === undefined &&
    trainable.kind === "full" &&
    !/bf16/i.test(row.train_dtype) &&
    !usedTool.masterWeights
  ) {
    weightBytes = 4;
    assumed.push("weights_precision: float32 with 16-bit compute");
  } else if (precision === undefined) assumed.push(`weights_precision: ${trainable.kind === "qlora" ? "nf4" : "bf16"}`);

  const offloadText = row.cpu_offload.toLowerCase();
  const offloads = offloadText !== "" && !saysNo(offloadText);
  const checkpointing = parseCheckpointing(row, usedTool, trainable, sharding, assumed);
  const activationsOffloaded = row.activation_ckpt.toLowerCase().includes("offload");

  const reference: Reference =
    method.reference === undefined ? "none" : trainable.kind === "full" ? "separate" : "adapter-off";
  if (reference === "separate") assumed.push("reference model: a separate copy");
  if (method.critic === true) assumed.push("value model: as large as the policy, trained on the same GPUs");
  const vllm = row.vllm_mode.toLowerCase();
  let generation: Generation = { kind: method.kind === "grpo" ? "transformers" : "none" };
  if (/server|separate node|disaggregated|async/.test(vllm)) generation = { kind: "server" };
  else if (vllm !== "" && !saysNo(vllm)) {
    if (!/co-?loc|hybrid|standby|yes|true/.test(vllm))
      assumed.push(`vllm_mode: ${shortened(row.vllm_mode)} is taken as colocate`);
    if (utilization === undefined) assumed.push("vllm_util: 0.3");
    generation = { kind: "colocated", utilization: utilization ?? 0.3, sleep: true, tensorParallel: 1 };
  }

  const build = (chosen: Checkpointing): Workload => ({
    method: method.kind,
    critic: method.critic === true,
    shape,
    tool: usedTool,
    trainable,
    quantisation:
      precision === "8-bit"
        ? "int8"
        : /dq|gptq/i.test(row.weights_precision) ||
            (precision === undefined && quantisedModel) ||
            usedTool.doubleQuantises
          ? "nf4-double"
          : "nf4",
    weightBytes,
    mixedPrecision: /bf16|fp16|amp|fp8|float8|mixed|^auto|^$/.test(row.train_dtype.toLowerCase()),
    optimizer,
    optimizerInBackward: inBackward,
    sequenceTokens: lengths.sequence,
    completionTokens: lengths.completion,
    microBatch,
    gradientAccumulation: accumulationGiven ?? 1,
    sharding,
    gpus: gpuCount,
    gpusPerNode: Math.min(8, gpuCount),
    offload: {
      parameters: offloads && /param|deepspeed|cpu|yes|true/.test(offloadText),
      optimizer: offloads,
      activations: activationsOffloaded,
    },
    checkpointing: chosen,
    attention,
    loss,
    compile: saysYes(row.compile),
    reference,
    generation,
  });
  let workload: Workload;
  if (checkpointing === "fit") {
    const without = build("none");
    const fits = gpuMemoryGib === undefined || estimateMemory(without, gpuMemoryGib).requiredGib <= gpuMemoryGib;
    workload = fits ? without : build("full");
  } else workload = build(checkpointing);
  return {
    workload,
    gpu,
    gpuMemoryGib,
    metric,
    fillShare: lengths.fillShare,
    packed: packs(row.packing) || /exact/i.test(row.seq_is),
    float8: /fp8|float8/i.test(row.train_dtype),
    assumed,
  };
}

export interface RowEstimate extends InterpretedRow {
  readonly memory: MemoryEstimate;
  readonly peakGib: number;
  readonly fits: boolean | null;
  readonly tokensPerSecondPerGpu: number;
}

/** Interprets a row and estimates its memory. */
export function estimateRow(
  input: Readonly<Record<string, unknown>>,
  coefficients: MemoryCoefficients = memoryCoefficients,
): RowEstimate {
  const interpreted = interpretRow(input);
  const memory = estimateMemory(interpreted.workload, interpreted.gpuMemoryGib ?? 80, coefficients);
  const time = estimateStepTime(interpreted.workload, interpreted.gpu ?? gpuByKey("a100-80"), {
    fillShare: interpreted.fillShare,
    packed: interpreted.packed,
    float8: interpreted.float8,
  });
  return {
    ...interpreted,
    tokensPerSecondPerGpu: time.tokensPerSecondPerGpu,
    memory,
    peakGib: memory.peakGib[interpreted.metric],
    fits: interpreted.gpuMemoryGib === undefined ? null : memory.requiredGib <= interpreted.gpuMemoryGib,
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** What `npm run -s estimate` prints for one row. */
export interface RowAnswer {
  readonly id: string | null;
  readonly peakGiB: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly fits: boolean | null;
  readonly tokensPerSecondPerGpu: number;
  readonly assumed: readonly string[];
}

/** What is wrong with a row. */
export interface RowRefusal {
  readonly id: string | null;
  readonly error: string;
}

/** The answer to one row, or what is wrong with it. */
export function answerRow(input: unknown): RowAnswer | RowRefusal {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return { id: null, error: "a line must be one JSON object with the fields of the table" };
  const record = input as Record<string, unknown>;
  const { id: given } = record;
  const id =
    typeof given === "string" || typeof given === "number" || typeof given === "boolean" ? String(given) : null;
  try {
    const estimate = estimateRow(record);
    const parts = estimate.memory.parts[estimate.metric];
    return {
      id,
      peakGiB: round(estimate.peakGib),
      parts: Object.fromEntries(partEntries(parts).map(([name, value]) => [name, round(value)])),
      fits: estimate.fits,
      tokensPerSecondPerGpu: Math.round(estimate.tokensPerSecondPerGpu * 10) / 10,
      assumed: estimate.assumed,
    };
  } catch (error) {
    if (error instanceof RowError) return { id, error: error.message };
    throw error;
  }
}
