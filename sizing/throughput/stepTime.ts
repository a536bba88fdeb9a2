import type { Gpu } from "../../catalog/gpus";
import { timeCoefficients, type TimeCoefficients } from "../coefficients";
import type { Workload } from "../workload";
import { communicationSeconds, type Interconnect } from "./communication";
import { computeSeconds } from "./compute";
import { generationSeconds } from "./generation";
import { optimizerSeconds } from "./optimizer";
import { passOf } from "./passes";

/** Where the time of one optimizer step goes, seconds. */
export interface StepTime {
  readonly seconds: number;
  readonly compute: number;
  /** Communication that computation does not hide. */
  readonly communication: number;
  readonly optimizer: number;
  /** GRPO: producing the completions. */
  readonly generation: number;
  /** Tokens that one GPU trains on per second, padding not counted. */
  readonly tokensPerSecondPerGpu: number;
}

export interface TimeOptions {
  /** Mean tokens of a sequence over its longest. */
  readonly fillShare?: number;
  readonly interconnect?: Interconnect;
  /** Matrix products in float8. */
  readonly float8?: boolean;
  /** Sequences are packed, so that no padding is computed. */
  readonly packed?: boolean;
}

/** Time of one optimizer step of one GPU, from arithmetic, memory traffic and communication. */
export function estimateStepTime(
  workload: Workload,
  gpu: Gpu,
  options: TimeOptions = {},
  coefficients: TimeCoefficients = timeCoefficients,
): StepTime {
  const { gradientAccumulation, sharding } = workload;
  const pass = passOf(workload, options.fillShare ?? 1, options.packed ?? false);
  const compute = computeSeconds(workload, pass, gpu, options.float8 === true, coefficients);
  const all = communicationSeconds(workload, pass, gpu, options.interconnect, coefficients);
  const hidden = Math.min(all, compute) * (1 - coefficients.exposedCommunication);
  const communication = all - hidden;
  const optimizer = optimizerSeconds(workload, pass, gpu);
  const generation = generationSeconds(workload, gpu, pass.counts.total, coefficients);
  const seconds = (compute + communication) * gradientAccumulation + optimizer + generation;
  return {
    seconds,
    compute: compute * gradientAccumulation,
    communication: communication * gradientAccumulation,
    optimizer,
    generation,
    tokensPerSecondPerGpu: (pass.tokens * gradientAccumulation) / seconds / pass.split / sharding.contextParallel,
  };
}
