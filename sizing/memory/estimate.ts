import { memoryCoefficients, type MemoryCoefficients } from "../coefficients";
import type { Workload } from "../workload";
import { engineGib } from "./generation";
import { hostBytes } from "./offload";
import { allocatorSlackGib, cachedGib, contextGib } from "./overhead";
import { gib, sumOfParts, type MemoryParts, type PeakMetric } from "./parts";
import { trainingPhases, withGeneration, type Phase, type PhaseName } from "./phases";
import { rankModelOf } from "./rankModel";
import { statesOf } from "./states";

export interface MemoryEstimate {
  /** GiB by metric. */
  readonly peakGib: Readonly<Record<PeakMetric, number>>;
  /** At the moment of the metric's peak. */
  readonly parts: Readonly<Record<PeakMetric, MemoryParts>>;
  /**
   * What the GPU must have, GiB: as `device`, but without cached blocks that the allocator gives back before it fails.
   */
  readonly requiredGib: number;
  /** Memory of the host that offloaded states take, GiB per GPU. */
  readonly hostGib: number;
  /** When the peak is reached. */
  readonly phase: PhaseName;
}

/** What a tool that prints this metric adds to the live tensors of a phase, GiB. */
interface Seen {
  readonly engine: (parts: MemoryParts) => number;
  readonly slack: (parts: MemoryParts) => number;
  readonly context: number;
}

/** The phase at which a metric is highest. */
function worstPhase(phases: readonly Phase[], { engine, slack }: Seen): Phase {
  let worst = phases[0];
  let most = -Infinity;
  // Only numbers until the worst phase is known: a search asks for thousands of estimates.
  for (const phase of phases) {
    const { parts } = phase;
    const total = sumOfParts(parts) - parts.generation + engine(parts) + slack(parts);
    if (total > most) {
      most = total;
      worst = phase;
    }
  }
  if (worst === undefined) throw new Error("a workload has at least one phase");
  return worst;
}

/** The parts at the peak of a metric, with its phase. */
function peakOf(phases: readonly Phase[], seen: Seen): Phase {
  const { phase, parts } = worstPhase(phases, seen);
  return {
    phase,
    parts: {
      ...parts,
      generation: seen.engine(parts),
      allocatorSlack: seen.slack(parts),
      cudaContext: seen.context,
    },
  };
}

const nothing = (): number => 0;

/**
 * Peak memory of one GPU for a workload: the worst moment of a step, part by part.
 *
 * @param gpuMemoryGib total of the GPU: an inference engine takes a share of it, and contexts grow with it.
 */
export function estimateMemory(
  workload: Workload,
  gpuMemoryGib = 80,
  coefficients: MemoryCoefficients = memoryCoefficients,
): MemoryEstimate {
  const model = rankModelOf(workload);
  const states = statesOf(workload, model, coefficients);
  const engine = engineGib(workload, model, gpuMemoryGib);
  const phases = withGeneration(workload, states, trainingPhases(workload, states), engine);
  const cached = cachedGib(workload, model, coefficients);
  const slack = (parts: MemoryParts): number => allocatorSlackGib(parts, cached, coefficients);
  // The allocator of the training process does not see an engine in another process, nor contexts.
  const allocated = peakOf(phases, { engine: nothing, slack: nothing, context: 0 });
  const reserved = peakOf(phases, { engine: nothing, slack, context: 0 });
  const device = peakOf(phases, {
    engine: (parts) => parts.generation,
    slack,
    context: contextGib(workload, gpuMemoryGib, coefficients),
  });
  const peakGib = {
    allocated: sumOfParts(allocated.parts),
    reserved: sumOfParts(reserved.parts),
    device: sumOfParts(device.parts),
  };
  return {
    peakGib,
    parts: { allocated: allocated.parts, reserved: reserved.parts, device: device.parts },
    requiredGib: peakGib.device - cached,
    hostGib: hostBytes(workload, model) / gib,
    phase: device.phase,
  };
}
