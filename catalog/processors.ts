/** What runs on a processor took: facts, measured and dated, from which sizing/processor.ts says what others take. */

/** A run of a recipe of flows/recipes, and the processor time it took. */
export interface MeasuredRun {
  readonly recipe: string;
  /** Processor seconds of all of the run's processes, user and system. */
  readonly runSeconds: number;
  /** Of these, those of the trainer, its libraries loaded already. */
  readonly trainingSeconds: number;
}

/**
 * Measured 2026-11-29 on 2 cores of an AMD EPYC, Linux 6.18, Python 3.11, torch 2.13 with one thread, other work beside it:
 * `python flows/<method>/flow.py run` under GNU time; the trainer alone under time.process_time().
 */
export const measuredRuns: readonly MeasuredRun[] = [
  { recipe: "sft-tiny", runSeconds: 43.3, trainingSeconds: 27.1 },
  { recipe: "dpo-tiny", runSeconds: 26.3, trainingSeconds: 7.0 },
  { recipe: "grpo-tiny", runSeconds: 38.2, trainingSeconds: 15.8 },
];

/**
 * Floating-point operations that one thread does in a second of training, and seconds that a run takes beside its training: seven steps
 * that each start Python, libraries that load for training and for evaluation, the evaluation of the tiny model. Fitted to `measuredRuns`.
 */
export const processorCoefficients = { flopsPerSecond: 35e9, runSecondsBesideTraining: 18 } as const;
