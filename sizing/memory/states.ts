import type { MemoryCoefficients } from "../coefficients";
import type { Workload } from "../workload";
import { activationBytes, type ActivationBytes } from "./activations";
import { bucketBytes, gatheredBytes, type GatheredBytes } from "./communication";
import { dequantisationBytes } from "./dequantisation";
import { gradientBytes, gradientBytesInBackward } from "./gradients";
import { logitsBytes } from "./logits";
import { optimizerIsAway, weightsAreAway } from "./offload";
import { optimizerBytes, stepTemporaryBytes } from "./optimizer";
import type { RankModel } from "./rankModel";
import { referenceBytes } from "./reference";
import { weightBytes } from "./weights";

/** Bytes of everything that one GPU holds at some moment of a step. */
export interface States {
  readonly weights: number;
  readonly gradients: number;
  /** Gradients that live while the optimizer steps inside the backward pass. */
  readonly gradientsInBackward: number;
  readonly optimizer: number;
  /** What the optimizer's step makes beside its states. */
  readonly stepTemporary: number;
  readonly gathered: GatheredBytes;
  /** Gradients on their way to be reduced. */
  readonly buckets: number;
  readonly dequantisation: number;
  readonly reference: number;
  readonly activations: ActivationBytes;
  readonly logits: number;
}

export function statesOf(workload: Workload, model: RankModel, coefficients: MemoryCoefficients): States {
  const away = weightsAreAway(workload);
  const optimizerAway = optimizerIsAway(workload);
  const gathered = gatheredBytes(workload, model);
  return {
    weights: away ? 0 : weightBytes(workload, model),
    gradients: away || workload.optimizerInBackward ? 0 : gradientBytes(workload, model),
    gradientsInBackward: gradientBytesInBackward(workload, model),
    optimizer: optimizerAway ? 0 : optimizerBytes(workload, model),
    stepTemporary: optimizerAway ? 0 : stepTemporaryBytes(workload, model),
    gathered,
    buckets: bucketBytes(workload, model),
    dequantisation: dequantisationBytes(workload),
    reference: away ? 0 : referenceBytes(workload, model, gathered.keptByReference),
    activations: activationBytes(workload, coefficients),
    logits: logitsBytes(workload),
  };
}
