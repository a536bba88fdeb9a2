import { memoryCoefficients, type MemoryCoefficients } from "./coefficients";
import {
  activeIntermediate,
  countAdapterParameters,
  countParameters,
  type ModelShape,
  type ParameterCounts,
} from "./shape";
import { sequencesPerPass, type Workload } from "./workload";

export const gib = 2 ** 30;

/** The three figures that tools print: live tensors, the caching allocator's pool, and what nvidia-smi shows. */
export type PeakMetric = "allocated" | "reserved" | "device";

/** Memory of one GPU at the moment of its peak, GiB by part. The parts add up to the peak of the chosen metric. */
export interface MemoryParts {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly logits: number;
  /** Gathered parameters, reduce-scatter inputs and gradient buckets. */
  readonly communication: number;
  /** Dequantised weights of one layer. */
  readonly dequantisation: number;
  readonly referenceModel: number;
  /** Inference engine: its weights, key-value cache and CUDA graphs. */
  readonly generation: number;
  readonly allocatorSlack: number;
  readonly cudaContext: number;
}

export interface MemoryEstimate {
  /** GiB by metric. */
  readonly peakGib: Readonly<Record<PeakMetric, number>>;
  readonly parts: Readonly<Record<PeakMetric, MemoryParts>>;
  /**
   * What the GPU must have, GiB: as `device`, but without cached blocks that the allocator gives back before it fails.
   */
  readonly requiredGib: number;
  /** Memory of the host that offloaded states take, GiB per GPU. */
  readonly hostGib: number;
  /** When the peak is reached. */
  readonly phase: "forward" | "loss" | "backward" | "step" | "generation";
}

/** What one GPU holds whatever the batch, bytes. */
interface States {
  readonly weights: number;
  readonly gradients: number;
  /** Gradients that live while the optimizer steps inside the backward pass. */
  readonly gradientsInBackward: number;
  readonly optimizer: number;
  /** What the optimizer's step makes beside its states. */
  readonly stepTemporary: number;
  /** Gathered parameters of a sharded model. */
  readonly gather: number;
  /** Gradients on their way to be reduced. */
  readonly buckets: number;
  /** What of it is gathered when the forward pass enters its first layer. */
  readonly gatherAtStart: number;
  /** What of it is gathered while the loss is taken. */
  readonly gatherAtLoss: number;
  /** What of it is gathered when a reference pass, with the policy's graph alive, enters its first layer. */
  readonly gatherOfReference: number;
  /** What gathering one layer takes. */
  readonly gatheredLayer: number;
  readonly dequantisation: number;
  readonly reference: number;
  /** What lies in host memory instead. */
  readonly host: number;
}

function shardDegree(w: Workload, what: "weights" | "gradients" | "optimizer"): number {
  const { kind, degree } = w.sharding;
  switch (kind) {
    case "none":
    case "ddp":
      return 1;
    case "zero1":
      return what === "optimizer" ? degree : 1;
    case "zero2":
    case "fsdp-grad-op":
      return what === "weights" ? 1 : degree;
    case "zero3":
    case "fsdp":
      return degree;
  }
}

/** Bytes of one quantised weight: a 32-bit scale per block of 64 or, quantised twice, 8-bit scales; int8 scales by row. */
function quantisedBytesOf(quantisation: Workload["quantisation"]): number {
  switch (quantisation) {
    case "nf4":
      return 0.5 + 4 / 64;
    case "nf4-double":
      return 0.5 + 1 / 64 + 4 / (64 * 256);
    case "int8":
      return 1;
  }
}

/** Bytes of an optimizer's states per parameter: two moments for Adam, one momentum for Muon and Lion. */
function optimizerStateBytes(w: Workload, stateBytes: number): number {
  switch (w.optimizer) {
    case "adamw":
    case "adamw-fused":
      return 2 * stateBytes;
    case "adamw-8bit":
      return 2;
    case "muon":
    case "lion":
      return stateBytes;
    case "sgd":
    // Row and column statistics only.
    case "adafactor":
      return 0;
    case "paged-adamw-8bit":
    case "paged-adamw-32bit":
      // Managed memory that the driver moves to the host; the allocator of the framework never holds it.
      return 0;
  }
}

function statesOf(w: Workload, counts: ParameterCounts): States {
  const split = w.sharding.tensorParallel * w.sharding.pipelineParallel;
  const total = counts.total / split;
  const embeddings = (counts.embedding + counts.head) / split;
  const layer = counts.perLayer / w.sharding.tensorParallel;
  const weightShards = shardDegree(w, "weights");
  const gradientShards = shardDegree(w, "gradients");
  const optimizerShards = shardDegree(w, "optimizer");
  const quantised = w.trainable.kind === "qlora";
  const quantisedBytes = quantisedBytesOf(w.quantisation);
  const computeBytes = w.weightBytes === 4 && w.mixedPrecision ? 2 : w.weightBytes;

  const linear = (counts.linearPerLayer * w.shape.layers) / split;
  const unquantisedBytes = quantised && w.tool.float32Residual && w.weightBytes === 2 ? 4 : w.weightBytes;
  const frozenBytes = quantised ? linear * quantisedBytes + (total - linear) * unquantisedBytes : total * w.weightBytes;
  const layerBytes = quantised ? layer * quantisedBytes : layer * computeBytes;
  const embeddingTypeBytes = quantised ? unquantisedBytes : computeBytes;
  const embeddingBytes = embeddings * embeddingTypeBytes;

  let trained = total;
  let trainedBytes: number = w.weightBytes;
  let addedWeights = 0;
  if (w.trainable.kind !== "full") {
    const adapter = countAdapterParameters(w.shape, w.trainable.rank, w.trainable.targets) / split;
    trained = adapter + (w.trainable.trainsEmbeddings ? embeddings : 0);
    trainedBytes = w.trainable.trainsEmbeddings ? w.weightBytes : w.tool.adapterBytes;
    addedWeights = trained * trainedBytes;
  }
  const master = w.tool.masterWeights && trainedBytes === 2;
  const stateBytes = master ? 4 : trainedBytes;
  // github.com/deepspeedai/DeepSpeed runtime/zero/stage3.py estimate_zero3_model_states_mem_needs: 18 bytes per parameter.
  const gradientBytes = master ? 4 : trainedBytes;
  const optimizer = (w.critic ? 2 : 1) * trained * ((master ? 4 : 0) + optimizerStateBytes(w, stateBytes));
  const stepTemporary =
    (master && w.tool.name === "deepspeed"
      ? Math.min((trained * 6) / optimizerShards, w.sharding.kind === "zero3" ? 6e9 : Infinity)
      : 0) + (w.tool.foreachOptimizer && w.optimizer === "adamw" ? (trained * stateBytes) / optimizerShards : 0);

  const parametersAway = w.offload.parameters && !w.tool.offloadReturns;
  const optimizerAway = (w.offload.optimizer || w.offload.parameters) && !w.tool.offloadReturns;
  // PPO's value model has weights and states of its own; gradients of the two live one after the other.
  const trainedModels = w.critic ? 2 : 1;
  const shardedWeights = (trainedModels * (frozenBytes + addedWeights)) / weightShards;
  const gradients = (trained * gradientBytes) / gradientShards;

  let gather = 0;
  let gatherAtStart = 0;
  let gatherAtLoss: number | undefined;
  let gatherOfReference = 0;
  let referenceGathered = 0;
  let buckets = 0;
  const distributed = w.sharding.degree > 1;
  switch (w.sharding.kind) {
    case "none":
    case "zero1":
      break;
    case "ddp":
      buckets = trained * gradientBytes;
      break;
    case "zero2":
      buckets = Math.min(trained, 5e8) * 2 * (distributed ? 2 : 1);
      break;
    case "fsdp-grad-op":
      buckets = distributed ? 2 * layer * computeBytes : 0;
      break;
    case "zero3":
      gather = distributed ? Math.min(frozenBytes, 1e9 * computeBytes + embeddingBytes) : 0;
      buckets = Math.min(trained, 5e8) * 2;
      break;
    case "fsdp":
      if (distributed) {
        if (w.tool.accelerateUnits) {
          const embedding = (counts.embedding / split) * embeddingTypeBytes;
          const head = (counts.head / split) * embeddingTypeBytes;
          // Tied, the head is the embedding, and its backward pass is the last.
          const stays = head === 0 ? embedding : head;
          gather = 2 * layerBytes + (head === 0 ? embedding : 0);
          gatherAtStart = 2 * layerBytes + 2 * embedding;
          gatherAtLoss = head === 0 ? embedding : 2 * head;
          gatherOfReference = 2 * layerBytes + embedding + stays;
          referenceGathered = stays;
        } else {
          gather = w.tool.gathersWholeModel ? frozenBytes : 2 * layerBytes + embeddingBytes;
        }
        const trainedShare = w.trainable.kind === "full" ? 1 : (trained * trainedBytes) / frozenBytes;
        buckets = Math.min(1, trainedShare) * layer * computeBytes;
      }
      break;
  }
  const largestLinear = w.shape.hidden * Math.max(w.shape.intermediate, w.shape.hidden);
  const reference = w.reference === "separate" ? (total * computeBytes) / weightShards + referenceGathered : 0;
  const host =
    (w.offload.parameters ? shardedWeights : 0) +
    (w.offload.parameters || w.offload.optimizer ? optimizer / optimizerShards + gradients : 0);
  return {
    weights: parametersAway ? 0 : shardedWeights,
    gradients: w.optimizerInBackward ? 0 : gradients * (parametersAway ? 0 : 1),
    gradientsInBackward: w.optimizerInBackward ? Math.max(layer, embeddings) * gradientBytes : 0,
    optimizer: optimizerAway ? 0 : optimizer / optimizerShards,
    stepTemporary: optimizerAway ? 0 : stepTemporary,
    gather,
    gatherAtStart,
    gatherAtLoss: gatherAtLoss ?? gather,
    gatherOfReference,
    buckets,
    gatheredLayer: distributed && w.sharding.kind === "fsdp" ? layerBytes : 0,
    dequantisation: quantised ? (2 * largestLinear * 2) / w.sharding.tensorParallel : 0,
    reference: parametersAway ? 0 : reference,
    host,
  };
}

/** Bytes per token. */
interface ActivationBytes {
  /** Kept by one layer for its backward pass, per token. */
  readonly layer: number;
  /** Kept at the boundary of a layer, per token. */
  readonly boundary: number;
  /** Comes and goes while one layer runs backward, per token. */
  readonly transient: number;
}

function activationBytes(w: Workload, coefficients: MemoryCoefficients): ActivationBytes {
  const s: ModelShape = w.shape;
  const a = w.weightBytes === 4 && !w.mixedPrecision ? 4 : 2;
  const h = s.hidden;
  const q = s.heads * s.headDimension;
  const kv = s.keyValueHeads * s.headDimension;
  const f = activeIntermediate(s);
  const full = w.trainable.kind === "full";
  const quantised = w.trainable.kind === "qlora";
  const fused = w.tool.fusedElementwise || w.compile;
  // 4-bit linear layers keep their inputs as trained ones do.
  const keepsInputs = full || quantised;
  const allLinear = w.trainable.kind !== "full" && w.trainable.targets === "all-linear";
  const attentionOutput = w.trainable.kind !== "full" && w.trainable.targets !== "query-value";

  const residual = quantised && w.tool.float32Residual ? 4 : a;
  const norm = s.rmsNorm ? (fused ? residual * h : 4 * h + (full ? a * h : 0)) : residual * h;
  // Float32 adapters keep a cast of their own of every input, and dropout a copy; others share what the layer got.
  const ownInputs = w.trainable.kind !== "full" && (w.tool.adapterBytes === 4 || w.trainable.dropout);
  const sharesInputs = keepsInputs || (allLinear && !ownInputs);
  const normOutput = keepsInputs || !ownInputs ? a * h : 0;
  const mlpInput = sharesInputs ? a * h : 0;
  let adapter = 0;
  if (w.trainable.kind !== "full") {
    // Beyond a shared input: the cast to float32, which autocast turns back; a dropped-out copy; the dropout's mask.
    const cast = w.tool.autocast || w.tool.adapterBytes === 2 ? a : 4;
    const copy = (ownInputs ? cast : 0) + (w.trainable.dropout ? 1 : 0);
    const inputs =
      w.trainable.targets === "query-value"
        ? 2 * h
        : w.trainable.targets === "attention"
          ? 3 * h + q
          : 3 * h + q + (s.gatedMlp ? 2 : 1) * h + f;
    adapter = copy * inputs;
  }
  const repeats = w.tool.repeatsKeyValues && w.attention !== "flash" && s.keyValueHeads < s.heads;
  const keyValues = 2 * (repeats ? q : kv) * a;
  let attention = a * q + keyValues + a * q + (s.queryKeyNorm ? (fused ? a : 4) * (q + kv) : 0);
  if (keepsInputs || (attentionOutput && !ownInputs)) attention += w.attention === "flash" ? 0 : a * q;
  if (w.attention === "eager") attention += s.heads * w.sequenceTokens * (4 + 2 * a);
  const mlp = s.gatedMlp
    ? fused
      ? 2 * a * f + (sharesInputs && !w.compile ? a * f : 0)
      : 3 * a * f + (sharesInputs ? a * f : 0)
    : a * f + (sharesInputs ? a * f : 0);
  const counted = s.normsPerLayer * norm + normOutput + mlpInput + adapter + attention + mlp;
  const overhead = fused ? 1 : coefficients.activationOverhead;
  return {
    layer: (counted * overhead) / w.sharding.tensorParallel,
    // Sequence parallelism splits the residual stream over tensor-parallel ranks.
    boundary: (residual * h) / w.sharding.tensorParallel,
    // Gradients of the widest part; kernels that write them over their inputs need none.
    transient: w.tool.gradientsInPlace ? 0 : ((s.gatedMlp ? 3 : 2) * a * f + 2 * a * h) / w.sharding.tensorParallel,
  };
}

/** Bytes per logit that live together at the worst moment between the head and the start of backward. */
function logitBytes(w: Workload): number {
  const half = w.tool.halfPrecisionLoss || (w.shape.halfPrecisionLoss && !w.tool.autocast);
  const cap = w.shape.logitSoftcap ? 4 : 0;
  switch (w.loss) {
    case "full":
      if (w.method === "dpo" || w.method === "grpo") return (half ? 8 : 12) + cap;
      // bf16 logits, float32 copy, log-softmax, its gradient, and the gradient of the copy.
      return (half ? 10 : w.tool.autocast || w.tool.shiftsLogits ? 16 : 14) + cap;
    case "chunked":
      // The pieces' logits and log-softmax stay until backward, one piece's gradients come and go.
      return (half ? 4 : w.compile ? 2 : 6) + cap;
    case "in-place":
      // Gradients are written over the 16-bit logits; under autocast the model's output is a float32 copy with its own gradient.
      return (half ? 4 : 10) + cap;
    case "fused":
    case "pooled":
      return 0;
    case "vocab-parallel":
      return (w.tool.name === "megatron" ? 10 : 14) + cap;
  }
}

function logitsMemory(w: Workload, tokens: number): number {
  const vocabulary = w.shape.vocabulary / w.sharding.tensorParallel;
  if (w.loss === "fused") {
    // One tile of logits, gradients of the hidden states in float32 and in their own type, and of the head when it trains.
    const tile = Math.min(tokens, 4096) * Math.min(vocabulary, 32768) * 2;
    const head = w.trainable.kind === "full" ? vocabulary * w.shape.hidden * 6 : 0;
    return tile + tokens * w.shape.hidden * 8 + head;
  }
  // A trained head gets a gradient from every piece while the other pieces' logits still wait for theirs.
  const headGradients =
    w.loss === "chunked" && w.trainable.kind === "full" ? vocabulary * w.shape.hidden * w.weightBytes : 0;
  return tokens * vocabulary * logitBytes(w) + headGradients;
}

function engineGib(w: Workload, counts: ParameterCounts, gpuMemoryGib: number): number {
  if (w.generation.kind !== "colocated") return 0;
  const weights = (counts.total * 2) / w.generation.tensorParallel / gib;
  // CUDA graphs and the engine's own context lie outside the cap.
  return Math.max(w.generation.utilization * gpuMemoryGib, weights * 1.1) + 1;
}

const zeroParts: MemoryParts = {
  weights: 0,
  gradients: 0,
  optimizer: 0,
  activations: 0,
  logits: 0,
  communication: 0,
  dequantisation: 0,
  referenceModel: 0,
  generation: 0,
  allocatorSlack: 0,
  cudaContext: 0,
};

const partNames = [
  "weights",
  "gradients",
  "optimizer",
  "activations",
  "logits",
  "communication",
  "dequantisation",
  "referenceModel",
  "generation",
  "allocatorSlack",
  "cudaContext",
] as const satisfies readonly (keyof MemoryParts)[];

// Written out: one call a property is what the search would spend most of its time on.
const sum = (parts: MemoryParts): number =>
  parts.weights +
  parts.gradients +
  parts.optimizer +
  parts.activations +
  parts.logits +
  parts.communication +
  parts.dequantisation +
  parts.referenceModel +
  parts.generation +
  parts.allocatorSlack +
  parts.cudaContext;

/** The parts as pairs of name and GiB. */
export const partEntries = (parts: MemoryParts): [keyof MemoryParts, number][] =>
  partNames.map((name) => [name, parts[name]]);

/**
 * Peak memory of one GPU for a workload.
 *
 * @param gpuMemoryGib total of the GPU: an inference engine takes a share of it, and contexts grow with it.
 */
export function estimateMemory(
  w: Workload,
  gpuMemoryGib = 80,
  coefficients: MemoryCoefficients = memoryCoefficients,
): MemoryEstimate {
  const counts = countParameters(w.tool.untiesHead ? { ...w.shape, tiedEmbeddings: false } : w.shape);
  const states = statesOf(w, counts);
  const perToken = activationBytes(w, coefficients);
  const sequences = sequencesPerPass(w);
  const tokens = (sequences * w.sequenceTokens) / w.sharding.contextParallel;
  const lossTokens =
    (sequences * (w.method === "grpo" ? w.completionTokens : w.sequenceTokens)) / w.sharding.contextParallel;
  const layers = w.shape.layers / w.sharding.pipelineParallel;
  // Pipeline stages hold the activations of as many micro batches as there are stages.
  const inFlight = w.sharding.pipelineParallel;

  let kept: number;
  let working: number;
  switch (w.checkpointing) {
    case "none":
      kept = tokens * (perToken.layer * layers + perToken.boundary) * inFlight;
      working = tokens * perToken.transient;
      break;
    case "selective": {
      // Matrix products are kept, elementwise work is done again.
      const q = w.shape.heads * w.shape.headDimension;
      const kv = w.shape.keyValueHeads * w.shape.headDimension;
      const outputs = q + 2 * kv + 2 * w.shape.hidden + (w.shape.gatedMlp ? 2 : 1) * activeIntermediate(w.shape);
      // Every second matrix product is kept, and what attention returns.
      const products = (2 * q + outputs) / w.sharding.tensorParallel;
      kept = tokens * (perToken.boundary + products) * layers * inFlight;
      working = tokens * (Math.max(0, perToken.layer - products) + perToken.transient);
      break;
    }
    case "full":
      kept = tokens * perToken.boundary * (w.offload.activations ? 2 : layers + 1) * inFlight;
      working = tokens * (perToken.layer + perToken.transient);
      break;
  }
  const logits = logitsMemory(w, lossTokens);
  const accumulates = w.gradientAccumulation > 1;
  const always = {
    ...zeroParts,
    weights: states.weights / gib,
    optimizer: states.optimizer / gib,
    referenceModel: states.reference / gib,
  };
  const atForwardStart: MemoryParts = {
    ...always,
    gradients: (accumulates ? states.gradients : 0) / gib,
    communication: states.gatherAtStart / gib,
  };
  const atReference: MemoryParts = {
    ...atForwardStart,
    activations: kept / gib,
    communication: states.gatherOfReference / gib,
  };
  const atLoss: MemoryParts = {
    ...always,
    gradients: (accumulates ? states.gradients : 0) / gib,
    activations: kept / gib,
    logits: logits / gib,
    communication: states.gatherAtLoss / gib,
    dequantisation: states.dequantisation / gib,
  };
  // Backward: what is kept shrinks layer by layer while gradients grow, so that one end is the worst.
  const atBackwardStart: MemoryParts = {
    ...atLoss,
    logits: 0,
    activations: (kept + working) / gib,
    gradients:
      (accumulates ? states.gradients : states.gradients / Math.max(1, layers)) / gib +
      states.gradientsInBackward / gib,
    communication: (states.gather + states.buckets) / gib,
  };
  const atBackwardEnd: MemoryParts = {
    ...always,
    gradients: (states.gradients + states.gradientsInBackward) / gib,
    activations: (kept / Math.max(1, layers) + working) / gib,
    communication: (states.gather + states.buckets) / gib,
    dequantisation: states.dequantisation / gib,
  };
  const atStep: MemoryParts = {
    ...always,
    gradients: (states.gradients + states.gradientsInBackward) / gib,
    optimizer: (states.optimizer + states.stepTemporary) / gib,
  };
  // DPO asks its reference after the policy; GRPO before.
  const refersInLoss = w.method === "dpo" && (w.reference === "separate" || w.reference === "adapter-off");
  const phases: { phase: MemoryEstimate["phase"]; parts: MemoryParts }[] = [
    { phase: "forward", parts: atForwardStart },
    ...(refersInLoss ? [{ phase: "loss" as const, parts: atReference }] : []),
    { phase: "loss", parts: atLoss },
    { phase: "backward", parts: atBackwardStart },
    { phase: "backward", parts: atBackwardEnd },
    { phase: "step", parts: atStep },
  ];
  const engine = engineGib(w, counts, gpuMemoryGib);
  if (engine > 0 && w.generation.kind === "colocated") {
    const sleeping = w.generation.sleep;
    if (!sleeping) for (const entry of phases) entry.parts = { ...entry.parts, generation: engine };
    const resident = {
      ...always,
      ...(w.offload.parameters ? { weights: 0, referenceModel: 0 } : {}),
      ...(w.offload.parameters || w.offload.optimizer ? { optimizer: 0 } : {}),
    };
    phases.push({ phase: "generation", parts: { ...resident, generation: engine } });
  }

  // A context reserves memory per multiprocessor and NCCL per channel: both grow with the size of the GPU.
  const processScale = Math.min(1, Math.max(0.4, gpuMemoryGib / 80));
  const context = processScale * (coefficients.contextGib + (w.gpus > 1 ? coefficients.ncclGib : 0));
  const cachedGib = (coefficients.cachedGatheredLayers * states.gatheredLayer) / gib;
  // The allocator of the training process does not see an engine in another process.
  const seen = (metric: PeakMetric, parts: MemoryParts): number => (metric === "device" ? parts.generation : 0);
  const slack = (metric: PeakMetric, parts: MemoryParts): number => {
    if (metric === "allocated") return 0;
    const comesAndGoes =
      parts.activations + parts.logits + parts.communication + parts.gradients + parts.dequantisation;
    return coefficients.slackShare * comesAndGoes + coefficients.slackGib + cachedGib;
  };
  const parts = {} as Record<PeakMetric, MemoryParts>;
  const peakGib = {} as Record<PeakMetric, number>;
  let phase: MemoryEstimate["phase"] = "loss";
  for (const metric of ["allocated", "reserved", "device"] as const) {
    let worst = phases[0];
    let most = -Infinity;
    // Only numbers until the worst phase is known: a search asks for thousands of estimates.
    for (const entry of phases) {
      const total = sum(entry.parts) - entry.parts.generation + seen(metric, entry.parts) + slack(metric, entry.parts);
      if (total > most) {
        most = total;
        worst = entry;
      }
    }
    if (worst === undefined) throw new Error("a workload has at least one phase");
    if (metric === "device") phase = worst.phase;
    parts[metric] = {
      ...worst.parts,
      generation: seen(metric, worst.parts),
      allocatorSlack: slack(metric, worst.parts),
      cudaContext: metric === "device" ? context : 0,
    };
    peakGib[metric] = sum(parts[metric]);
  }
  const requiredGib = peakGib.device - cachedGib;
  return { peakGib, parts, requiredGib, hostGib: states.host / gib, phase };
}
