import type { Recipe } from "../contracts/recipe";
import type { RehearsalShape } from "../contracts/rehearsal";
import { findShape } from "../sizing/shape";

/** What the planner's table says of a recipe's model; null where it has no such model. */
export function rehearsalShapeOf({ model }: Recipe): RehearsalShape | null {
  const shape = findShape(model.shape ?? model.base);
  if (shape === undefined) return null;
  const { layers, hidden, heads, keyValueHeads, headDimension, intermediate, experts, tiedEmbeddings } = shape;
  return {
    layers,
    hidden,
    heads,
    keyValueHeads,
    headDimension,
    intermediate,
    ...(experts === undefined ? {} : { experts }),
    tiedEmbeddings,
  };
}
