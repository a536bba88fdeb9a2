import { z } from "zod";
import type { ModelShape } from "../../catalog/models";

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

type Config = z.infer<typeof configSchema>;

/**
 * Reads a model's shape from its `config.json` (as an object).
 * @throws when a field that the shape needs is missing, naming the field.
 */
export function shapeFromConfig(name: string, config: unknown): ModelShape {
  const parsed = configSchema.parse(config);
  const { layers, hidden, heads } = dimensions(name, parsed);
  const experts = expertsOf(parsed);
  return {
    name,
    layers,
    hidden,
    heads,
    keyValueHeads: parsed.num_key_value_heads ?? heads,
    headDimension: parsed.head_dim ?? hidden / heads,
    intermediate: (experts && parsed.moe_intermediate_size) ?? denseIntermediate(parsed) ?? 4 * hidden,
    ...(experts && { experts }),
    vocabulary: parsed.vocab_size,
    ...traits(parsed),
  };
}

/** What no shape can do without. */
function dimensions(name: string, config: Config): Pick<ModelShape, "layers" | "hidden" | "heads"> {
  const layers = config.num_hidden_layers ?? config.n_layer;
  const hidden = config.hidden_size ?? config.n_embd;
  const heads = config.num_attention_heads ?? config.n_head;
  if (layers !== undefined && hidden !== undefined && heads !== undefined) return { layers, hidden, heads };
  const needed = { num_hidden_layers: layers, hidden_size: hidden, num_attention_heads: heads };
  const missing = Object.entries(needed).flatMap(([field, value]) => (value === undefined ? [field] : []));
  throw new Error(`config.json of ${name} has no ${missing.join(", ")}; give the file of a decoder model`);
}

function expertsOf(config: Config): ModelShape["experts"] {
  const total = config.num_local_experts ?? config.num_experts;
  return total === undefined ? undefined : { total, active: config.num_experts_per_tok ?? 2 };
}

const denseIntermediate = (config: Config): number | undefined =>
  config.intermediate_size ?? config.n_inner ?? undefined;

/** What a family of models is known by, where the file does not say it. */
function traits(config: Config) {
  const family = config.model_type ?? "";
  const rmsNorm = config.rms_norm_eps !== undefined;
  return {
    tiedEmbeddings: config.tie_word_embeddings ?? family.startsWith("gemma"),
    gatedMlp: rmsNorm || (config.hidden_act ?? "").startsWith("silu"),
    normsPerLayer: /gemma[23]/.test(family) ? 4 : 2,
    rmsNorm,
    queryKeyNorm: /qwen3|gemma3|olmo/.test(family),
    halfPrecisionLoss: false,
    logitSoftcap: config.final_logit_softcapping !== undefined && config.final_logit_softcapping !== null,
  } as const;
}
