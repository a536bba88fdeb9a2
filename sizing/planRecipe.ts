import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import { localStackMachine, planForThisMachine } from "../recipe/plan";
import { isTiny, jobFromRecipe } from "./job";
import { rateNotes } from "./learningRates";
import { tinyHours } from "./processor";
import { search, type Candidate, type Constraints, type SearchResult } from "./search";

/** The machines that a plan runs on: what the infrastructure needs to know beside what the flow reads. */
export interface MachinePlan {
  readonly instanceType: string;
  /** All nodes, those that only generate included. */
  readonly nodes: number;
  /** Of `nodes`, those that only generate. */
  readonly generationNodes: number;
  readonly gpusPerNode: number;
  readonly gpu: string;
  readonly efaInterfacesPerNode: number;
  readonly capacity: "on-demand" | "capacity-block";
  /** Nodes share one Availability Zone and placement group. */
  readonly placementGroup: boolean;
  /** Host memory and local disk that a pod needs. */
  readonly hostGib: number;
  readonly diskGb: number;
  /** Shared memory (`/dev/shm`) of a pod: NCCL and data loaders. */
  readonly sharedMemoryGib: number;
}

/** A plan with what it takes, and why it is the one. */
export interface SizedPlan {
  readonly recipe: string;
  /** What the flow carries out. */
  readonly plan: Plan;
  /** What is kept in host memory, where that was allowed. The project's flows do not do that: another trainer has to. */
  readonly offload: "none" | "parameters";
  /** Null for a recipe that needs no GPU. */
  readonly machines: MachinePlan | null;
  readonly usdPerHour: number;
  readonly hours: number;
  readonly usdPerRun: number;
  readonly peakGib: number;
  readonly gpuMemoryGib: number;
  readonly tokensPerSecondPerGpu: number;
  readonly reason: string;
  readonly notes: readonly string[];
  readonly alternatives: readonly SizedPlan[];
}

/** Nothing that is allowed can run the recipe; the message says what could. */
export class NothingFitsError extends Error {
  constructor(readonly result: Extract<SearchResult, { fits: false }>) {
    super(result.message);
    this.name = "NothingFitsError";
  }
}

/** The plan for a recipe that runs on processors: one process does the whole batch. */
function localPlan(recipe: Recipe): SizedPlan {
  return {
    recipe: recipe.name,
    plan: planForThisMachine(recipe, localStackMachine),
    offload: "none",
    machines: null,
    usdPerHour: 0,
    hours: tinyHours(recipe),
    usdPerRun: 0,
    peakGib: 0,
    gpuMemoryGib: 0,
    tokensPerSecondPerGpu: 0,
    reason: "A tiny model trains on this machine's processors.",
    notes: [],
    alternatives: [],
  };
}

/** A candidate of the search in the words of the rest of the project. */
export function planFromCandidate(
  recipe: string,
  candidate: Candidate,
  reason: string,
  notes: readonly string[] = [],
): SizedPlan {
  const { layout, instance, nodes, generationNodes } = candidate;
  return {
    recipe,
    plan: {
      nodes,
      generationNodes,
      gpusPerNode: instance.gpus,
      microBatch: layout.microBatch,
      gradientAccumulation: layout.gradientAccumulation,
      sharding: layout.sharding,
      activationCheckpointing: layout.checkpointing === "none" ? "none" : "full",
      ...(layout.utilization > 0
        ? { generation: { memoryUtilization: layout.utilization, tensorParallel: layout.engineTensorParallel } }
        : {}),
    },
    offload: layout.offload,
    machines: {
      instanceType: instance.name,
      nodes,
      generationNodes,
      gpusPerNode: instance.gpus,
      gpu: candidate.gpu.name,
      efaInterfacesPerNode: nodes > 1 ? instance.efaInterfaces : 0,
      capacity: candidate.capacity,
      placementGroup: nodes > 1,
      hostGib: Math.ceil(candidate.hostGib),
      diskGb: Math.ceil(candidate.diskGb),
      sharedMemoryGib: Math.max(2, 2 * instance.gpus),
    },
    usdPerHour: candidate.usdPerHour,
    hours: candidate.hours.total,
    usdPerRun: candidate.usdPerRun,
    peakGib: candidate.memory.requiredGib,
    gpuMemoryGib: candidate.gpu.memoryGib,
    tokensPerSecondPerGpu: candidate.step.tokensPerSecondPerGpu,
    reason,
    notes,
    alternatives: [],
  };
}

/**
 * Sizes a recipe: the plan to run it with, two alternatives, and why.
 *
 * @throws PlanError when a recipe that needs no GPU asks for what this machine cannot do.
 * @throws JobError when the model's shape is not known.
 * @throws ConstraintError when a constraint names what the catalog does not have.
 * @throws NothingFitsError when nothing that is allowed fits.
 */
export function planRecipe(recipe: Recipe, constraints: Constraints = {}): SizedPlan {
  if (isTiny(recipe)) return localPlan(recipe);
  const result = search(jobFromRecipe(recipe), constraints);
  if (!result.fits) throw new NothingFitsError(result);
  const { best, alternatives, notes } = result;
  return {
    ...planFromCandidate(recipe.name, best.plan, best.reason, [...notes, ...rateNotes(recipe)]),
    alternatives: alternatives.map(({ plan, reason }) => planFromCandidate(recipe.name, plan, reason)),
  };
}
