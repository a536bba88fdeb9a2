import { z } from "zod";
import { models, type ModelShape } from "../catalog/models";

export type { ModelShape } from "../catalog/models";

/** Parameters by part: what the embeddings hold and what one layer holds. */
export interface ParameterCounts {
  readonly total: number;
  readonly embedding: number;
  /** Zero when the head shares the embedding's weights. */
  readonly head: number;
  readonly perLayer: number;
  /** Part of one layer that is linear weights: what is quantised by 4-bit loaders and targeted by adapters. */
  readonly linearPerLayer: number;
  /** Part of that which one token passes through: less than all where there are several experts. */
  readonly activeLinearPerLayer: number;
}

const counted = new WeakMap<ModelShape, ParameterCounts>();

/** Counts parameters from the shape; `parametersB` of the shape, if any, scales the layers so that the total agrees. */
export function countParameters(shape: ModelShape): ParameterCounts {
  const known = counted.get(shape);
  if (known !== undefined) return known;
  const counts = countAll(shape);
  counted.set(shape, counts);
  return counts;
}

function countAll(shape: ModelShape): ParameterCounts {
  const embedding = shape.vocabulary * shape.hidden;
  const head = shape.tiedEmbeddings ? 0 : embedding;
  const query = shape.heads * shape.headDimension;
  const keyValue = shape.keyValueHeads * shape.headDimension;
  const attention = shape.hidden * (query + 2 * keyValue) + query * shape.hidden;
  const mlp = (shape.gatedMlp ? 3 : 2) * shape.hidden * shape.intermediate;
  const counted = attention + mlp * (shape.experts?.total ?? 1);
  const norms = shape.normsPerLayer * shape.hidden;
  let linearPerLayer = counted;
  if (shape.parametersB !== undefined) {
    const wanted = (shape.parametersB * 1e9 - embedding - head) / shape.layers - norms;
    linearPerLayer = Math.max(counted * 0.05, wanted);
  }
  const activeShare = (attention + mlp * (shape.experts?.active ?? 1)) / counted;
  const perLayer = linearPerLayer + norms;
  return {
    total: embedding + head + perLayer * shape.layers,
    embedding,
    head,
    perLayer,
    linearPerLayer,
    activeLinearPerLayer: linearPerLayer * activeShare,
  };
}

/** Width of the feed-forward part that one token's activations take: that of all experts it passes through. */
export const activeIntermediate = (shape: ModelShape): number => shape.intermediate * (shape.experts?.active ?? 1);

/**
 * Parameters that low-rank adapters of this rank add, over all layers. Experts are fused tensors that adapter libraries
 * pass over, so a mixture of experts has adapters on its attention only.
 */
export function countAdapterParameters(shape: ModelShape, rank: number, targets: AdapterTargets): number {
  const query = shape.heads * shape.headDimension;
  const keyValue = shape.keyValueHeads * shape.headDimension;
  const { hidden: h, intermediate: f } = shape;
  let perRank: number;
  switch (targets) {
    case "query-value":
      perRank = h + query + (h + keyValue);
      break;
    case "attention":
      perRank = h + query + 2 * (h + keyValue) + (query + h);
      break;
    case "all-linear":
      perRank = h + query + 2 * (h + keyValue) + (query + h);
      if (shape.experts === undefined) perRank += (shape.gatedMlp ? 3 : 2) * (h + f);
      break;
  }
  return perRank * rank * shape.layers;
}

/** Which linear layers carry adapters. */
export type AdapterTargets = "query-value" | "attention" | "all-linear";

/** Endings that say how a model was tuned, quantised or packed for others, and nothing about its shape. */
const variantEnding = new RegExp(
  `-(${[
    "instruct|chat|base|it|hf|sft|dpo|rlhf|pt|text|preview|deduped|beta|latest",
    "bnb-4bit|unsloth|gptq(-int[48])?|awq|gguf|int[48]|[48]bit|fp8|bf16|fp16|qat",
    String.raw`v\d+(\.\d+)?|\d{4}|\d{6}|\d+k|1m`,
  ].join("|")})$`,
);

/** A name without organisation, remarks in brackets and endings of variants, in lower case with dashes. */
function normalise(name: string): string {
  let text = name
    .toLowerCase()
    .replace(/\/+$/, "")
    .replace(/^.*\//, "")
    .replace(/\s*\(.*\)\s*/g, " ")
    .trim()
    .replace(/[_\s]+/g, "-")
    .replace(/^(meta|hf|mlx)-(?=llama)/, "");
  for (let shorter = text.replace(variantEnding, ""); shorter !== text && shorter !== "";) {
    text = shorter;
    shorter = text.replace(variantEnding, "");
  }
  return text;
}

interface Alias {
  readonly pattern: RegExp;
  readonly name: string;
}

const alias = (pattern: RegExp, name: string): Alias => ({ pattern, name });

/** Other names of the same shapes: instruction-tuned, distilled, quantised and multimodal variants of a text model. */
const aliases: readonly Alias[] = [
  alias(/deepseek-r1.*(llama)-?8b/, "meta-llama/Llama-3.1-8B"),
  alias(/deepseek-r1.*(llama)-?70b/, "meta-llama/Llama-3.1-70B"),
  alias(/deepseek-r1.*qwen-?1\.5b/, "Qwen/Qwen2.5-1.5B"),
  alias(/deepseek-r1.*qwen-?7b/, "Qwen/Qwen2.5-7B"),
  alias(/deepseek-r1.*qwen-?14b/, "Qwen/Qwen2.5-14B"),
  alias(/deepseek-r1.*qwen-?32b/, "Qwen/Qwen2.5-32B"),
  alias(/deepseek-r1.*qwen3-?8b/, "Qwen/Qwen3-8B"),
  alias(/qwen-?2\.5.*?-0\.5b/, "Qwen/Qwen2.5-0.5B"),
  alias(/qwen-?2\.5.*?-1\.5b/, "Qwen/Qwen2.5-1.5B"),
  alias(/qwen-?2\.5.*?-3b/, "Qwen/Qwen2.5-3B"),
  alias(/qwen-?2\.5.*?-7b/, "Qwen/Qwen2.5-7B"),
  alias(/qwen-?2\.5.*?-14b/, "Qwen/Qwen2.5-14B"),
  alias(/qwen-?2\.5.*?-32b/, "Qwen/Qwen2.5-32B"),
  alias(/qwen-?2\.5.*?-72b/, "Qwen/Qwen2.5-72B"),
  alias(/qwen-?2(-math|-vl|-coder)?-0\.5b/, "Qwen/Qwen2-0.5B"),
  alias(/qwen-?2(-math|-vl|-coder)?-1\.5b/, "Qwen/Qwen2-1.5B"),
  alias(/qwen-?2(-math|-vl|-coder)?-7b/, "Qwen/Qwen2-7B"),
  alias(/qwen-?2(-math|-vl|-coder)?-72b/, "Qwen/Qwen2-72B"),
  alias(/qwen3(-[a-z]+)*-0\.6b/, "Qwen/Qwen3-0.6B"),
  alias(/qwen3(-[a-z]+)*-1\.7b/, "Qwen/Qwen3-1.7B"),
  alias(/qwen3(-[a-z]+)*-4b/, "Qwen/Qwen3-4B"),
  alias(/qwen3(-[a-z]+)*-8b/, "Qwen/Qwen3-8B"),
  alias(/qwen3(-[a-z]+)*-14b/, "Qwen/Qwen3-14B"),
  alias(/qwen3(-[a-z]+)*-32b/, "Qwen/Qwen3-32B"),
  alias(/^qwen(1)?(-chat)?-1\.8b|^qwen-1-8b/, "Qwen/Qwen-1.8B"),
  alias(/^qwen-7b/, "Qwen/Qwen-7B"),
  alias(/^qwen-14b/, "Qwen/Qwen-14B"),
  alias(/^qwen-72b/, "Qwen/Qwen-72B"),
  alias(/llama-?3\.2.*-1b|llama-oute.*-1b/, "meta-llama/Llama-3.2-1B"),
  alias(/llama-?3\.2.*-3b/, "meta-llama/Llama-3.2-3B"),
  alias(/llama-?3(\.[013])?.*-8b/, "meta-llama/Llama-3.1-8B"),
  alias(/llama-?3(\.[0-9])?.*-70b|^tulu-3-70b/, "meta-llama/Llama-3.1-70B"),
  alias(/llama-?3(\.[0-9])?.*-405b/, "meta-llama/Llama-3.1-405B"),
  alias(/llama-?2.*-7b|^llama-?1?-7b|code-?llama-7b|vicuna-7b|open-llama-7b/, "meta-llama/Llama-2-7B"),
  alias(/llama-?2.*-13b|^llama-?1?-13b|code-?llama-13b|vicuna-13b|open-llama-13b/, "meta-llama/Llama-2-13B"),
  alias(/^llama-?1?-3[03]b|vicuna-33b/, "huggyllama/llama-30b"),
  alias(/^llama-?1?-65b/, "huggyllama/llama-65b"),
  alias(/qwen-?1\.5-moe/, "Qwen/Qwen1.5-MoE-A2.7B"),
  alias(/qwen3.*-30b-a3b/, "Qwen/Qwen3-30B-A3B"),
  alias(/qwen3.*-235b-a22b/, "Qwen/Qwen3-235B-A22B"),
  alias(/mixtral-8x7b/, "mistralai/Mixtral-8x7B"),
  alias(/mixtral-8x22b/, "mistralai/Mixtral-8x22B"),
  alias(/^llama-4-scout/, "meta-llama/Llama-4-Scout-17B-16E"),
  alias(/moonlight-16b/, "moonshotai/Moonlight-16B-A3B"),
  alias(/deepseek-v2-lite/, "deepseek-ai/DeepSeek-V2-Lite"),
  alias(/deepseek-(v3|r1)(\.1)?(-0528|-0324|-zero)?$/, "deepseek-ai/DeepSeek-V3"),
  alias(/mistral-large/, "mistralai/Mistral-Large-123B"),
  alias(/codestral/, "mistralai/Codestral-22B"),
  alias(/^granite-3\.\d-2b/, "ibm-granite/granite-3-2b"),
  alias(/^granite-3\.\d-8b/, "ibm-granite/granite-3-8b"),
  alias(/olmo-2.*-7b/, "allenai/OLMo-2-7B"),
  alias(/olmo-2.*-13b/, "allenai/OLMo-2-13B"),
  alias(/stablelm(-zephyr|-instruct|-alpaca)?-3b/, "stabilityai/stablelm-3b-4e1t"),
  alias(/redpajama-incite.*3b/, "togethercomputer/RedPajama-INCITE-3B"),
  alias(/redpajama-incite.*7b/, "togethercomputer/RedPajama-INCITE-7B"),
  alias(/internlm2(\.5)?-7b/, "internlm/internlm2-7b"),
  alias(/internlm2(\.5)?-20b/, "internlm/internlm2-20b"),
  alias(/^yi-1\.5-6b/, "01-ai/Yi-6B"),
  alias(/^yi-1\.5-9b|^yi-9b/, "01-ai/Yi-9B"),
  alias(/solar-10\.7b/, "upstage/SOLAR-10.7B"),
  alias(/command-r$|command-r-v01/, "CohereForAI/c4ai-command-r-35b"),
  alias(/deepseek-(math|coder.*)?-?7b/, "deepseek-ai/deepseek-llm-7b"),
  alias(/llama-?2.*-70b/, "meta-llama/Llama-2-70B"),
  alias(/tiny-?llama/, "TinyLlama/TinyLlama-1.1B"),
  alias(/smollm3/, "HuggingFaceTB/SmolLM3-3B"),
  alias(/smollm2?-135m/, "HuggingFaceTB/SmolLM2-135M"),
  alias(/smollm2?-360m/, "HuggingFaceTB/SmolLM2-360M"),
  alias(/smollm2?-1\.7b/, "HuggingFaceTB/SmolLM2-1.7B"),
  alias(/^gemma-?2-2b/, "google/gemma-2-2b"),
  alias(/^gemma-?2-9b/, "google/gemma-2-9b"),
  alias(/^gemma-?2-27b/, "google/gemma-2-27b"),
  alias(/gemma-?3-270m/, "google/gemma-3-270m"),
  alias(/gemma-?3-1b/, "google/gemma-3-1b"),
  alias(/gemma-?3-4b/, "google/gemma-3-4b"),
  alias(/gemma-?3-12b/, "google/gemma-3-12b"),
  alias(/gemma-?3-27b/, "google/gemma-3-27b"),
  alias(/gemma(-1\.1)?-2b/, "google/gemma-2b"),
  alias(/gemma(-1\.1)?-7b/, "google/gemma-7b"),
  alias(/mistral-nemo/, "mistralai/Mistral-Nemo-12B"),
  alias(/mistral-small.*(2409|22b)/, "mistralai/Mistral-Small-22B"),
  alias(/mistral-small|magistral-small|devstral-small/, "mistralai/Mistral-Small-24B"),
  alias(/mistral-7b|zephyr-7b/, "mistralai/Mistral-7B"),
  alias(/^phi-?2/, "microsoft/phi-2"),
  alias(/^phi-?3(\.5)?(-mini.*)?$/, "microsoft/Phi-3-mini"),
  alias(/^phi-?3(\.5)?-medium/, "microsoft/Phi-3-medium"),
  alias(/^phi-?4-mini/, "microsoft/Phi-4-mini"),
  alias(/^phi-?4/, "microsoft/Phi-4-14B"),
  alias(/^yi(-1\.5)?-34b/, "01-ai/Yi-34B"),
  alias(/falcon-7b/, "tiiuae/falcon-7b"),
  alias(/falcon-40b/, "tiiuae/falcon-40b"),
  alias(/stablelm-?(base|tuned)?-?alpha(-3b)?/, "stabilityai/stablelm-base-alpha-3b"),
  alias(/stablelm-2-1/, "stabilityai/stablelm-2-1.6b"),
  alias(/bloomz?-7b/, "bigscience/bloomz-7b1"),
  alias(/glm-4-9b/, "THUDM/GLM-4-9B"),
  alias(/olmo-?3-7b/, "allenai/OLMo-3-7B"),
  alias(/seed-oss-36b/, "ByteDance/Seed-OSS-36B"),
  alias(/^t0-3b/, "bigscience/T0_3B"),
  alias(/mt0-xxl/, "bigscience/mt0-xxl"),
];

const byName = new Map(models.map((shape) => [shape.name, shape]));
const byShortName = new Map(models.map((shape) => [normalise(shape.name), shape]));

/**
 * Shape of a model by hub id or common name, whatever the case, prefix (`unsloth/`) or suffix (`-Instruct`, `-bnb-4bit`).
 * For bare family names such as `Llama 2` or `Falcon` the number of parameters picks the member.
 */
export function findShape(name: string, parametersB?: number): ModelShape | undefined {
  const exact = byName.get(name) ?? byShortName.get(normalise(name));
  if (exact !== undefined) return exact;
  const text = normalise(name);
  for (const entry of aliases) if (entry.pattern.test(text)) return byName.get(entry.name);
  if (parametersB !== undefined && sizeFromName(name) === undefined) {
    // Names round their sizes: 7.6 is called 7b, 1.54 1.5b and 68.98 70b.
    const roundings = [Math.round(parametersB), Number(parametersB.toFixed(1)), Math.floor(parametersB)].concat(
      Math.round(parametersB / 10) * 10,
    );
    for (const rounded of roundings) {
      const sized = `${text}-${String(rounded)}b`;
      const member = byShortName.get(sized);
      if (member !== undefined) return member;
      for (const entry of aliases) if (entry.pattern.test(sized)) return byName.get(entry.name);
    }
  }
  return undefined;
}

/** Size in billions of parameters that a name states, for example 14 for `Qwen3-14B-Base` and 30 for `Qwen3-30B-A3B`. */
export function sizeFromName(name: string): number | undefined {
  const match = /(?:^|[-_ a-wyz])(\d+(?:\.\d+)?)(b|m)(?=$|[-_ ])/.exec(normalise(name));
  if (match === null) return undefined;
  const value = Number(match[1]);
  return match[2] === "m" ? value / 1000 : value;
}

/** Models of one generation and many sizes, by which the shape of an unknown model is guessed. */
const typicalDecoders = [
  "Qwen/Qwen3-0.6B",
  "meta-llama/Llama-3.2-1B",
  "Qwen/Qwen2.5-1.5B",
  "meta-llama/Llama-3.2-3B",
  "Qwen/Qwen3-4B",
  "Qwen/Qwen2.5-7B",
  "meta-llama/Llama-3.1-8B",
  "Qwen/Qwen3-14B",
  "Qwen/Qwen2.5-32B",
  "meta-llama/Llama-3.1-70B",
  "meta-llama/Llama-3.1-405B",
].map(shapeNamed);

function shapeNamed(name: string): ModelShape {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`catalog/models.ts has no ${name}`);
  return found;
}

/**
 * A plausible shape for a model of which only the size is known: the nearest modern grouped-query model of the table,
 * with its layers scaled so that the parameters agree. A name such as `X-80B-A3B` gives a mixture of experts, and Gemma
 * keeps its large vocabulary.
 */
export function interpolateShape(name: string, parametersB: number): ModelShape {
  if (/-a\d+(\.\d+)?b/i.test(name)) return { ...shapeNamed("Qwen/Qwen3-30B-A3B"), name, parametersB };
  const distance = (shape: ModelShape): number => Math.abs(Math.log(countParameters(shape).total / 1e9 / parametersB));
  const nearest = typicalDecoders.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  const gemma = /gemma/i.test(name) ? { vocabulary: 262144, tiedEmbeddings: true } : {};
  return { ...nearest, ...gemma, name, parametersB };
}

const configSchema = z.object({
  num_hidden_layers: z.number().int().positive().optional(),
  n_layer: z.number().int().positive().optional(),
  hidden_size: z.number().int().positive().optional(),
  n_embd: z.number().int().positive().optional(),
  num_attention_heads: z.number().int().positive().optional(),
  n_head: z.number().int().positive().optional(),
  num_key_value_heads: z.number().int().positive().optional(),
  head_dim: z.number().int().positive().nullish(),
  intermediate_size: z.number().int().positive().optional(),
  n_inner: z.number().int().positive().nullish(),
  vocab_size: z.number().int().positive(),
  tie_word_embeddings: z.boolean().optional(),
  hidden_act: z.string().optional(),
  rms_norm_eps: z.number().optional(),
  model_type: z.string().optional(),
  num_local_experts: z.number().int().positive().optional(),
  num_experts: z.number().int().positive().optional(),
  num_experts_per_tok: z.number().int().positive().optional(),
  moe_intermediate_size: z.number().int().positive().optional(),
  final_logit_softcapping: z.number().nullish(),
});

/**
 * Reads a model's shape from its `config.json` (as an object).
 * @throws when a field that the shape needs is missing, naming the field.
 */
export function shapeFromConfig(name: string, config: unknown): ModelShape {
  const parsed = configSchema.parse(config);
  const layers = parsed.num_hidden_layers ?? parsed.n_layer;
  const hidden = parsed.hidden_size ?? parsed.n_embd;
  const heads = parsed.num_attention_heads ?? parsed.n_head;
  const missing = [
    layers === undefined ? "num_hidden_layers" : "",
    hidden === undefined ? "hidden_size" : "",
    heads === undefined ? "num_attention_heads" : "",
  ].filter((field) => field !== "");
  if (layers === undefined || hidden === undefined || heads === undefined)
    throw new Error(`config.json of ${name} has no ${missing.join(", ")}; give the file of a decoder model`);
  const rms = parsed.rms_norm_eps !== undefined;
  const family = parsed.model_type ?? "";
  const experts = parsed.num_local_experts ?? parsed.num_experts;
  return {
    name,
    layers,
    hidden,
    heads,
    keyValueHeads: parsed.num_key_value_heads ?? heads,
    headDimension: parsed.head_dim ?? hidden / heads,
    intermediate:
      (experts === undefined ? undefined : parsed.moe_intermediate_size) ??
      parsed.intermediate_size ??
      parsed.n_inner ??
      4 * hidden,
    ...(experts === undefined ? {} : { experts: { total: experts, active: parsed.num_experts_per_tok ?? 2 } }),
    vocabulary: parsed.vocab_size,
    tiedEmbeddings: parsed.tie_word_embeddings ?? family.startsWith("gemma"),
    gatedMlp: rms || (parsed.hidden_act ?? "").startsWith("silu"),
    normsPerLayer: /gemma[23]/.test(family) ? 4 : 2,
    rmsNorm: rms,
    queryKeyNorm: /qwen3|gemma3|olmo/.test(family),
    halfPrecisionLoss: false,
    logitSoftcap: parsed.final_logit_softcapping !== undefined && parsed.final_logit_softcapping !== null,
  };
}

/** Names of all shapes in the table, for error messages. */
export const modelNames: readonly string[] = models.map((shape) => shape.name);
