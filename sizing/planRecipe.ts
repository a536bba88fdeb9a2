import type { Recipe } from "../contracts/recipe";
import { isTiny, jobFromRecipe } from "./job";
import { search, type Candidate, type Choice, type Constraints, type SearchResult } from "./search";

/** The part of a plan that a flow reads: `plan` of the run document (docs/contracts.md). */
export interface FlowPlan {
  readonly nodes: number;
  /** Zero: no GPU, everything runs on this machine's processors. */
  readonly gpusPerNode: number;
  /** Sequences (DPO: pairs, GRPO: completions) per forward pass on one GPU. */
  readonly microBatch: number;
  readonly gradientAccumulation: number;
  readonly sharding: "none" | "ddp" | "fsdp2" | "zero2" | "zero3";
  readonly activationCheckpointing: "none" | "full";
  readonly kubernetes: null;
  /** Only for GRPO with a colocated engine. */
  readonly generation?: { readonly memoryUtilization: number; readonly tensorParallel: number };
}

/** What the infrastructure needs to know of a plan beside what the flow reads. */
export interface MachinePlan {
  readonly instanceType: string;
  readonly nodes: number;
  /** Nodes that only generate, beside `nodes`. */
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

export interface Plan {
  readonly recipe: string;
  readonly flow: FlowPlan;
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
  readonly alternatives: readonly { readonly plan: Plan; readonly reason: string }[];
}

/** Nothing that is allowed can run the recipe; the message says what could. */
export class NothingFitsError extends Error {
  constructor(readonly result: Extract<SearchResult, { fits: false }>) {
    super(result.message);
    this.name = "NothingFitsError";
  }
}

/** The plan for a recipe that runs on processors: one process does the whole batch. */
function localPlan(recipe: Recipe): Plan {
  const microBatch = recipe.batch.micro ?? recipe.batch.global;
  return {
    recipe: recipe.name,
    flow: {
      nodes: 1,
      gpusPerNode: 0,
      microBatch,
      gradientAccumulation: Math.max(1, Math.round(recipe.batch.global / microBatch)),
      sharding: "none",
      activationCheckpointing: recipe.activationCheckpointing === "full" ? "full" : "none",
      kubernetes: null,
    },
    machines: null,
    usdPerHour: 0,
    hours: 0,
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
): Plan {
  const { layout, instance, nodes } = candidate;
  return {
    recipe,
    flow: {
      nodes,
      gpusPerNode: instance.gpus,
      microBatch: layout.microBatch,
      gradientAccumulation: layout.gradientAccumulation,
      sharding: layout.sharding,
      activationCheckpointing: layout.checkpointing === "none" ? "none" : "full",
      kubernetes: null,
      ...(layout.utilization > 0
        ? { generation: { memoryUtilization: layout.utilization, tensorParallel: layout.engineTensorParallel } }
        : {}),
    },
    machines: {
      instanceType: instance.name,
      nodes,
      generationNodes: candidate.generationNodes,
      gpusPerNode: instance.gpus,
      gpu: candidate.gpu.name,
      efaInterfacesPerNode: nodes + candidate.generationNodes > 1 ? instance.efaInterfaces : 0,
      capacity: candidate.capacity,
      placementGroup: nodes + candidate.generationNodes > 1,
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
 * @throws JobError when the model's shape is not known.
 * @throws ConstraintError when a constraint names what the catalog does not have.
 * @throws NothingFitsError when nothing that is allowed fits.
 */
export function planRecipe(recipe: Recipe, constraints: Constraints = {}): Plan {
  if (isTiny(recipe)) return localPlan(recipe);
  const result = search(jobFromRecipe(recipe), constraints);
  if (!result.fits) throw new NothingFitsError(result);
  const convert = (choice: Choice): Plan => planFromCandidate(recipe.name, choice.plan, choice.reason, []);
  return {
    ...planFromCandidate(recipe.name, result.best.plan, result.best.reason, result.notes),
    alternatives: result.alternatives.map((choice) => ({ plan: convert(choice), reason: choice.reason })),
  };
}
