import { findGpu, gpuByKey, gpus as gpuTable, type Gpu } from "./data/gpus";
import { catalog, type Instance } from "./data/instances";
import type { PeakMetric } from "./memory";
import {
  countParameters,
  findShape,
  interpolateShape,
  modelNames,
  sizeFromName,
  type AdapterTargets,
  type ModelShape,
} from "./shape";
import { tools, type Tool } from "./tools";
import type {
  Attention,
  Checkpointing,
  LossImplementation,
  Optimizer,
  Sharding,
  Trainable,
  TrainingMethod,
} from "./workload";

/**
 * Reads a training job that a person described in a table's words: every field is text, blank where it is not known.
 * What was filled in for a blank is listed, so that nobody takes an assumption for a fact.
 */
export const rowFields = [
  "id",
  "method",
  "model",
  "params_b",
  "trainable",
  "lora_rank",
  "weights_precision",
  "train_dtype",
  "optimizer",
  "seq_len",
  "seq_is",
  "micro_batch",
  "grad_accum",
  "gpu",
  "num_gpus",
  "sharding",
  "cpu_offload",
  "activation_ckpt",
  "attention",
  "loss_impl",
  "packing",
  "compile",
  "vllm_mode",
  "vllm_util",
  "num_generations",
  "peak_metric",
] as const;

export type RowField = (typeof rowFields)[number];
export type Row = Readonly<Record<RowField, string>>;

interface Method {
  readonly kind: TrainingMethod;
  /** A frozen copy of the weights gives log-probabilities to compare with. */
  readonly reference?: true;
  /** A value model of the policy's size is trained beside it. */
  readonly critic?: true;
  /** One vector or score a sequence comes out; no logits over the vocabulary. */
  readonly pooled?: true;
}

/** Methods by their names without spaces and dashes; those that share a memory profile share an entry's kind. */
const methods: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    "sft finetuning finetune supervisedfinetuning instructiontuning ift": { kind: "sft" },
    "pretrain pretraining cpt continuedpretraining": { kind: "pretrain" },
    "dpo ipo apo odpo": { kind: "dpo", reference: true },
    "simpo orpo cpo cpoorposimporm": { kind: "dpo" },
    // One completion an example, not a pair.
    "kto bco": { kind: "sft", reference: true },
    "rm reward rewardmodel rewardmodeling": { kind: "dpo", pooled: true },
    "embedding embeddings contrastive reranker classification": { kind: "sft", pooled: true },
    "grpo gspo drgrpo dapo rloo reinforce reinforce++ rlvr onlinedpo gkd distillation": {
      kind: "grpo",
      reference: true,
    },
    "ppo rlhf rlvrppo": { kind: "grpo", reference: true, critic: true },
  } satisfies Record<string, Method>).flatMap(([names, method]) => names.split(" ").map((name) => [name, method])),
);

export const findMethod = (text: string): Method | undefined =>
  methods.get(text.toLowerCase().replace(/[\s_/-]+/g, ""));

/** Encoders that are trained on one vector or score a text. */
export const pooledModel = /embed|(^|[/_-])(bge|gte|e5)([/_-]|$)|minilm|rerank|modernbert/i;

export const saysNo = (text: string): boolean => /^(no|none|not|false|off|0|n|disabled?|without|unknown)\b/i.test(text);
export const saysYes = (text: string): boolean => /^(yes|true|on|1|y|enabled?|packed)\b/i.test(text);

const number = (text: string): number | undefined => {
  const match = /-?\d+(?:\.\d+)?/.exec(text.replace(/,(?=\d{3}(\D|$))/g, ""));
  return match === null ? undefined : Number(match[0]);
};

/** A positive number in the text; undefined where there is none, which some fields allow (`alpaca`, `auto`). */
export function positive(field: RowField, text: string, problems: string[], integer: boolean): number | undefined {
  if (text === "") return undefined;
  const value = number(text);
  if (value === undefined) return undefined;
  if (value <= 0 || (integer && !Number.isInteger(value) && /^-?\d+\.\d+$/.test(text)) || !Number.isFinite(value)) {
    problems.push(`${field}: ${JSON.stringify(text)} must be a positive ${integer ? "whole number" : "number"}`);
    return undefined;
  }
  return value;
}

/** As `positive`, for fields whose text must hold a number unless it is blank. */
export function strictlyPositive(
  field: RowField,
  text: string,
  problems: string[],
  integer: boolean,
): number | undefined {
  if (text !== "" && number(text) === undefined)
    problems.push(`${field}: ${JSON.stringify(text)} must be a positive ${integer ? "whole number" : "number"}`);
  return positive(field, text, problems, integer);
}

/** Recognises the tool by settings that only it has. */
export function recogniseTool(row: Row): Tool {
  const all = (field: RowField): string => row[field].toLowerCase();
  const adapters = all("trainable").includes("lora");
  if ((all("activation_ckpt") + all("loss_impl") + all("attention")).includes("unsloth")) return tools.unsloth;
  if (/bf16-true|fp16-true/.test(all("train_dtype")) || all("loss_impl").includes("litgpt")) return tools.litgpt;
  if (
    all("loss_impl").includes("cewithchunked") ||
    all("attention").includes("flex") ||
    all("model").includes("torchtune")
  )
    return tools.torchtune;
  if (all("sharding").includes("megatron")) return tools.megatron;
  if (all("peak_metric").includes("actor process")) return tools.verl;
  if (all("train_dtype").includes("adapters fp32")) return tools["peft-benchmark"];
  if (all("attention").includes("triton") || all("train_dtype").startsWith("amp_")) return tools["llm-foundry"];
  if (all("weights_precision").includes("fp32 master")) return tools.torchtitan;
  if (/zero|deepspeed/.test(all("sharding"))) return tools.deepspeed;
  // Training scripts that ship with a model run through DeepSpeed, but for LoRA on one GPU.
  if (
    all("activation_ckpt").includes("finetune scripts") &&
    (all("trainable") === "full" || all("trainable") === "qlora")
  )
    return tools.deepspeed;
  if (all("sharding").includes("fsdp") && adapters) return tools["fsdp-qlora"];
  return tools.transformers;
}

/** Adapters by their names; all are counted as low-rank ones. */
const adapterNames =
  /^(q-?lora|lora|dora|rs-?lora|pissa|olora|adapter|peft|ada-?lora|bone|llama-?pro|long-?lora|lora-fa|vera|ia3|freeze|prefix|prompt|p-tuning)/;

type TrainablePart = "full" | "adapter" | "quantised adapter";

export function parseTrainablePart(row: Row, assumed: string[], problems: string[]): TrainablePart {
  const text = row.trainable.toLowerCase();
  if (text === "") {
    assumed.push("trainable: full");
    return "full";
  }
  if (/^(full|fft|all\b)/.test(text)) return "full";
  if (/^q-?lora/.test(text)) return "quantised adapter";
  if (adapterNames.test(text)) return "adapter";
  problems.push(`trainable: ${JSON.stringify(row.trainable)} is not one of full, lora, qlora, adapter, peft:<method>`);
  return "full";
}

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
  let rankUsed = rank;
  if (rankUsed === undefined) {
    rankUsed = tool.name === "peft-benchmark" ? 32 : prefixed || tool.name === "torchtune" ? 8 : 16;
    assumed.push(`lora_rank: ${String(rankUsed)}`);
  }
  let targets: AdapterTargets = "all-linear";
  if (tool.name === "peft-benchmark" || prefixed) targets = "query-value";
  // The tool's configurations put adapters on queries and values for 16-bit bases, on every layer for most 4-bit ones.
  if (tool.name === "litgpt" && (!row.lora_rank.includes("per config") || part !== "quantised adapter"))
    targets = "query-value";
  assumed.push(`adapter targets: ${targets}`);
  return {
    kind: quantised || part === "quantised adapter" ? "qlora" : "lora",
    rank: rankUsed,
    targets,
    dropout: ["litgpt", "transformers", "deepspeed", "fsdp-qlora"].includes(tool.name),
    trainsEmbeddings: text.includes("emb"),
  };
}

export function parseSharding(
  row: Row,
  tool: Tool,
  gpuCount: number,
  trainable: Trainable,
  parametersB: number,
  assumed: string[],
): Sharding {
  const text = row.sharding.toLowerCase().replace(/[_\s]+/g, " ");
  const degreeOf = (names: string): number => {
    const match = new RegExp(`(?:^|[^a-z])(?:${names})[\\s=:-]*(\\d+)`).exec(text);
    return match === null ? 1 : Math.max(1, Number(match[1]));
  };
  const base = { tensorParallel: 1, pipelineParallel: 1, contextParallel: 1 };
  let tensorParallel = degreeOf("tp|tensor parallel");
  const pipelineParallel = degreeOf("pp|pipeline parallel");
  const contextParallel = degreeOf("cp|context parallel|sp|ulysses");
  const megatron = text.includes("megatron");
  if (megatron || tensorParallel * pipelineParallel * contextParallel > 1) {
    if (megatron && !/tp ?\d/.test(text) && parametersB > 20) {
      tensorParallel = Math.min(8, gpuCount);
      assumed.push(`sharding: tensor parallel ${String(tensorParallel)}`);
    }
    const degree = Math.max(1, Math.floor(gpuCount / (tensorParallel * pipelineParallel)));
    const zero = /zero-? ?3/.test(text) ? "zero3" : "fsdp";
    return { kind: megatron ? "zero1" : zero, degree, tensorParallel, pipelineParallel, contextParallel };
  }
  const stage = /(?:zero|stage|deepspeed)(?:[ -]?stage)?[ -]?([0-3])/.exec(text);
  if (stage !== null || /zero|deepspeed/.test(text)) {
    const kinds = ["ddp", "zero1", "zero2", "zero3"] as const;
    const kind = stage === null ? "zero3" : (kinds[Number(stage[1])] ?? "zero3");
    if (stage === null) assumed.push(`sharding: ${row.sharding} is taken as ZeRO-3`);
    return { kind, degree: gpuCount, ...base };
  }
  if (text.includes("grad op")) return { kind: "fsdp-grad-op", degree: gpuCount, ...base };
  if (/hybrid|hsdp/.test(text)) return { kind: "fsdp", degree: Math.min(8, gpuCount), ...base };
  if (/fsdp|full ?shard/.test(text)) return { kind: "fsdp", degree: gpuCount, ...base };
  if (/ddp|data parallel/.test(text)) return { kind: "ddp", degree: gpuCount, ...base };
  if (text !== "" && !saysNo(text)) assumed.push(`sharding: ${row.sharding} is taken as none`);
  if (saysNo(text) || gpuCount === 1) return { kind: "none", degree: 1, ...base };
  const statesGib = parametersB * (trainable.kind === "full" ? 16 : trainable.kind === "lora" ? 2 : 0.6);
  const kind = tool.name === "verl" ? "fsdp" : statesGib > 40 ? "zero3" : "ddp";
  assumed.push(`sharding: ${kind} over ${String(gpuCount)} GPUs`);
  return { kind, degree: gpuCount, ...base };
}

export function parseOptimizer(
  row: Row,
  tool: Tool,
  assumed: string[],
  problems: string[],
): { optimizer: Optimizer; inBackward: boolean } {
  const text = row.optimizer.toLowerCase();
  const inBackward = /bwd|backward/.test(text);
  const fused = !tool.foreachOptimizer || text.includes("fused") || text === "";
  if (text === "") {
    assumed.push(`optimizer: AdamW${fused ? " (fused)" : ""}`);
    return { optimizer: fused ? "adamw-fused" : "adamw", inBackward };
  }
  if (/paged.*8|8.*paged/.test(text)) return { optimizer: "paged-adamw-8bit", inBackward };
  if (text.includes("paged")) return { optimizer: "paged-adamw-32bit", inBackward };
  if (/8-?bit|adamw8/.test(text)) return { optimizer: "adamw-8bit", inBackward };
  if (text.includes("muon")) return { optimizer: "muon", inBackward };
  if (text.includes("fused")) return { optimizer: "adamw-fused", inBackward };
  if (text.includes("lion")) return { optimizer: "lion", inBackward };
  if (text.includes("adafactor")) return { optimizer: "adafactor", inBackward };
  if (text.includes("sgd")) return { optimizer: "sgd", inBackward };
  if (/adam|lora-fa/.test(text)) return { optimizer: fused ? "adamw-fused" : "adamw", inBackward };
  problems.push(
    `optimizer: ${JSON.stringify(row.optimizer)} is not one of AdamW, AdamW fused, adamw_8bit, paged_adamw_8bit, paged_adamw_32bit, muon, lion, adafactor, sgd`,
  );
  return { optimizer: "adamw", inBackward };
}

/** Longest sequence in a few thousand short instruction samples (Alpaca and its like), tokens. */
const longestShortSample = 650;

interface Lengths {
  readonly sequence: number;
  readonly completion: number;
  readonly fillShare: number;
}

export function parseLengths(row: Row, method: TrainingMethod, assumed: string[], problems: string[]): Lengths {
  const text = row.seq_len.toLowerCase().replace(/(\d+)k/g, (_, digits: string) => String(Number(digits) * 1024));
  const kind = row.seq_is.toLowerCase();
  const first = positive("seq_len", text, problems, true);
  const pair = /(\d+)\s*\+\s*(\d+)/.exec(text) ?? /prompt\D{0,12}(\d+)\D+(?:resp|compl|output)\D{0,12}(\d+)/.exec(text);
  if (pair !== null) {
    const prompt = Number(pair[1]);
    const completion = Number(pair[2]);
    // Where all logits are computed, or sequences are packed, the prompt's are computed too.
    const all = row.loss_impl.includes("full logits");
    return { sequence: prompt + completion, completion: all ? prompt + completion : completion, fillShare: 1 };
  }
  if (first === undefined) {
    const assumedLength =
      /alpaca|short/.test(text) || kind.includes("dynamic") ? longestShortSample : method === "grpo" ? 768 : 1024;
    assumed.push(`seq_len: ${String(assumedLength)} tokens`);
    return {
      sequence: assumedLength,
      completion: Math.ceil(assumedLength / 2),
      fillShare: text.includes("alpaca") ? 0.25 : 1,
    };
  }
  const mean = /mean ~?(\d+)/.exec(kind);
  if (mean !== null)
    return { sequence: first, completion: Math.ceil(first / 2), fillShare: Math.min(1, Number(mean[1]) / first) };
  // Samples that are not packed seldom reach the length at which they would be cut off.
  if (kind.includes("short samples") || (/^max(imum)?(\/packed)?$/.test(kind) && saysNo(row.packing))) {
    const sequence = Math.min(first, longestShortSample);
    assumed.push(`seq_len: samples are short, the longest takes ${String(sequence)} tokens`);
    return { sequence, completion: sequence, fillShare: 0.4 };
  }
  if (method === "dpo" || method === "grpo") assumed.push("seq_len: prompt and completion have equal parts");
  return { sequence: first, completion: method === "grpo" ? Math.ceil(first / 2) : first, fillShare: 1 };
}

export function parseCheckpointing(
  row: Row,
  tool: Tool,
  trainable: Trainable,
  sharding: Sharding,
  assumed: string[],
): Checkpointing | "fit" {
  const text = row.activation_ckpt.toLowerCase();
  const modes = /full mode:\s*(\w+).*lora:\s*(\w+)/.exec(text);
  const gpusMode = /multi-gpu:\s*(\w+)/.exec(text);
  const yes = (word: string | undefined): Checkpointing => (word === "yes" ? "full" : "none");
  if (modes !== null)
    return yes(
      trainable.kind === "full" && sharding.degree > 1 ? modes[1] : trainable.kind === "full" ? "no" : modes[2],
    );
  if (gpusMode !== null) return yes(sharding.degree > 1 ? gpusMode[1] : "no");
  if (text === "") {
    if (tool.name === "torchtune") {
      assumed.push("activation_ckpt: on where the job would not fit without it (the tool's recipes per GPU)");
      return sharding.degree > 1 ? "full" : "fit";
    }
    const sharded = sharding.kind === "zero3" || sharding.kind === "fsdp" || sharding.kind === "zero2";
    // verl's trainer configuration turns it on (enable_gradient_checkpointing).
    const full = sharded || trainable.kind !== "full" || tool.name === "verl";
    assumed.push(`activation_ckpt: ${full ? "full" : "none"}`);
    return full ? "full" : "none";
  }
  if (text.includes("selective")) return "selective";
  return saysNo(text) ? "none" : "full";
}

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
  if (/flash|fa2|fa3|triton|unsloth/.test(text)) return "flash";
  if (text.includes("eager")) return "eager";
  if (text === "") assumed.push("attention: sdpa");
  return "sdpa";
}

export function parseMetric(row: Row, assumed: string[]): PeakMetric {
  const text = row.peak_metric.toLowerCase();
  if (text.includes("reserved")) return "reserved";
  if (/allocated|active/.test(text)) return "allocated";
  if (text === "" || text.startsWith("reported")) assumed.push("peak_metric: what nvidia-smi shows");
  return "device";
}

type Precision = "4-bit" | "8-bit" | "16-bit" | "32-bit";

export function parsePrecision(row: Row, problems: string[]): Precision | undefined {
  const text = row.weights_precision.toLowerCase();
  if (text === "" || /^(unknown|auto|default)/.test(text)) return undefined;
  if (/nf4|int4|fp4|4[- ]?bit|gptq|awq|q4/.test(text)) return "4-bit";
  if (/int8|fp8|8[- ]?bit/.test(text)) return "8-bit";
  if (/fp32|float32|f32|32[- ]?bit|full precision/.test(text)) return "32-bit";
  if (/b?f(p|loat)?16|half|16[- ]?bit/.test(text)) return "16-bit";
  problems.push(
    `weights_precision: ${JSON.stringify(row.weights_precision)} is not one of bf16, fp16, fp32, int8, nf4, int4`,
  );
  return undefined;
}

export function parseModel(
  row: Row,
  parametersGiven: number | undefined,
  assumed: string[],
  problems: string[],
): ModelShape | undefined {
  const known = row.model === "" ? undefined : findShape(row.model, parametersGiven);
  if (known !== undefined) {
    const counted = countParameters(known).total / 1e9;
    if (parametersGiven !== undefined && Math.abs(Math.log(parametersGiven / counted)) > Math.log(1.5))
      assumed.push(
        `params_b: ${row.params_b} is not the size of ${known.name}, whose shape with ${counted.toFixed(2)} billion is used`,
      );
    return known;
  }
  const size = parametersGiven ?? sizeFromName(row.model);
  if (size !== undefined && size > 0) {
    assumed.push(`model: shape of a typical decoder with ${String(size)} billion parameters`);
    return interpolateShape(row.model === "" ? "unnamed model" : row.model, size);
  }
  const examples = modelNames.slice(0, 6).join(", ");
  problems.push(
    `model: ${JSON.stringify(row.model)} is not known; use one of ${examples}, ... (${String(modelNames.length)} in sizing/data/models.ts), or give params_b`,
  );
  return undefined;
}

interface Machine {
  readonly gpu: Gpu | undefined;
  readonly gpuMemoryGib: number | undefined;
  readonly gpuCount: number;
}

/** The GPU by its own name or an AWS instance type's, with a count before it where there is one (`8 x H100`). */
export function parseMachine(row: Row, assumed: string[], problems: string[]): Machine {
  const instance: Instance | undefined = catalog.instances.find((entry) => row.gpu.toLowerCase().includes(entry.name));
  const counted = /^(\d+)\s*[x*]\s*(?=[a-z])/i.exec(row.gpu);
  const named = counted === null ? row.gpu : row.gpu.slice(counted[0].length);
  const gpu = row.gpu === "" ? undefined : (findGpu(named) ?? (instance && gpuByKey(instance.gpu)));
  const stated = /\(([\d.]+) GiB\)/.exec(row.gpu);
  const bare = /(\d+(?:\.\d+)?)\s*Gi?B/i.exec(row.gpu);
  let gpuMemoryGib: number | undefined;
  if (stated !== null) gpuMemoryGib = Number(stated[1]);
  else if (gpu !== undefined) gpuMemoryGib = gpu.memoryGib;
  // What firmware takes of a GPU of which only the nominal size is known.
  else if (bare !== null) gpuMemoryGib = Number(bare[1]) * 0.985;
  else if (row.gpu !== "" && !/^\d+ gpus?$|npu|^unknown/i.test(row.gpu))
    problems.push(
      `gpu: ${JSON.stringify(row.gpu)} is not one of ${gpuTable.map((entry) => entry.key).join(", ")}, an AWS instance type, or a size such as 80GB`,
    );
  if (gpu === undefined) assumed.push("gpu: an A100 for speed");

  const nodes = /^(\d+)\s*[x*]\s*(\d+)/.exec(row.num_gpus);
  const given =
    nodes === null
      ? strictlyPositive("num_gpus", row.num_gpus, problems, true)
      : Number(nodes[1]) * Number(nodes[2]) || strictlyPositive("num_gpus", "0", problems, true);
  const gpuCount =
    given ??
    (counted === null ? undefined : Number(counted[1])) ??
    instance?.gpus ??
    (/fsdp|zero-?[23]/i.test(row.sharding) ? 4 : 1);
  if (row.num_gpus === "") assumed.push(`num_gpus: ${String(gpuCount)}`);
  return { gpu, gpuMemoryGib, gpuCount };
}
