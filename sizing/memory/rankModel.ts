import { countAdapterParameters, countParameters, type ParameterCounts } from "../shape";
import type { Workload } from "../workload";

/** What of a model is trained, in numbers and their formats. */
export interface TrainedNumbers {
  readonly count: number;
  /** Bytes of one trained weight. */
  readonly weightBytes: number;
  /** The optimizer keeps a float32 copy of these weights, and its gradients and moments are float32 too. */
  readonly masterWeights: boolean;
  /** Bytes of one gradient, and of one moment of an optimizer that does not quantise them. */
  readonly stateBytes: number;
}

/** The model as one rank of tensor and pipeline parallelism has it, before data parallelism shards it. Counts of parameters. */
export interface RankModel {
  readonly counts: ParameterCounts;
  readonly total: number;
  /** Embedding and head. */
  readonly embeddings: number;
  readonly embedding: number;
  /** Zero when the head shares the embedding's weights. */
  readonly head: number;
  /** One layer's; whole layers go to pipeline stages. */
  readonly layer: number;
  /** Those of all linear layers, which 4-bit loaders quantise. */
  readonly linear: number;
  /** Without adapters, all that is there. */
  readonly trained: TrainedNumbers;
  /** Beside the base: adapters, and what else is trained with them. */
  readonly added: number;
  /** PPO trains a value model of the policy's size with weights and states of its own. */
  readonly trainedModels: 1 | 2;
}

/** Adapters, and copies of embedding and head that are trained beside them. */
function addedParameters({ shape, trainable }: Workload, split: number, embeddings: number): number {
  if (trainable.kind === "full") return 0;
  const adapters = countAdapterParameters(shape, trainable.rank, trainable.targets) / split;
  return adapters + (trainable.trainsEmbeddings ? embeddings : 0);
}

function trainedNumbers(workload: Workload, total: number, added: number): TrainedNumbers {
  const { tool, trainable } = workload;
  const full = trainable.kind === "full";
  const weightBytes = full || trainable.trainsEmbeddings ? workload.weightBytes : tool.adapterBytes;
  const masterWeights = tool.masterWeights && weightBytes === 2;
  return { count: full ? total : added, weightBytes, masterWeights, stateBytes: masterWeights ? 4 : weightBytes };
}

export function rankModelOf(workload: Workload): RankModel {
  const { shape, tool, sharding } = workload;
  const counts = countParameters(tool.untiesHead ? { ...shape, tiedEmbeddings: false } : shape);
  const split = sharding.tensorParallel * sharding.pipelineParallel;
  const total = counts.total / split;
  const embeddings = (counts.embedding + counts.head) / split;
  const added = addedParameters(workload, split, embeddings);
  return {
    counts,
    total,
    embeddings,
    embedding: counts.embedding / split,
    head: counts.head / split,
    layer: counts.perLayer / sharding.tensorParallel,
    linear: (counts.linearPerLayer * shape.layers) / split,
    trained: trainedNumbers(workload, total, added),
    added,
    trainedModels: workload.critic ? 2 : 1,
  };
}
