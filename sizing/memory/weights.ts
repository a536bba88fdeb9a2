import type { Workload } from "../workload";
import type { RankModel } from "./rankModel";
import { shardsOf } from "./shards";

/**
 * Bytes of one quantised weight. NF4 has 4 bits a weight and a float32 scale per block of 64; quantised twice, the scales
 * are 8 bits each with a float32 per 256 of them (QLoRA, arXiv:2305.14314, section 3). LLM.int8() has a byte a weight, and
 * scales by row that do not count.
 */
export function quantisedBytes(quantisation: Workload["quantisation"]): number {
  switch (quantisation) {
    case "nf4":
      return 0.5 + 4 / 64;
    case "nf4-double":
      return 0.5 + 1 / 64 + 4 / (64 * 256);
    case "int8":
      return 1;
  }
}

/** Bytes of one weight in the type that layers compute with: mixed precision casts float32 weights to 16 bits. */
export const computeBytes = ({ weightBytes, mixedPrecision }: Workload): number =>
  weightBytes === 4 && mixedPrecision ? 2 : weightBytes;

/** Bytes of one weight that 4-bit loading leaves unquantised: embedding, head and norms. */
const unquantisedBytes = ({ tool, weightBytes }: Workload): number =>
  tool.float32Residual && weightBytes === 2 ? 4 : weightBytes;

/** Bytes of one weight of embedding or head as a layer computes with it. */
export const embeddingTypeBytes = (workload: Workload): number =>
  workload.trainable.kind === "qlora" ? unquantisedBytes(workload) : computeBytes(workload);

/** Bytes of the model without adapters on one rank, before sharding: parameters times the bytes of their format. */
export function baseBytes(workload: Workload, model: RankModel): number {
  if (workload.trainable.kind !== "qlora") return model.total * workload.weightBytes;
  return (
    model.linear * quantisedBytes(workload.quantisation) + (model.total - model.linear) * unquantisedBytes(workload)
  );
}

/** Bytes of one layer's weights as they travel to the GPUs that compute with them. */
export const layerBytes = (workload: Workload, model: RankModel): number =>
  workload.trainable.kind === "qlora"
    ? model.layer * quantisedBytes(workload.quantisation)
    : model.layer * computeBytes(workload);

/** Bytes of weights that one GPU has a share of: models x (base + adapters) / shards. */
export const weightBytes = (workload: Workload, model: RankModel): number =>
  (model.trainedModels * (baseBytes(workload, model) + model.added * model.trained.weightBytes)) /
  shardsOf(workload, "weights");
