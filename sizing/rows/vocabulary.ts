import { nearest } from "../../validation/explain";
import type { Row, RowField } from "./fields";
import { shownValue } from "../../validation/shownValue";

/** Words that a field may begin with to say no or yes. */
const noWords = "no none not false off 0 n disable disabled without unknown";
const yesWords = "yes true on 1 y enable enabled packed";

const startsWithWord = (words: string): RegExp =>
  new RegExp(String.raw`^(?:${words.replaceAll(" ", "|")})(?![\p{L}\p{N}_])`, "iu");
const no = startsWithWord(noWords);
const yes = startsWithWord(yesWords);

export const saysNo = (text: string): boolean => no.test(text);
export const saysYes = (text: string): boolean => yes.test(text);

interface Vocabulary {
  /** What a message offers; a slip is compared with these. */
  readonly allowed: readonly string[];
  /** What the field's reader knows, without dashes and underscores. */
  readonly words: string;
  /** What may be joined to those (`flash_attention_2`) and says nothing alone. */
  readonly joined?: string;
  /** Count at the beginning of the text only. */
  readonly first?: string;
  /** Several words that are known together only. */
  readonly phrases?: string;
}

const list = (names: string): readonly string[] => names.split(", ");

/** Methods of PEFT by the names of its types, and other adapters by their names; all are counted as low-rank ones. */
const adapters = {
  allowed: list("full, lora, qlora, adapter, peft:<method>, dora, rslora, adalora, vera, ia3"),
  words:
    "lora dora rslora pissa olora adapter adapters peft adalora bone llamapro longlora lorafa loraga loraplus lorapro vera ia3 " +
    "freeze prefix prompt ptuning miss adaptionprompt fourierft frod glora lily peanut adamss boft c3a gralora hira lntuning " +
    "loha lokr oft osf randlora road shira vblora hra xlora poly waveft delora trainabletokens multitaskprompt loftq",
  joined: "llm only tuning 16bit 8bit 4bit bf16 fp16 sft finetune finetuning",
} as const satisfies Vocabulary;
const quantisedAdapters = {
  ...adapters,
  words: "qlora",
  joined: `${adapters.joined} nf4 int4 dq double quant adapter adapters`,
} as const satisfies Vocabulary;
const allWeights = {
  ...adapters,
  words: "full fft all",
  joined: "fine tune tuned tuning finetune finetuned finetuning param params parameter parameters weights ft sft model",
} as const satisfies Vocabulary;

const vocabularies = {
  weights_precision: {
    allowed: list("bf16, fp16, fp32, int8, fp8, nf4, int4, 4bit, 8bit, gptq, awq"),
    words:
      "nf4 int4 uint4 fp4 nvfp4 mxfp4 4bit gptq awq q4 q40 q41 q4k q4km q4ks int8 fp8 8bit fp32 float32 f32 32bit bf16 bfp16 bfloat16 fp16 float16 f16 half 16bit",
    joined:
      "dq double quant load in bnb bitsandbytes torch w a16 weights only dynamic marlin precision master mixed e4m3 llmint8",
    first: "unknown auto default",
    phrases: "full precision|(?:4|8|16|32) bit",
  },
  train_dtype: {
    allowed: list("bf16, fp16, fp32, tf32, fp8, mixed, amp_bf16, amp_fp16, amp_fp8, bf16-true, bf16-mixed, auto"),
    words: "bf16 fp16 amp fp8 float8 fp32 float32 tf32 mixed",
    joined: "true pure 16 32 precision torch mp dtype native transformer engine e4m3 hybrid",
    first: `${noWords} auto automatic`,
  },
  optimizer: {
    allowed: list(
      "AdamW, AdamW fused, adamw_8bit, paged_adamw_8bit, paged_adamw_32bit, adam, muon, lion, adafactor, sgd, lora-fa",
    ),
    words: "paged 8bit adamw8 muon fused lion lionw adafactor sgd adam adamw adamax nadam radam lorafa",
    joined:
      "torch xla npu apex bnb hf 32bit 16bit 4bit bit fp8 one zero 1 deepspeed ds cpu offload schedule free stable galore apollo " +
      "layerwise grok mini anyprecision distributed dist decoupled momentum nesterov bwd backward in optimizer kahan foreach " +
      "torchao ao q qgalore bitsandbytes",
  },
  seq_is: {
    allowed: list("exact, max, mean, longest, dynamic, padded, packed, fixed, short, average, unknown"),
    words:
      "exact max maximum mean longest dynamic pad padded padding pack packed packing unpacked fixed short average unknown",
    joined: "length len seq sample samples sequence sequences tokens",
  },
  sharding: {
    allowed: list(
      "none, DDP, FSDP, FSDP2, FSDP FULL_SHARD, FSDP SHARD_GRAD_OP, FSDP HYBRID_SHARD, ZeRO-1, ZeRO-2, ZeRO-3, DeepSpeed ZeRO-3, Megatron TP4 PP2",
    ),
    words: "fsdp hsdp hybrid fullshard gradop ddp dataparallel zero deepspeed stage megatron",
    joined: String.raw`shard sharded lm core bridge torch qlora lora offload infinity accelerate native v \d+`,
    first: noWords,
    phrases: "full(?:y)? shard(?:ed)?|grad op|data parallel",
  },
  cpu_offload: {
    allowed: list("yes, no, true, false, params, optimizer, params+grads+opt, activations, cpu, deepspeed"),
    words:
      "param params parameter parameters opt optim optimizer optimizers grad grads gradient gradients state states act acts activation activations deepspeed cpu yes true",
    joined: "offload offloads offloaded offloading to and only zero",
    first: `${noWords} ${yesWords}`,
  },
  activation_ckpt: {
    allowed: list(
      "yes, no, true, false, full, selective, full+act offload, unsloth offloaded, recompute, checkpointing",
    ),
    words:
      "selective yes true full on enable enabled offload offloaded offloading unsloth all recompute recomputed recomputation ckpt checkpoint checkpoints checkpointed checkpointing",
    joined:
      "op ops act activation activations gradient gradients grad layer layers block blocks cpu torch hf ac sac mode",
    first: `${noWords} ${yesWords}`,
  },
  attention: {
    allowed: list(
      "sdpa, eager, flash, flash_attention_2, flash_attention_3, FA2, FA3, triton, xformers, flex, unsloth, default",
    ),
    words:
      "flash fa1 fa2 fa3 fa4 triton unsloth eager sdpa scaleddotproduct scaleddotproductattention xformers xformer flex memeff memefficient memoryefficient",
    joined: "attn attention 1 2 3 4 v v1 v2 v3 v4 torch pytorch hf varlen paged kernel kernels hub cuda cudnn",
    first: `${noWords} default auto`,
    phrases: "mem(?:ory)? eff(?:icient)?",
  },
  loss_impl: {
    allowed: list(
      "CE, HF CE, full logits, chunked CE, fused CE, liger, cut cross-entropy, cross-entropy, unsloth, default",
    ),
    words: "unsloth liger fused cut cce chunk chunks chunked ce crossentropy entropy logits full hf",
    joined: "cross loss with output linear kernel kernels torch litgpt apple flash triton vocab parallel causal lm for",
    first: `${noWords} default auto`,
  },
  packing: {
    allowed: list("yes, no, true, false, packed, padding-free, varlen"),
    words: "paddingfree varlen",
    joined: "flash attn attention",
    first: `${noWords} ${yesWords}`,
    phrases: "padding free",
  },
  compile: { allowed: list("yes, no, true, false"), words: "", first: `${noWords} ${yesWords}` },
  vllm_mode: {
    allowed: list("colocate, server, no, colocate+standby, hybrid, async, disaggregated, separate node"),
    words:
      "server disaggregated async asynchronous coloc colocate colocated colocation hybrid standby yes true separatenode separatenodes",
    joined: "vllm mode engine http sleep remote process",
    first: `${noWords} ${yesWords}`,
    phrases: "separate nodes?",
  },
  peak_metric: {
    allowed: list(
      "torch max reserved, torch max allocated, torch max active, nvidia-smi, process, device, reported, reserved, allocated, active",
    ),
    words:
      "reserved allocated active smi process processes device devices reported script scripts estimate estimates estimated gpu gpus memory vram",
    joined: "max peak mem torch pytorch cuda nvidia like total used usage by of bytes measure measured actor per",
  },
} as const satisfies Partial<Record<RowField, Vocabulary>>;

type WordField = keyof typeof vocabularies;

/** Letters and digits with dashes and underscores between them: `lora-foo` is one word, and not `lora`. */
const wordPattern = /[\p{L}\p{N}]+(?:[_-]+[\p{L}\p{N}]+)*/gu;
const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(wordPattern) ?? [];
const glued = (word: string): string => word.replace(/[_-]/g, "");

/** The longest first, so that `adamw` is not taken for `adam` and a rest. */
const oneOf = (words: string): string =>
  words
    .split(" ")
    .filter((word) => word !== "")
    .sort((one, other) => other.length - one.length)
    .join("|");

/** Whether a word, or a text, is known; built once for each vocabulary. */
interface Reader {
  readonly word: (word: string) => boolean;
  readonly text: (text: string) => boolean;
}

function readerOf({ words, joined = "", first = "", phrases }: Vocabulary): Reader {
  const parts = new RegExp(oneOf(`${words} ${joined}`), "g");
  const known = new Set(words.split(" ").filter((word) => word !== ""));
  // A word is known if nothing is left of it without its parts, and one of these says something. Dashes may stand inside a
  // part (`8-bit`), or keep two apart that would be read as others (`optimizer_states`).
  const word = (text: string): boolean =>
    words !== "" &&
    [text.toLowerCase(), glued(text.toLowerCase())].some(
      (plain) => glued(plain.replace(parts, "")) === "" && (plain.match(parts) ?? []).some((part) => known.has(part)),
    );
  const beginning = first === "" ? undefined : new RegExp(String.raw`^(?:${oneOf(first)})(?![\p{L}\p{N}_-])`, "iu");
  const phrase =
    phrases === undefined
      ? undefined
      : new RegExp(String.raw`(?<![\p{L}\p{N}_-])(?:${phrases})(?![\p{L}\p{N}_-])`, "iu");
  const text = (whole: string): boolean =>
    beginning?.test(whole) === true || phrase?.test(whole) === true || wordsOf(whole).some(word);
  return { word, text };
}

const readers: ReadonlyMap<WordField, Reader> = new Map(
  Object.entries(vocabularies).map(([field, vocabulary]) => [field as WordField, readerOf(vocabulary)]),
);

/** "; did you mean adamw?", or nothing. */
export const didYouMean = (near: string | undefined): string => (near === undefined ? "" : `; did you mean ${near}?`);

/** The nearest of the allowed words, as a message says it. */
export const suggestion = (text: string, allowed: readonly string[]): string => didYouMean(nearest(text, allowed));

/** The allowed word nearest to the text, to one of its words or to a part of one; one or two letters are near to too much. */
function nearestInside(text: string, allowed: readonly string[]): string | undefined {
  const words = wordsOf(text);
  const parts = words.flatMap((word) => word.split(/[_-]+/));
  const candidates = [...allowed, ...allowed.flatMap((entry) => entry.split(" "))];
  return [text, ...[...words, ...parts].filter((word) => word.length > 2)]
    .map((word) => nearest(word, candidates))
    .find((near) => near !== undefined);
}

const notOneOf = (field: RowField, written: string, allowed: readonly string[]): string =>
  `${field}: ${shownValue(written)} is not one of ${allowed.join(", ")}${didYouMean(nearestInside(written, allowed))}`;

/** What is wrong with a field's text, if it has no word that the field's reader knows; a blank has nothing wrong. */
export function wordProblem(field: WordField, row: Row): string | undefined {
  const written = row[field];
  // Underscores part the words of a sharding: `NO_SHARD`.
  const text = field === "sharding" ? written.replaceAll("_", " ") : written;
  if (written === "" || readers.get(field)?.text(text) === true) return undefined;
  return notOneOf(field, written, vocabularies[field].allowed);
}

/** Finds fields without any known word; that of sharding may be a degree, which its own check knows. */
export function checkWords(row: Row, problems: string[]): void {
  for (const field of readers.keys()) {
    const problem = field === "sharding" ? undefined : wordProblem(field, row);
    if (problem !== undefined) problems.push(problem);
  }
}

export type TrainablePart = "full" | "adapter" | "quantised adapter";

const adapterReader = readerOf(adapters);
const trainableReaders: readonly (readonly [TrainablePart, Reader])[] = [
  ["full", readerOf(allWeights)],
  ["quantised adapter", readerOf(quantisedAdapters)],
  ["adapter", adapterReader],
];

/** The trainable part by the first word of the text, and the method behind `peft:`; undefined where one is not known. */
function knownPart(text: string): TrainablePart | undefined {
  const [first, second] = wordsOf(text);
  if (first === undefined || !text.toLowerCase().startsWith(first)) return undefined;
  const part = trainableReaders.find(([, reader]) => reader.word(first))?.[0];
  if (part !== "adapter" || second === undefined || !/^peft\s*:/i.test(text)) return part;
  return adapterReader.word(second) ? part : undefined;
}

/** Undefined for a part that is not known: what else contradicts it cannot be said. */
export function parseTrainablePart(row: Row, assumed: string[], problems: string[]): TrainablePart | undefined {
  if (row.trainable === "") {
    assumed.push("trainable: full");
    return "full";
  }
  const part = knownPart(row.trainable);
  if (part === undefined) problems.push(notOneOf("trainable", row.trainable, adapters.allowed));
  return part;
}
