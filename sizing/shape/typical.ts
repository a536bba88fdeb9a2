import type { ModelShape } from "../../catalog/models";
import { countParameters } from "./parameters";
import { shapeNamed } from "./table";

/** Models of one generation and many sizes, by which the shape of an unknown model is guessed. */
const typicalDecoders = [
  "Qwen/Qwen3-0.6B",
  "meta-llama/Llama-3.2-1B",
  "Qwen/Qwen2.5-1.5B",
  "meta-llama/Llama-3.2-3B",
  "Qwen/Qwen3-4B",
  "Qwen/Qwen2.5-7B",
  "meta-llama/Llama-3.1-8B",
  "Qwen/Qwen3-14B",
  "Qwen/Qwen2.5-32B",
  "meta-llama/Llama-3.1-70B",
  "meta-llama/Llama-3.1-405B",
].map(shapeNamed);

/**
 * A plausible shape for a model of which only the size is known: the nearest modern grouped-query model of the table,
 * with its layers scaled so that the parameters agree. A name such as `X-80B-A3B` gives a mixture of experts, and Gemma
 * keeps its large vocabulary.
 */
export function interpolateShape(name: string, parametersB: number): ModelShape {
  if (/-a\d+(\.\d+)?b/i.test(name)) return { ...shapeNamed("Qwen/Qwen3-30B-A3B"), name, parametersB };
  const distance = (shape: ModelShape): number => Math.abs(Math.log(countParameters(shape).total / 1e9 / parametersB));
  const nearest = typicalDecoders.reduce((best, other) => (distance(other) < distance(best) ? other : best));
  const gemma = /gemma/i.test(name) ? { vocabulary: 262144, tiedEmbeddings: true } : {};
  return { ...nearest, ...gemma, name, parametersB };
}
