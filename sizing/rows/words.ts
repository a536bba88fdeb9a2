import type { PeakMetric } from "../memory";
import { numbersIn } from "../../validation/numberText";
import type { Row, RowField } from "./fields";
import { fieldNumbers, inRangeOf, numberProblem, rangeOf, readNumberField, tokenUnits } from "./numbers";
import { saysNo, saysYes, suggestion, wordProblem, type TrainablePart } from "./vocabulary";
import {
  countParameters,
  findShape,
  interpolateShape,
  modelNames,
  sizeFromName,
  type AdapterTargets,
  type ModelShape,
} from "../shape";
import { shortened, shownValue } from "../../validation/shownValue";
import { tools, type Tool } from "../tools";
import type {
  Attention,
  Checkpointing,
  LossImplementation,
  Optimizer,
  Sharding,
  Trainable,
  TrainingMethod,
} from "../workload";

export interface Method {
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

/** Number formats by the names that all else here looks for. */
export const numberFormat = (text: string): string =>
  text
    .replace(/(?<![a-z0-9])bfloat16(?![a-z0-9])/gi, "bf16")
    .replace(/(?<![a-z0-9])(?:float16|half)(?![a-z0-9])/gi, "fp16");

/** Samples share sequences. */
export const packs = (text: string): boolean => saysYes(text) || /padding.?free|varlen/i.test(text);

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
  if (tool.name === "litgpt" && (!row.lora_rank.toLowerCase().includes("per config") || part !== "quantised adapter"))
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

/** The words of a sharding, in lower case with single spaces. */
const shardingWords = (row: Row): string => row.sharding.toLowerCase().replace(/[_\s]+/g, " ");

const degreePattern = (names: string): RegExp =>
  new RegExp(String.raw`(?:^|[^a-z])(?:${names})[\s=:-]*(\d+)([.,]\d|e[+-]?\d)?`);
const tensorDegree = degreePattern("tp|tensor parallel");
const pipelineDegree = degreePattern("pp|pipeline parallel");
const contextDegree = degreePattern("cp|context parallel|sp|ulysses");

/** The degree behind one of these names (`TP4 PP2`), and whether more is glued to it than another name (`TP1e9`). */
function degreeOf(text: string, pattern: RegExp): { degree: number; readable: boolean } {
  const match = pattern.exec(text);
  if (match === null) return { degree: 1, readable: true };
  return { degree: Math.max(1, Number(match[1])), readable: match[2] === undefined };
}

/** GPUs that tensor, pipeline or context parallelism of one degree spans at most. */
const largestDegree = 1024;

/** Finds a sharding that nobody knows, and degrees that cannot be or that ask for more GPUs than there are. */
export function checkDegrees(row: Row, gpus: number | undefined, problems: string[]): void {
  if (row.sharding === "") return;
  const text = shardingWords(row);
  const patterns = [tensorDegree, pipelineDegree, contextDegree];
  const unknown = patterns.some((pattern) => pattern.test(text)) ? undefined : wordProblem("sharding", row);
  const degrees = patterns.map((pattern) => degreeOf(text, pattern));
  const product = degrees.reduce((all, { degree }) => all * degree, 1);
  if (unknown !== undefined) problems.push(unknown);
  else if (degrees.some(({ degree, readable }) => !readable || degree > largestDegree))
    problems.push(
      `sharding: ${shownValue(row.sharding)} must have degrees from 1 to ${largestDegree}, such as Megatron TP4 PP2`,
    );
  else if (gpus !== undefined && product > gpus)
    problems.push(
      `sharding: ${shownValue(row.sharding)} contradicts num_gpus ${shownValue(row.num_gpus)}: its degrees need ${product} GPUs`,
    );
}

export function parseSharding(
  row: Row,
  tool: Tool,
  gpuCount: number,
  trainable: Trainable,
  parametersB: number,
  assumed: string[],
): Sharding {
  const text = shardingWords(row);
  const base = { tensorParallel: 1, pipelineParallel: 1, contextParallel: 1 };
  let tensorParallel = degreeOf(text, tensorDegree).degree;
  const pipelineParallel = degreeOf(text, pipelineDegree).degree;
  const contextParallel = degreeOf(text, contextDegree).degree;
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
    if (stage === null) assumed.push(`sharding: ${shortened(row.sharding)} is taken as ZeRO-3`);
    return { kind, degree: gpuCount, ...base };
  }
  if (/grad[ -]?op/.test(text)) return { kind: "fsdp-grad-op", degree: gpuCount, ...base };
  if (/hybrid|hsdp/.test(text)) return { kind: "fsdp", degree: Math.min(8, gpuCount), ...base };
  if (/fsdp|fully?[ -]?shard/.test(text)) return { kind: "fsdp", degree: gpuCount, ...base };
  if (/ddp|data parallel/.test(text)) return { kind: "ddp", degree: gpuCount, ...base };
  if (text !== "" && !saysNo(text)) assumed.push(`sharding: ${shortened(row.sharding)} is taken as none`);
  if (saysNo(text) || gpuCount === 1) return { kind: "none", degree: 1, ...base };
  const statesGib = parametersB * (trainable.kind === "full" ? 16 : trainable.kind === "lora" ? 2 : 0.6);
  const kind = tool.name === "verl" ? "fsdp" : statesGib > 40 ? "zero3" : "ddp";
  assumed.push(`sharding: ${kind} over ${String(gpuCount)} GPUs`);
  return { kind, degree: gpuCount, ...base };
}

export function parseOptimizer(row: Row, tool: Tool, assumed: string[]): { optimizer: Optimizer; inBackward: boolean } {
  const text = row.optimizer.toLowerCase();
  const inBackward = /bwd|backward/.test(text);
  const fused = !tool.foreachOptimizer || text.includes("fused") || text === "";
  if (text === "") {
    assumed.push(`optimizer: AdamW${fused ? " (fused)" : ""}`);
    return { optimizer: fused ? "adamw-fused" : "adamw", inBackward };
  }
  if (/paged.*8|8.*paged/.test(text)) return { optimizer: "paged-adamw-8bit", inBackward };
  if (text.includes("paged")) return { optimizer: "paged-adamw-32bit", inBackward };
  if (/8[-_]?bit|adamw8/.test(text)) return { optimizer: "adamw-8bit", inBackward };
  if (text.includes("muon")) return { optimizer: "muon", inBackward };
  if (text.includes("fused")) return { optimizer: "adamw-fused", inBackward };
  if (text.includes("lion")) return { optimizer: "lion", inBackward };
  if (text.includes("adafactor")) return { optimizer: "adafactor", inBackward };
  if (text.includes("sgd")) return { optimizer: "sgd", inBackward };
  return { optimizer: fused ? "adamw-fused" : "adamw", inBackward };
}

/** Longest sequence in a few thousand short instruction samples (Alpaca and its like), tokens. */
const longestShortSample = 650;

export interface Lengths {
  readonly sequence: number;
  readonly completion: number;
  readonly fillShare: number;
}

/** Prompt and completion where a text has both: `512+1024`, `prompt 512, response 1024`; in range each and together. */
function promptAndCompletion(text: string): readonly [number, number] | "wrong" | undefined {
  if (!/\+|prompt/.test(text)) return undefined;
  const numbers = fieldNumbers("seq_len", text);
  const pairs = numbers.slice(1).flatMap((second, i) => {
    const first = numbers[i];
    return first === undefined ? [] : [{ first, second, between: text.slice(first.end, second.start) }];
  });
  const sums = pairs.filter(({ between }) => /^\s*\+\s*$/.test(between));
  const named = pairs.find(
    ({ first, between }) =>
      /prompt\D{0,12}$/.test(text.slice(0, first.start)) && /^\D+(?:resp|compl|output)\D{0,12}$/.test(between),
  );
  const pair = sums[0] ?? named;
  if (pair === undefined) return undefined;
  const { value: prompt } = pair.first;
  const { value: completion } = pair.second;
  // Three lengths: nobody says which are the completion's.
  if (sums.some(({ first }) => first === sums[0]?.second)) return "wrong";
  if (prompt === undefined || completion === undefined || !inRangeOf("seq_len", prompt + completion)) return "wrong";
  return [prompt, completion];
}

/** Mean tokens of a sample: `max (mean ~210 tok/sample)`. */
function meanTokens(row: Row, problems: string[]): number | undefined {
  const behind = row.seq_is.toLowerCase().split("mean ")[1];
  const [number] = behind === undefined || !/^~?\.?\d/.test(behind) ? [] : numbersIn(behind, tokenUnits);
  if (number === undefined) return undefined;
  if (number.value === undefined || !inRangeOf("seq_len", number.value))
    problems.push(`seq_is: ${shownValue(row.seq_is)} must have a mean ${rangeOf("seq_len")} tokens`);
  return number.value;
}

export function parseLengths(row: Row, method: TrainingMethod, assumed: string[], problems: string[]): Lengths {
  const text = row.seq_len.toLowerCase();
  const kind = row.seq_is.toLowerCase();
  const mean = meanTokens(row, problems);
  const pair = promptAndCompletion(text);
  if (pair === "wrong") problems.push(numberProblem("seq_len", row.seq_len));
  else if (pair !== undefined) {
    const [prompt, completion] = pair;
    // Where all logits are computed, or sequences are packed, the prompt's are computed too.
    const all = row.loss_impl.toLowerCase().includes("full logits");
    return { sequence: prompt + completion, completion: all ? prompt + completion : completion, fillShare: 1 };
  }
  const first = pair === "wrong" ? undefined : readNumberField("seq_len", row.seq_len, problems, assumed);
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
  if (mean !== undefined)
    return { sequence: first, completion: Math.ceil(first / 2), fillShare: Math.min(1, mean / first) };
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
  if (/flash|fa[-_]?[1-4]|triton|unsloth/.test(text)) return "flash";
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

export type Precision = "4-bit" | "8-bit" | "16-bit" | "32-bit";

export function parsePrecision(row: Row): Precision | undefined {
  if (wordProblem("weights_precision", row) !== undefined) return undefined;
  const text = row.weights_precision.toLowerCase();
  if (text === "" || /^(unknown|auto|default)/.test(text)) return undefined;
  if (/nf4|int4|fp4|4[-_ ]?bit|gptq|awq|q4/.test(text)) return "4-bit";
  if (/int8|fp8|8[-_ ]?bit/.test(text)) return "8-bit";
  if (/fp32|float32|f32|32[-_ ]?bit|full precision/.test(text)) return "32-bit";
  if (/b?f(p|loat)?16|half|16[-_ ]?bit/.test(text)) return "16-bit";
  return undefined;
}

/** A model's name without its organisation. */
const shortName = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
const shortNames = modelNames.map(shortName);

/** The models of the table whose names begin alike: few slips are in the first letter, and most names differ in it. */
function similarModels(name: string): string[] {
  const first = name.charAt(0).toLowerCase();
  return shortNames.filter((known) => known.charAt(0).toLowerCase() === first);
}

export function parseModel(
  row: Row,
  parametersGiven: number | undefined,
  sizeRefused: boolean,
  assumed: string[],
  problems: string[],
): ModelShape | undefined {
  const known = row.model === "" ? undefined : findShape(row.model, parametersGiven);
  if (known !== undefined) {
    const counted = countParameters(known).total / 1e9;
    if (parametersGiven !== undefined && Math.abs(Math.log(parametersGiven / counted)) > Math.log(1.5))
      assumed.push(
        `params_b: ${shortened(row.params_b)} is not the size of ${known.name}, whose shape with ${counted.toFixed(2)} billion is used`,
      );
    return known;
  }
  const size = parametersGiven ?? sizeFromName(row.model);
  if (size !== undefined && inRangeOf("params_b", size)) {
    assumed.push(`model: shape of a typical decoder with ${String(size)} billion parameters`);
    return interpolateShape(row.model === "" ? "unnamed model" : row.model, size);
  }
  // A size that cannot be read is one mistake: with it mended, the model may need no name.
  if (sizeRefused) return undefined;
  const examples = modelNames.slice(0, 6).join(", ");
  const wrong = row.model === "" ? "is missing" : `${shownValue(row.model)} is not known`;
  problems.push(
    `model: ${wrong}; use one of ${examples}, ... (${String(modelNames.length)} in catalog/models.ts), or give params_b${suggestion(shortName(row.model), similarModels(shortName(row.model)))}`,
  );
  return undefined;
}
