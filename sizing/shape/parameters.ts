import type { ModelShape } from "../../catalog/models";

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
