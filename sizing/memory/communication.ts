import type { Workload } from "../workload";
import { castsWeights } from "./layerActivations";
import type { RankModel } from "./rankModel";
import { baseBytes, computeBytes, embeddingTypeBytes, layerBytes } from "./weights";

/** Bytes of gathered parameters of a sharded model, by moment. */
export interface GatheredBytes {
  /** When the forward pass enters its first layer. */
  readonly atStart: number;
  /** While the loss is taken. */
  readonly atLoss: number;
  /** While the backward pass runs. */
  readonly inBackward: number;
  /** When a reference pass, with the policy's graph alive, enters its first layer. */
  readonly inReferencePass: number;
  /** What a separate reference model keeps gathered after its pass. */
  readonly keptByReference: number;
  /** 16-bit casts of weights that the graph keeps, when the backward pass begins. */
  readonly castsKept: number;
}

const nothingGathered: GatheredBytes = {
  atStart: 0,
  atLoss: 0,
  inBackward: 0,
  inReferencePass: 0,
  keptByReference: 0,
  castsKept: 0,
};

/** Autocast's casts of all weights: there while the loss is taken, and without checkpointing until the backward pass has used them. */
function castByAutocast(workload: Workload, model: RankModel): GatheredBytes {
  if (!castsWeights(workload)) return nothingGathered;
  const casts = model.total * computeBytes(workload);
  return { ...nothingGathered, atLoss: casts, castsKept: workload.checkpointing === "none" ? casts : 0 };
}

const isDistributed = ({ sharding }: Workload): boolean => sharding.degree > 1;

/** ZeRO-3 holds `stage3_max_live_parameters` (1e9 by default) and the embeddings at most; no more than the model. */
function gatheredByZero3(workload: Workload, model: RankModel): GatheredBytes {
  const most = 1e9 * computeBytes(workload) + model.embeddings * embeddingTypeBytes(workload);
  const gathered = Math.min(baseBytes(workload, model), most);
  return { ...nothingGathered, atLoss: gathered, inBackward: gathered };
}

/**
 * FSDP in accelerate's units (`accelerateUnits` of ../tools.ts has the source): the layer that runs and the next one, and what
 * embedding and head leave gathered.
 */
function gatheredByAccelerate(workload: Workload, model: RankModel): GatheredBytes {
  const twoLayers = 2 * layerBytes(workload, model);
  const embedding = model.embedding * embeddingTypeBytes(workload);
  const head = model.head * embeddingTypeBytes(workload);
  // Tied, the head is the embedding, and its backward pass is the last.
  const tied = head === 0;
  const stays = tied ? embedding : head;
  return {
    atStart: twoLayers + 2 * embedding,
    atLoss: tied ? embedding : 2 * head,
    inBackward: twoLayers + (tied ? embedding : 0),
    inReferencePass: twoLayers + embedding + stays,
    keptByReference: stays,
    castsKept: 0,
  };
}

/** FSDP: the layer that runs, the next one that is prefetched, and the embeddings; or the whole model while it is wrapped. */
function gatheredByFsdp(workload: Workload, model: RankModel): GatheredBytes {
  if (workload.tool.accelerateUnits) return gatheredByAccelerate(workload, model);
  const gathered = workload.tool.gathersWholeModel
    ? baseBytes(workload, model)
    : 2 * layerBytes(workload, model) + model.embeddings * embeddingTypeBytes(workload);
  return { ...nothingGathered, atLoss: gathered, inBackward: gathered };
}

export function gatheredBytes(workload: Workload, model: RankModel): GatheredBytes {
  if (!isDistributed(workload)) return castByAutocast(workload, model);
  switch (workload.sharding.kind) {
    case "none":
    case "ddp":
      return castByAutocast(workload, model);
    case "zero1":
    case "zero2":
    case "fsdp-grad-op":
      return nothingGathered;
    case "zero3":
      return gatheredByZero3(workload, model);
    case "fsdp":
      return gatheredByFsdp(workload, model);
  }
}

/** Bytes of one gathered layer of a sharded model; zero where nothing is gathered by layers. */
export const gatheredLayerBytes = (workload: Workload, model: RankModel): number =>
  workload.sharding.kind === "fsdp" && isDistributed(workload) ? layerBytes(workload, model) : 0;

/** Gradients of one DeepSpeed bucket (`reduce_bucket_size`, 5e8 numbers by default), 16 bits each. */
const deepspeedBucketBytes = ({ trained }: RankModel): number => Math.min(trained.count, 5e8) * 2;

/** Bytes of gradients on their way to be reduced. */
export function bucketBytes(workload: Workload, model: RankModel): number {
  const { trained } = model;
  const layer = model.layer * computeBytes(workload);
  switch (workload.sharding.kind) {
    case "none":
    case "zero1":
      return 0;
    case "ddp":
      // Buckets hold a copy of every gradient (`gradient_as_bucket_view` is off by default).
      return trained.count * trained.stateBytes;
    case "zero2":
      // One bucket fills while another is reduced (`overlap_comm`).
      return deepspeedBucketBytes(model) * (isDistributed(workload) ? 2 : 1);
    case "zero3":
      return deepspeedBucketBytes(model);
    case "fsdp-grad-op":
      return isDistributed(workload) ? 2 * layer : 0;
    case "fsdp": {
      if (!isDistributed(workload)) return 0;
      // The unsharded gradients of one layer: of adapters, their share of it.
      const share =
        workload.trainable.kind === "full" ? 1 : (trained.count * trained.weightBytes) / baseBytes(workload, model);
      return Math.min(1, share) * layer;
    }
  }
}
