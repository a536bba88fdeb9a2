import type { Recipe } from "./recipe";

/** How training states are spread over GPUs once the planner has decided. */
export type Sharding = Exclude<Recipe["sharding"], "auto">;

/** What the planner decided for one run; the flow carries it out. Part of the document in docs/contracts.md. */
export interface RunPlan {
  readonly nodes: number;
  /** 0 on a machine without GPUs. */
  readonly gpusPerNode: number;
  /** Sequences per forward pass on one device. */
  readonly microBatch: number;
  readonly gradientAccumulation: number;
  readonly sharding: Sharding;
  readonly activationCheckpointing: "none" | "full";
  /** Arguments for Metaflow's `@kubernetes`; null where flows run on this machine. */
  readonly kubernetes: Readonly<Record<string, unknown>> | null;
}

/**
 * The plan for one process on this machine's CPU: what the `local` stack uses.
 *
 * @throws if the recipe asks for sharding, which needs more than one process.
 */
export function planForThisMachine(recipe: Recipe): RunPlan {
  const sharding = recipe.sharding === "auto" ? "none" : recipe.sharding;
  if (sharding !== "none") {
    throw new Error(
      `recipe ${recipe.name}: sharding is "${sharding}", but the local stack trains in one process: set "auto" or "none"`,
    );
  }
  const microBatch = recipe.batch.micro ?? recipe.batch.global;
  if (recipe.batch.global % microBatch !== 0) {
    throw new Error(
      `recipe ${recipe.name}: batch.global (${recipe.batch.global}) must be a multiple of batch.micro (${microBatch})`,
    );
  }
  return {
    nodes: 1,
    gpusPerNode: 0,
    microBatch,
    gradientAccumulation: recipe.batch.global / microBatch,
    sharding,
    activationCheckpointing: recipe.activationCheckpointing === "auto" ? "none" : recipe.activationCheckpointing,
    kubernetes: null,
  };
}
