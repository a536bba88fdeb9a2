import { rankModelOf, type RankModel } from "../../../../sizing/memory/rankModel";
import { countAdapterParameters, countParameters, findShape, type ModelShape } from "../../../../sizing/shape";
import { tools } from "../../../../sizing/tools";
import type { Sharding, Workload } from "../../../../sizing/workload";

/** A plain GPT: learned norms, a four times wider MLP without a gate, every head with keys and values of its own. */
export const gptShape: ModelShape = {
  name: "a plain GPT",
  layers: 4,
  hidden: 512,
  heads: 8,
  keyValueHeads: 8,
  headDimension: 64,
  intermediate: 2048,
  vocabulary: 32_000,
  tiedEmbeddings: false,
  gatedMlp: false,
  normsPerLayer: 2,
  rmsNorm: false,
  queryKeyNorm: false,
  halfPrecisionLoss: false,
  logitSoftcap: false,
};

function shapeNamed(name: string): ModelShape {
  const shape = findShape(name);
  if (shape === undefined) throw new Error(`no shape for ${name}`);
  return shape;
}

export const llama = shapeNamed("meta-llama/Llama-3.2-3B");
export const parameters = countParameters(llama).total;

export const lora = { kind: "lora", rank: 8, targets: "query-value", dropout: false, trainsEmbeddings: false } as const;
export const adapters = countAdapterParameters(llama, lora.rank, lora.targets);

export const spread = (kind: Sharding["kind"], degree: number): Sharding => ({
  kind,
  degree,
  tensorParallel: 1,
  pipelineParallel: 1,
  contextParallel: 1,
});

/** All weights of a 3B in bf16 on one GPU without any aid, but for what a test is about. */
export const workload = (fields: Partial<Workload>): Workload => ({
  method: "sft",
  shape: llama,
  tool: tools.torchtune,
  trainable: { kind: "full" },
  critic: false,
  quantisation: "nf4",
  weightBytes: 2,
  mixedPrecision: true,
  optimizer: "adamw-fused",
  optimizerInBackward: false,
  sequenceTokens: 2048,
  completionTokens: 1024,
  microBatch: 1,
  gradientAccumulation: 1,
  sharding: spread("none", 1),
  gpus: 1,
  gpusPerNode: 1,
  offload: { parameters: false, optimizer: false, activations: false },
  checkpointing: "none",
  attention: "sdpa",
  loss: "full",
  compile: false,
  reference: "none",
  generation: { kind: "none" },
  ...fields,
});

/** One part of the memory of such a workload. */
export function partOf(part: (workload: Workload, model: RankModel) => number, fields: Partial<Workload>): number {
  const job = workload(fields);
  return part(job, rankModelOf(job));
}
