import type { MemoryCoefficients } from "../coefficients";
import { activeIntermediate } from "../shape";
import type { Workload } from "../workload";
import { layerActivations } from "./layerActivations";
import { tokensPerPass } from "./tokens";

/** Bytes of activations on one GPU. */
export interface ActivationBytes {
  /** Kept from the forward pass until the backward pass comes back to their layer. */
  readonly kept: number;
  /** What the backward pass of one layer makes on top: its activations made again, and gradients. */
  readonly working: number;
}

/** Bytes per token and layer of matrix products that selective checkpointing keeps: every second one, and what attention returns. */
function keptProducts({ shape, sharding }: Workload): number {
  const query = shape.heads * shape.headDimension;
  const keyValue = shape.keyValueHeads * shape.headDimension;
  const outputs = query + 2 * keyValue + 2 * shape.hidden + (shape.gatedMlp ? 2 : 1) * activeIntermediate(shape);
  return (2 * query + outputs) / sharding.tensorParallel;
}

/** Full checkpointing keeps the input of each layer; offloaded, all but two of them are in host memory. */
const boundariesKept = ({ offload }: Workload, layers: number): number => (offload.activations ? 2 : layers + 1);

/** Bytes of a dense mask: one for each pair of tokens, and two for what the kernel of a layer makes of it and keeps for its backward pass. */
function maskBytes({ mask }: Workload, tokens: number): { readonly whole: number; readonly ofLayer: number } {
  const pairs = mask === "dense-row" ? tokens ** 2 : 0;
  return { whole: pairs, ofLayer: 2 * pairs };
}

/** Layers of one pipeline stage. */
export const layersPerStage = ({ shape, sharding }: Workload): number => shape.layers / sharding.pipelineParallel;

/**
 * Bytes of activations: tokens x layers x bytes per token and layer, by what checkpointing keeps. Pipeline stages hold those of as
 * many micro batches as there are stages.
 */
export function activationBytes(workload: Workload, coefficients: MemoryCoefficients): ActivationBytes {
  const tokens = tokensPerPass(workload);
  const layers = layersPerStage(workload);
  const inFlight = workload.sharding.pipelineParallel;
  const { layer, boundary, transient } = layerActivations(workload, coefficients);
  const { whole, ofLayer } = maskBytes(workload, tokens);
  switch (workload.checkpointing) {
    case "none":
      return {
        kept: tokens * (layer * layers + boundary) * inFlight + whole + ofLayer * layers,
        working: tokens * transient,
      };
    case "selective": {
      // Matrix products are kept, elementwise work is done again.
      const products = keptProducts(workload);
      return {
        kept: tokens * (boundary + products) * layers * inFlight,
        working: tokens * (Math.max(0, layer - products) + transient),
      };
    }
    case "full":
      return {
        kept: tokens * boundary * boundariesKept(workload, layers) * inFlight + whole,
        working: tokens * (layer + transient) + ofLayer,
      };
  }
}
