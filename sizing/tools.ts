/**
 * What training tools do by default and document: these facts, not fitted numbers, tell two runs of the same model apart.
 * The estimator recognises a tool by the settings that only it has; a job that names none is taken as `transformers`.
 */
export type ToolName =
  | "transformers"
  | "peft-benchmark"
  | "deepspeed"
  | "torchtune"
  | "torchtitan"
  | "litgpt"
  | "unsloth"
  | "fsdp-qlora"
  | "megatron"
  | "verl"
  | "openrlhf"
  | "llm-foundry"
  | "trl";

export interface Tool {
  readonly name: ToolName;
  /** The optimizer keeps a float32 copy of the weights and sees float32 gradients (DeepSpeed, Megatron). */
  readonly masterWeights: boolean;
  /** Forward runs under autocast, whose outputs `accelerate` converts to float32. */
  readonly autocast: boolean;
  /** Adapters are kept in float32 (PEFT's default), or in the weights' type. */
  readonly adapterBytes: 2 | 4;
  /**
   * Loading for 4-bit training casts the remaining weights to float32 (`prepare_model_for_kbit_training`), which makes the
   * residual stream and with it every checkpoint float32.
   */
  readonly float32Residual: boolean;
  /** `torch.optim` steps tensor lists at once and keeps a temporary of the size of one state; fused kernels do not. */
  readonly foreachOptimizer: boolean;
  /** RMSNorm, rotary embedding and SwiGLU are fused kernels that keep their inputs only (Unsloth, Megatron). */
  readonly fusedElementwise: boolean;
  /** MLP kernels write gradients over their inputs. */
  readonly gradientsInPlace: boolean;
  /** 4-bit loading quantises scales too unless told otherwise. */
  readonly doubleQuantises: boolean;
  /** Sequences per forward pass where a job does not say. */
  readonly defaultMicroBatch: number;
  /** Offloaded states come back to the GPU for the update and are away only while completions are generated (verl). */
  readonly offloadReturns: boolean;
  /** Wrapping gathers the whole model on each GPU before sharding it, and the peak counts that. */
  readonly gathersWholeModel: boolean;
  /**
   * FSDP2 in accelerate's units (accelerate 1.15, `fsdp2_prepare_model`): each layer, the embedding, and norm and head; these
   * two, and an embedding that is tied to the head, stay gathered once the forward pass has used them. A unit is gathered into one
   * buffer and copied into tensors; the buffer lives until the next unit has been copied (torch/distributed/fsdp/_fully_shard/
   * _fsdp_param_group.py, `wait_for_unshard`).
   */
  readonly accelerateUnits: boolean;
  /** Log-softmax is taken in the logits' own 16-bit type. */
  readonly halfPrecisionLoss: boolean;
  /** `transformers` before 4.46: float32 logits stay in the model's output beside a shifted copy. */
  readonly shiftsLogits: boolean;
  /** Head and embedding are separate tensors even where the model ties them. */
  readonly untiesHead: boolean;
  /** Inputs of keys and values are repeated for grouped-query attention before the attention kernel. */
  readonly repeatsKeyValues: boolean;
}

const tool = (name: ToolName, traits: Partial<Omit<Tool, "name">> = {}): Tool => ({
  name,
  masterWeights: false,
  autocast: false,
  adapterBytes: 4,
  float32Residual: false,
  foreachOptimizer: false,
  fusedElementwise: false,
  gradientsInPlace: false,
  doubleQuantises: false,
  defaultMicroBatch: 1,
  offloadReturns: false,
  gathersWholeModel: false,
  accelerateUnits: false,
  halfPrecisionLoss: false,
  shiftsLogits: false,
  untiesHead: false,
  repeatsKeyValues: true,
  ...traits,
});

export const tools: Readonly<Record<ToolName, Tool>> = {
  // transformers.Trainer: bf16=True is autocast; adamw_torch_fused; PEFT adapters in float32.
  transformers: tool("transformers", { autocast: true, foreachOptimizer: true, defaultMicroBatch: 8 }),
  // PEFT method_comparison/MetaMathQA: own loop without autocast, torch.optim.AdamW.
  "peft-benchmark": tool("peft-benchmark", { foreachOptimizer: true, repeatsKeyValues: false }),
  // ZeRO keeps bf16 weights and partitions float32 master weights; no autocast, so the loss stays in 16 bits.
  deepspeed: tool("deepspeed", { doubleQuantises: true, defaultMicroBatch: 8, masterWeights: true, adapterBytes: 2 }),
  // Weights, gradients and states in bf16; adapters in bf16; fused AdamW.
  torchtune: tool("torchtune", {
    doubleQuantises: true,
    defaultMicroBatch: 2,
    adapterBytes: 2,
    repeatsKeyValues: true,
  }),
  torchtitan: tool("torchtitan", { adapterBytes: 2 }),
  // Lightning Fabric `bf16-true`: everything in bf16; torch.optim.AdamW (foreach).
  litgpt: tool("litgpt", {
    adapterBytes: 2,
    foreachOptimizer: true,
    gathersWholeModel: true,
    halfPrecisionLoss: true,
    untiesHead: true,
  }),
  unsloth: tool("unsloth", {
    gradientsInPlace: true,
    doubleQuantises: true,
    defaultMicroBatch: 2,
    autocast: true,
    fusedElementwise: true,
    repeatsKeyValues: false,
  }),
  // github.com/AnswerDotAI/fsdp_qlora train.py: bf16 adapters, AdamW in bf16, rank 64 on all linear layers.
  "fsdp-qlora": tool("fsdp-qlora", { adapterBytes: 2, foreachOptimizer: true, shiftsLogits: true }),
  // Distributed optimizer: float32 gradients, float32 master weights and states sharded over data parallel ranks.
  megatron: tool("megatron", { masterWeights: true, adapterBytes: 2, fusedElementwise: true, repeatsKeyValues: false }),
  // FSDP actor: float32 weights with mixed precision unless model_dtype says otherwise.
  verl: tool("verl", { offloadReturns: true, adapterBytes: 2, halfPrecisionLoss: true, repeatsKeyValues: false }),
  // SageMaker HyperPod's fine-tuning recipes: OpenRLHF's losses (flash-attn's Triton cross-entropy) on bf16 FSDP.
  openrlhf: tool("openrlhf", { adapterBytes: 2, halfPrecisionLoss: true, repeatsKeyValues: false }),
  "llm-foundry": tool("llm-foundry", { autocast: true, repeatsKeyValues: false }),
  // TRL on accelerate: bf16 weights, FSDP2 or none, fused AdamW, adapters in float32.
  trl: tool("trl", { autocast: true, float32Residual: true, repeatsKeyValues: false, accelerateUnits: true }),
};
