import type { Workload } from "../workload";
import { layersPerStage } from "./activations";
import { gib, zeroParts, type MemoryParts } from "./parts";
import type { States } from "./states";

/** When a peak may be reached. */
export type PhaseName = "forward" | "loss" | "backward" | "step" | "generation";

/** What one GPU holds at one moment, without what the allocator and the process add. */
export interface Phase {
  readonly phase: PhaseName;
  readonly parts: MemoryParts;
}

/** DPO and KTO ask their reference after the policy, whose activations wait meanwhile; GRPO before. */
const refersInLoss = ({ method, reference }: Workload): boolean =>
  method !== "grpo" && (reference === "separate" || reference === "adapter-off");

/** What is there at every moment. */
const alwaysThere = (states: States): MemoryParts => ({
  ...zeroParts,
  weights: states.weights / gib,
  optimizer: states.optimizer / gib,
  referenceModel: states.reference / gib,
});

/** The moments of one training step, GiB. */
export function trainingPhases(workload: Workload, states: States): Phase[] {
  const { gathered, activations, buckets } = states;
  const always = alwaysThere(states);
  const layers = Math.max(1, layersPerStage(workload));
  const accumulates = workload.gradientAccumulation > 1;
  const accumulated = accumulates ? states.gradients : 0;
  const afterBackward = (states.gradients + states.gradientsInBackward) / gib;
  const dequantisation = states.dequantisation / gib;
  const forwardStart: MemoryParts = {
    ...always,
    gradients: accumulated / gib,
    communication: gathered.atStart / gib,
  };
  const referencePass: MemoryParts = {
    ...forwardStart,
    activations: activations.kept / gib,
    communication: gathered.inReferencePass / gib,
  };
  const loss: MemoryParts = {
    ...always,
    gradients: accumulated / gib,
    activations: activations.kept / gib,
    logits: states.logits / gib,
    communication: gathered.atLoss / gib,
    dequantisation,
  };
  // Backward: what is kept shrinks layer by layer while gradients grow, so that one end is the worst.
  const backwardStart: MemoryParts = {
    ...loss,
    logits: 0,
    activations: (activations.kept + activations.working) / gib,
    gradients: (accumulates ? states.gradients : states.gradients / layers) / gib + states.gradientsInBackward / gib,
    communication: (gathered.inBackward + gathered.castsKept + buckets) / gib,
  };
  const backwardEnd: MemoryParts = {
    ...always,
    gradients: afterBackward,
    activations: (activations.kept / layers + activations.working) / gib,
    communication: (gathered.inBackward + buckets) / gib,
    dequantisation,
  };
  const step: MemoryParts = {
    ...always,
    gradients: afterBackward,
    optimizer: (states.optimizer + states.stepTemporary) / gib,
  };
  return [
    { phase: "forward", parts: forwardStart },
    ...(refersInLoss(workload) ? [{ phase: "loss" as const, parts: referencePass }] : []),
    { phase: "loss", parts: loss },
    { phase: "backward", parts: backwardStart },
    { phase: "backward", parts: backwardEnd },
    { phase: "step", parts: step },
  ];
}

/**
 * The same moments beside an inference engine, and the one at which it generates: a sleeping engine gives its memory back while
 * the policy trains, and offloaded states are away while it works.
 *
 * @param engine GiB
 */
export function withGeneration(workload: Workload, states: States, training: Phase[], engine: number): Phase[] {
  const { generation, offload } = workload;
  if (generation.kind !== "colocated" || engine <= 0) return training;
  const beside = generation.sleep
    ? training
    : training.map(({ phase, parts }): Phase => ({ phase, parts: { ...parts, generation: engine } }));
  const generating: MemoryParts = {
    ...alwaysThere(states),
    ...(offload.parameters ? { weights: 0, referenceModel: 0 } : {}),
    ...(offload.parameters || offload.optimizer ? { optimizer: 0 } : {}),
    generation: engine,
  };
  return [...beside, { phase: "generation", parts: generating }];
}
