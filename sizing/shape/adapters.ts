import type { ModelShape } from "../../catalog/models";

/** Which linear layers carry adapters. */
export type AdapterTargets = "query-value" | "attention" | "all-linear";

/**
 * Parameters that low-rank adapters of this rank add, over all layers. Experts are fused tensors that adapter libraries
 * pass over, so a mixture of experts has adapters on its attention only.
 */
export function countAdapterParameters(shape: ModelShape, rank: number, targets: AdapterTargets): number {
  return parametersPerRank(shape, targets) * rank * shape.layers;
}

/** Of one layer: each adapted matrix adds a row as wide as its input and a column as high as its output. */
function parametersPerRank(shape: ModelShape, targets: AdapterTargets): number {
  const query = shape.hidden + shape.heads * shape.headDimension;
  const keyOrValue = shape.hidden + shape.keyValueHeads * shape.headDimension;
  const attention = query + 2 * keyOrValue + query;
  switch (targets) {
    case "query-value":
      return query + keyOrValue;
    case "attention":
      return attention;
    case "all-linear": {
      const mlpMatrices = shape.gatedMlp ? 3 : 2;
      return shape.experts === undefined ? attention + mlpMatrices * (shape.hidden + shape.intermediate) : attention;
    }
  }
}
