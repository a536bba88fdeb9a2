/**
 * Shapes of decoder models, copied from the `config.json` that each publisher ships with the weights
 * (huggingface.co/<id>/blob/main/config.json). MPT: github.com/mosaicml/llm-foundry scripts/train/benchmarking.
 * Other models can be read from a `config.json` with `shapeFromConfig`.
 */
export interface ModelShape {
  /** Hub id or common name. */
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDimension: number;
  /** Width of the feed-forward layer; of one expert where there are several. */
  readonly intermediate: number;
  /** Mixture of experts: how many a layer holds and how many a token passes through, shared ones included in both. */
  readonly experts?: { readonly total: number; readonly active: number };
  readonly vocabulary: number;
  /** Output head shares the embedding's weights. */
  readonly tiedEmbeddings: boolean;
  /** Two input projections (SwiGLU, GeGLU), or one. */
  readonly gatedMlp: boolean;
  /** Normalisations per layer that work on the hidden state. */
  readonly normsPerLayer: number;
  /** RMSNorm in `transformers` computes in float32; LayerNorm is one fused kernel. */
  readonly rmsNorm: boolean;
  /** Query and key are normalised per head (Qwen3, Gemma 3, OLMo). */
  readonly queryKeyNorm: boolean;
  /** Final logits are soft-capped with tanh (Gemma 2), which keeps another copy of them. */
  readonly logitSoftcap: boolean;
  /** The model's own code takes the loss in the logits' 16-bit type instead of upcasting them first. */
  readonly halfPrecisionLoss: boolean;
  /** Parameters, when they are not those that the shape implies (embeddings of positions, other parts). */
  readonly parametersB?: number;
}

interface Options {
  readonly tied?: boolean;
  readonly gated?: boolean;
  readonly norms?: number;
  readonly rms?: boolean;
  readonly qkNorm?: boolean;
  readonly softcap?: boolean;
  readonly halfPrecisionLoss?: boolean;
  readonly headDimension?: number;
  readonly experts?: readonly [total: number, active: number];
  readonly parametersB?: number;
}

const shape = (
  name: string,
  [layers, hidden, heads, keyValueHeads, intermediate, vocabulary]: readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ],
  o: Options = {},
): ModelShape => ({
  name,
  layers,
  hidden,
  heads,
  keyValueHeads,
  headDimension: o.headDimension ?? hidden / heads,
  intermediate,
  vocabulary,
  tiedEmbeddings: o.tied ?? false,
  gatedMlp: o.gated ?? true,
  normsPerLayer: o.norms ?? 2,
  rmsNorm: o.rms ?? true,
  queryKeyNorm: o.qkNorm ?? false,
  logitSoftcap: o.softcap ?? false,
  halfPrecisionLoss: o.halfPrecisionLoss ?? false,
  ...(o.experts === undefined ? {} : { experts: { total: o.experts[0], active: o.experts[1] } }),
  ...(o.parametersB === undefined ? {} : { parametersB: o.parametersB }),
});

const plain: Options = { gated: false, rms: false };
const gemma2: Options = { tied: true, norms: 4, headDimension: 256, softcap: true };
const gemma3: Options = { tied: true, norms: 4, headDimension: 256, qkNorm: true };
// huggingface.co/Qwen/Qwen-7B modeling_qwen.py: cross-entropy on the logits as they are.
const qwen1: Options = { halfPrecisionLoss: true };
const qwen3: Options = { qkNorm: true, headDimension: 128 };
const tiedPlain: Options = { ...plain, tied: true };

export const models: readonly ModelShape[] = [
  shape("meta-llama/Llama-3.2-1B", [16, 2048, 32, 8, 8192, 128256], { tied: true }),
  shape("meta-llama/Llama-3.2-3B", [28, 3072, 24, 8, 8192, 128256], { tied: true }),
  shape("meta-llama/Llama-3.1-8B", [32, 4096, 32, 8, 14336, 128256]),
  shape("meta-llama/Llama-3-8B", [32, 4096, 32, 8, 14336, 128256]),
  shape("meta-llama/Llama-3.1-70B", [80, 8192, 64, 8, 28672, 128256]),
  shape("meta-llama/Llama-3.3-70B", [80, 8192, 64, 8, 28672, 128256]),
  shape("meta-llama/Llama-3-70B", [80, 8192, 64, 8, 28672, 128256]),
  shape("meta-llama/Llama-3.1-405B", [126, 16384, 128, 8, 53248, 128256]),
  shape("meta-llama/Llama-2-7B", [32, 4096, 32, 32, 11008, 32000]),
  shape("meta-llama/Llama-2-13B", [40, 5120, 40, 40, 13824, 32000]),
  shape("meta-llama/Llama-2-70B", [80, 8192, 64, 8, 28672, 32000]),
  shape("TinyLlama/TinyLlama-1.1B", [22, 2048, 32, 4, 5632, 32000]),
  shape("Qwen/Qwen2.5-0.5B", [24, 896, 14, 2, 4864, 151936], { tied: true }),
  shape("Qwen/Qwen2.5-1.5B", [28, 1536, 12, 2, 8960, 151936], { tied: true }),
  shape("Qwen/Qwen2.5-3B", [36, 2048, 16, 2, 11008, 151936], { tied: true }),
  shape("Qwen/Qwen2.5-7B", [28, 3584, 28, 4, 18944, 152064]),
  shape("Qwen/Qwen2.5-14B", [48, 5120, 40, 8, 13824, 152064]),
  shape("Qwen/Qwen2.5-32B", [64, 5120, 40, 8, 27648, 152064]),
  shape("Qwen/Qwen2.5-72B", [80, 8192, 64, 8, 29568, 152064]),
  shape("Qwen/Qwen2-0.5B", [24, 896, 14, 2, 4864, 151936], { tied: true }),
  shape("Qwen/Qwen2-1.5B", [28, 1536, 12, 2, 8960, 151936], { tied: true }),
  shape("Qwen/Qwen2-7B", [28, 3584, 28, 4, 18944, 152064]),
  shape("Qwen/Qwen2-72B", [80, 8192, 64, 8, 29568, 152064]),
  shape("Qwen/Qwen3-0.6B", [28, 1024, 16, 8, 3072, 151936], { ...qwen3, tied: true }),
  shape("Qwen/Qwen3-1.7B", [28, 2048, 16, 8, 6144, 151936], { ...qwen3, tied: true }),
  shape("Qwen/Qwen3-4B", [36, 2560, 32, 8, 9728, 151936], { ...qwen3, tied: true }),
  shape("Qwen/Qwen3-8B", [36, 4096, 32, 8, 12288, 151936], qwen3),
  shape("Qwen/Qwen3-14B", [40, 5120, 40, 8, 17408, 151936], qwen3),
  shape("Qwen/Qwen3-32B", [64, 5120, 64, 8, 25600, 151936], qwen3),
  shape("Qwen/Qwen-1.8B", [24, 2048, 16, 16, 5504, 151936], qwen1),
  shape("Qwen/Qwen-7B", [32, 4096, 32, 32, 11008, 151936], qwen1),
  shape("Qwen/Qwen-14B", [40, 5120, 40, 40, 13696, 152064], qwen1),
  shape("Qwen/Qwen-72B", [80, 8192, 64, 64, 24576, 152064], qwen1),
  shape("HuggingFaceTB/SmolLM3-3B", [36, 2048, 16, 4, 11008, 128256], { tied: true }),
  shape("HuggingFaceTB/SmolLM2-135M", [30, 576, 9, 3, 1536, 49152], { tied: true }),
  shape("HuggingFaceTB/SmolLM2-360M", [32, 960, 15, 5, 2560, 49152], { tied: true }),
  shape("HuggingFaceTB/SmolLM2-1.7B", [24, 2048, 32, 32, 8192, 49152], { tied: true }),
  shape("google/gemma-2b", [18, 2048, 8, 1, 16384, 256000], { tied: true, headDimension: 256 }),
  shape("google/gemma-7b", [28, 3072, 16, 16, 24576, 256000], { tied: true, headDimension: 256 }),
  shape("google/gemma-2-2b", [26, 2304, 8, 4, 9216, 256000], gemma2),
  shape("google/gemma-2-9b", [42, 3584, 16, 8, 14336, 256000], gemma2),
  shape("google/gemma-2-27b", [46, 4608, 32, 16, 36864, 256000], { ...gemma2, headDimension: 128 }),
  shape("google/gemma-3-270m", [18, 640, 4, 1, 2048, 262144], gemma3),
  shape("google/gemma-3-1b", [26, 1152, 4, 1, 6912, 262144], gemma3),
  shape("google/gemma-3-4b", [34, 2560, 8, 4, 10240, 262208], gemma3),
  shape("google/gemma-3-12b", [48, 3840, 16, 8, 15360, 262208], gemma3),
  shape("google/gemma-3-27b", [62, 5376, 32, 16, 21504, 262208], { ...gemma3, headDimension: 128 }),
  shape("mistralai/Mistral-7B", [32, 4096, 32, 8, 14336, 32768]),
  shape("mistralai/Mistral-Nemo-12B", [40, 5120, 32, 8, 14336, 131072], { headDimension: 128 }),
  shape("mistralai/Mistral-Small-22B", [56, 6144, 48, 8, 16384, 32768]),
  shape("mistralai/Mistral-Small-24B", [40, 5120, 32, 8, 32768, 131072], { headDimension: 128 }),
  shape("microsoft/phi-2", [32, 2560, 32, 32, 10240, 51200], { ...plain, norms: 1 }),
  shape("microsoft/Phi-3-mini", [32, 3072, 32, 32, 8192, 32064]),
  shape("microsoft/Phi-4-14B", [40, 5120, 40, 10, 17920, 100352]),
  shape("01-ai/Yi-34B", [60, 7168, 56, 8, 20480, 64000]),
  shape("tiiuae/falcon-7b", [32, 4544, 71, 1, 18176, 65024], { ...plain, norms: 1, tied: true }),
  shape("tiiuae/falcon-40b", [60, 8192, 128, 8, 32768, 65024], { ...plain, tied: true }),
  shape("stabilityai/stablelm-base-alpha-3b", [16, 4096, 32, 32, 16384, 50432], plain),
  shape("stabilityai/stablelm-2-1.6b", [24, 2048, 32, 32, 5632, 100352], { rms: false }),
  shape("bigscience/bloomz-7b1", [30, 4096, 32, 32, 16384, 250880], { ...plain, tied: true }),
  shape("THUDM/GLM-4-9B", [40, 4096, 32, 2, 13696, 151552], { headDimension: 128 }),
  shape("allenai/OLMo-3-7B", [32, 4096, 32, 32, 11008, 100278], { qkNorm: true }),
  shape("ByteDance/Seed-OSS-36B", [64, 5120, 80, 8, 27648, 155136], { headDimension: 128 }),
  shape("mosaicml/MPT-1b", [24, 2048, 16, 16, 8192, 50368], { ...plain, tied: true }),
  shape("mosaicml/MPT-3b", [32, 2560, 20, 20, 10240, 50368], { ...plain, tied: true }),
  shape("mosaicml/MPT-7b", [32, 4096, 32, 32, 16384, 50368], { ...plain, tied: true }),
  shape("mosaicml/MPT-13b", [40, 5120, 40, 40, 20480, 50368], { ...plain, tied: true }),
  shape("mosaicml/MPT-30b", [48, 7168, 64, 64, 28672, 50368], { ...plain, tied: true }),
  shape("mosaicml/MPT-70b", [80, 8192, 64, 64, 32768, 50368], { ...plain, tied: true }),
  // Families that people still train or compare with.
  shape("huggyllama/llama-30b", [60, 6656, 52, 52, 17920, 32000]),
  shape("huggyllama/llama-65b", [80, 8192, 64, 64, 22016, 32000]),
  shape("codellama/CodeLlama-34b", [48, 8192, 64, 8, 22016, 32000]),
  shape("openlm-research/open_llama_3b", [26, 3200, 32, 32, 8640, 32000]),
  shape("Qwen/Qwen1.5-0.5B", [24, 1024, 16, 16, 2816, 151936], { tied: true }),
  shape("Qwen/Qwen1.5-1.8B", [24, 2048, 16, 16, 5504, 151936]),
  shape("Qwen/Qwen1.5-4B", [40, 2560, 20, 20, 6912, 151936]),
  shape("Qwen/Qwen1.5-7B", [32, 4096, 32, 32, 11008, 151936]),
  shape("Qwen/Qwen1.5-14B", [40, 5120, 40, 40, 13696, 152064]),
  shape("Qwen/Qwen1.5-32B", [64, 5120, 40, 8, 27392, 152064]),
  shape("Qwen/Qwen1.5-72B", [80, 8192, 64, 64, 24576, 152064]),
  shape("Qwen/Qwen1.5-110B", [80, 8192, 64, 8, 49152, 152064]),
  shape("Qwen/QwQ-32B", [64, 5120, 40, 8, 27648, 152064]),
  shape("mistralai/Ministral-8B", [36, 4096, 32, 8, 12288, 131072], { headDimension: 128 }),
  shape("mistralai/Codestral-22B", [56, 6144, 48, 8, 16384, 32768]),
  shape("mistralai/Mistral-Large-123B", [88, 12288, 96, 8, 28672, 32768]),
  shape("microsoft/phi-1.5", [24, 2048, 32, 32, 8192, 51200], { ...plain, norms: 1 }),
  shape("microsoft/Phi-3-medium", [40, 5120, 40, 10, 17920, 32064]),
  shape("microsoft/Phi-4-mini", [32, 3072, 24, 8, 8192, 200064], { tied: true }),
  shape("openai-community/gpt2", [12, 768, 12, 12, 3072, 50257], tiedPlain),
  shape("openai-community/gpt2-medium", [24, 1024, 16, 16, 4096, 50257], tiedPlain),
  shape("openai-community/gpt2-large", [36, 1280, 20, 20, 5120, 50257], tiedPlain),
  shape("openai-community/gpt2-xl", [48, 1600, 25, 25, 6400, 50257], tiedPlain),
  shape("EleutherAI/pythia-160m", [12, 768, 12, 12, 3072, 50304], plain),
  shape("EleutherAI/pythia-410m", [24, 1024, 16, 16, 4096, 50304], plain),
  shape("EleutherAI/pythia-1b", [16, 2048, 8, 8, 8192, 50304], plain),
  shape("EleutherAI/pythia-1.4b", [24, 2048, 16, 16, 8192, 50304], plain),
  shape("EleutherAI/pythia-2.8b", [32, 2560, 32, 32, 10240, 50304], plain),
  shape("EleutherAI/pythia-6.9b", [32, 4096, 32, 32, 16384, 50432], plain),
  shape("EleutherAI/pythia-12b", [36, 5120, 40, 40, 20480, 50688], plain),
  shape("EleutherAI/gpt-j-6B", [28, 4096, 16, 16, 16384, 50400], { ...plain, norms: 1 }),
  shape("EleutherAI/gpt-neox-20b", [44, 6144, 64, 64, 24576, 50432], plain),
  shape("facebook/opt-125m", [12, 768, 12, 12, 3072, 50272], tiedPlain),
  shape("facebook/opt-1.3b", [24, 2048, 32, 32, 8192, 50272], tiedPlain),
  shape("facebook/opt-2.7b", [32, 2560, 32, 32, 10240, 50272], tiedPlain),
  shape("facebook/opt-6.7b", [32, 4096, 32, 32, 16384, 50272], tiedPlain),
  shape("facebook/opt-13b", [40, 5120, 40, 40, 20480, 50272], tiedPlain),
  shape("facebook/opt-30b", [48, 7168, 56, 56, 28672, 50272], tiedPlain),
  shape("facebook/opt-66b", [64, 9216, 72, 72, 36864, 50272], tiedPlain),
  shape("bigscience/bloom-560m", [24, 1024, 16, 16, 4096, 250880], tiedPlain),
  shape("bigscience/bloom-1b7", [24, 2048, 16, 16, 8192, 250880], tiedPlain),
  shape("bigscience/bloom-3b", [30, 2560, 32, 32, 10240, 250880], tiedPlain),
  shape("tiiuae/Falcon3-7B", [28, 3072, 12, 4, 23040, 131072], { headDimension: 256 }),
  shape("stabilityai/stablelm-3b-4e1t", [32, 2560, 32, 32, 6912, 50304], { rms: false }),
  shape("togethercomputer/RedPajama-INCITE-3B", [32, 2560, 32, 32, 10240, 50432], plain),
  shape("togethercomputer/RedPajama-INCITE-7B", [32, 4096, 32, 32, 16384, 50432], plain),
  shape("baichuan-inc/Baichuan2-7B", [32, 4096, 32, 32, 11008, 125696]),
  shape("baichuan-inc/Baichuan2-13B", [40, 5120, 40, 40, 13696, 125696]),
  shape("internlm/internlm2-7b", [32, 4096, 32, 8, 14336, 92544]),
  shape("internlm/internlm2-20b", [48, 6144, 48, 8, 16384, 92544]),
  shape("01-ai/Yi-6B", [32, 4096, 32, 4, 11008, 64000]),
  shape("01-ai/Yi-9B", [48, 4096, 32, 4, 11008, 64000]),
  shape("THUDM/chatglm3-6b", [28, 4096, 32, 2, 13696, 65024]),
  shape("ibm-granite/granite-3-2b", [40, 2048, 32, 8, 8192, 49155], { tied: true }),
  shape("ibm-granite/granite-3-8b", [40, 4096, 32, 8, 12800, 49155], { tied: true }),
  shape("allenai/OLMo-1B", [16, 2048, 16, 16, 8192, 50304], { tied: true }),
  shape("allenai/OLMo-2-7B", [32, 4096, 32, 32, 11008, 100352], { qkNorm: true }),
  shape("allenai/OLMo-2-13B", [40, 5120, 40, 40, 13824, 100352], { qkNorm: true }),
  shape("bigcode/starcoder2-3b", [30, 3072, 24, 2, 12288, 49152], tiedPlain),
  shape("bigcode/starcoder2-7b", [32, 4608, 36, 4, 18432, 49152], plain),
  shape("bigcode/starcoder2-15b", [40, 6144, 48, 4, 24576, 49152], plain),
  shape("deepseek-ai/deepseek-llm-7b", [30, 4096, 32, 32, 11008, 102400]),
  shape("deepseek-ai/deepseek-llm-67b", [95, 8192, 64, 8, 22016, 102400]),
  shape("deepseek-ai/deepseek-coder-1.3b", [24, 2048, 16, 16, 5504, 32256]),
  shape("deepseek-ai/deepseek-coder-6.7b", [32, 4096, 32, 32, 11008, 32256]),
  shape("deepseek-ai/deepseek-coder-33b", [62, 7168, 56, 8, 19200, 32256]),
  shape("upstage/SOLAR-10.7B", [48, 4096, 32, 8, 14336, 32000]),
  shape("CohereForAI/aya-23-8B", [32, 4096, 32, 8, 14336, 256000], { tied: true, rms: false, norms: 1 }),
  shape("CohereForAI/c4ai-command-r-35b", [40, 8192, 64, 64, 22528, 256000], { tied: true, rms: false, norms: 1 }),
  shape("LGAI-EXAONE/EXAONE-3.5-7.8B", [32, 4096, 32, 8, 14336, 102400]),
  shape("openbmb/MiniCPM-2B", [40, 2304, 36, 36, 5760, 122753], { tied: true }),
  // Mixtures of experts. Latent attention (DeepSeek) is counted as multi-head attention, its weights by the published total.
  shape("mistralai/Mixtral-8x7B", [32, 4096, 32, 8, 14336, 32000], { experts: [8, 2] }),
  shape("mistralai/Mixtral-8x22B", [56, 6144, 48, 8, 16384, 32768], { experts: [8, 2] }),
  shape("Qwen/Qwen1.5-MoE-A2.7B", [24, 2048, 16, 16, 1408, 151936], { experts: [64, 8] }),
  shape("Qwen/Qwen2-57B-A14B", [28, 3584, 28, 4, 2560, 151936], { experts: [72, 16] }),
  shape("Qwen/Qwen3-30B-A3B", [48, 2048, 32, 4, 768, 151936], { ...qwen3, experts: [128, 8] }),
  shape("Qwen/Qwen3-235B-A22B", [94, 4096, 64, 4, 1536, 151936], { ...qwen3, experts: [128, 8] }),
  shape("openai/gpt-oss-20b", [24, 2880, 64, 8, 2880, 201088], { headDimension: 64, experts: [32, 4] }),
  shape("openai/gpt-oss-120b", [36, 2880, 64, 8, 2880, 201088], { headDimension: 64, experts: [128, 4] }),
  shape("meta-llama/Llama-4-Scout-17B-16E", [48, 5120, 40, 8, 8192, 202048], { experts: [17, 2] }),
  shape("microsoft/Phi-3.5-MoE", [32, 4096, 32, 8, 6400, 32064], { experts: [16, 2] }),
  shape("databricks/dbrx", [40, 6144, 48, 8, 10752, 100352], { experts: [16, 4] }),
  shape("moonshotai/Moonlight-16B-A3B", [27, 2048, 16, 16, 1408, 163840], { experts: [66, 8], parametersB: 15.96 }),
  shape("deepseek-ai/DeepSeek-V2-Lite", [27, 2048, 16, 16, 1408, 102400], { experts: [66, 8], parametersB: 15.7 }),
  shape("deepseek-ai/DeepSeek-V3", [61, 7168, 128, 128, 2048, 129280], {
    headDimension: 128,
    experts: [257, 9],
    parametersB: 671,
  }),
  shape("zai-org/GLM-4.5-Air", [46, 4096, 96, 8, 1408, 151552], {
    headDimension: 128,
    experts: [129, 9],
    parametersB: 106,
  }),
  // Encoder-decoder models, counted as one stack of both halves' layers.
  shape("bigscience/T0_3B", [48, 2048, 32, 32, 5120, 32128], { headDimension: 64, parametersB: 2.85 }),
  shape("bigscience/mt0-xxl", [48, 4096, 64, 64, 10240, 250112], { headDimension: 64, parametersB: 12.9 }),
];
