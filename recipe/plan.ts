import { methodOf } from "../methods";
import type { FieldError } from "../validation/explain";
import type { Readable } from "../validation/readable";
import type { Recipe } from "../contracts/recipe";

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
 * What a recipe asks for that one process without a GPU cannot carry out.
 *
 * @returns one entry for every field to change; fields that are wrong by themselves are passed over.
 */
export function planErrors(recipe: Readable<Recipe>): FieldError[] {
  const errors: FieldError[] = [];
  const add = (path: string, value: string, reason: string): void => {
    errors.push({ path, reason: `got "${value}", ${reason}` });
  };
  const { sharding, trainable, optimizer, model } = recipe;
  if (sharding !== undefined && sharding !== "auto" && sharding !== "none") {
    add(
      "sharding",
      sharding,
      'which spreads states over several processes, and a local stack trains in one: write "auto"',
    );
  }
  const needsGpu = "which needs a GPU, and a local stack trains on this machine\'s processors: write";
  if (trainable?.kind === "qlora") add("trainable.kind", trainable.kind, `${needsGpu} "lora"`);
  const name = optimizer?.name;
  if (name !== undefined && name !== "adamw_torch" && name !== "adamw_torch_fused") {
    add("optimizer.name", name, `${needsGpu} "adamw_torch"`);
  }
  const attention = model?.attention;
  if (attention === "flash_attention_2" || attention === "flash_attention_3") {
    add("model.attention", attention, `${needsGpu} "sdpa"`);
  }
  for (const { path, value, instead } of methodOf(recipe).needsGpu(recipe)) {
    add(path, value, `${needsGpu} "${instead}"`);
  }
  return errors;
}

/** The plan for one process on this machine's processors: what a local stack uses for a recipe without `planErrors`. */
export function planForThisMachine(recipe: Recipe): RunPlan {
  const microBatch = recipe.batch.micro ?? recipe.batch.global;
  return {
    nodes: 1,
    gpusPerNode: 0,
    microBatch,
    gradientAccumulation: recipe.batch.global / microBatch,
    sharding: "none",
    activationCheckpointing: recipe.activationCheckpointing === "auto" ? "none" : recipe.activationCheckpointing,
    kubernetes: null,
  };
}
