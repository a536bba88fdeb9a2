import { methodOf } from "../methods";
import { errorMessage, type FieldError } from "../validation/explain";
import type { Readable } from "../validation/readable";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";

/** What of a machine decides how a recipe runs on it. */
export interface TrainingMachine {
  /** 0: one process trains on its processors. */
  readonly gpus: number;
}

/** A local stack trains on this machine's processors, whatever GPUs it has: the tiny model needs none. */
export const localStackMachine: TrainingMachine = { gpus: 0 };

/** A recipe that one machine cannot carry out. */
export class PlanError extends Error {
  constructor(
    name: string,
    readonly errors: readonly FieldError[],
  ) {
    super(errorMessage(`The recipe ${name} cannot run on this machine:`, errors));
    this.name = "PlanError";
  }
}

/** Processes that train on a machine: one for each of its GPUs, and one where it has none. */
const processesOn = ({ gpus }: TrainingMachine): number => Math.max(gpus, 1);

/**
 * What a recipe asks for that one machine cannot carry out.
 *
 * @returns one entry for every field to change; fields that are wrong by themselves are passed over.
 */
export function planErrors(recipe: Readable<Recipe>, machine: TrainingMachine): FieldError[] {
  const errors: FieldError[] = batchErrors(recipe, processesOn(machine));
  const add = (path: string, value: string, reason: string): void => {
    errors.push({ path, reason: `got "${value}", ${reason}` });
  };
  const { sharding } = recipe;
  if (processesOn(machine) === 1 && sharding !== undefined && sharding !== "auto" && sharding !== "none") {
    add(
      "sharding",
      sharding,
      'which spreads states over several processes, and a local stack trains in one: write "auto"',
    );
  }
  if (machine.gpus > 0) {
    for (const { path, value, instead } of methodOf(recipe).needsNodes(recipe)) {
      add(path, value, `which takes a node for generation beside this one: write "${instead}"`);
    }
    return errors;
  }
  const { trainable, optimizer, model } = recipe;
  const needsGpu = "which needs a GPU, and a local stack trains on this machine's processors: write";
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

/** Whether the processes can share the batch evenly. That micro batches make a batch at all, relations.ts sees to. */
function batchErrors(recipe: Readable<Recipe>, processes: number): FieldError[] {
  const { global, micro } = recipe.batch ?? {};
  if (global === undefined || processes === 1 || (micro !== undefined && global % micro !== 0)) return [];
  const path = "batch.global";
  if (global % processes !== 0) {
    return [{ path, reason: `got ${global}; must be a multiple of ${processes}, the GPUs of this machine` }];
  }
  if (micro === undefined) {
    const method = methodOf(recipe);
    const least = method.leastMicroBatch(recipe);
    const needed = `${method.label} takes ${least} or more examples in one forward pass on each of ${processes} GPUs`;
    return global / processes >= least
      ? []
      : [{ path, reason: `got ${global}; ${needed}: write ${least * processes} or more` }];
  }
  if (global % (micro * processes) === 0) return [];
  const factors = `batch.micro (${micro}) times ${processes}, the GPUs of this machine`;
  return [{ path, reason: `got ${global}; must be a multiple of ${factors}` }];
}

/**
 * The plan for one machine, whoever asks for it: a local stack, the planner for a recipe that needs no GPU, a run that is started by
 * hand (`plan_for_this_machine` in flows/posttraining/plans.py decides the same: tests/contracts/plans.json).
 *
 * @throws PlanError where the machine cannot carry the recipe out; nothing is rounded to what it can.
 */
export function planForThisMachine(recipe: Recipe, machine: TrainingMachine): Plan {
  const errors = planErrors(recipe, machine);
  if (errors.length > 0) throw new PlanError(recipe.name, errors);
  const processes = processesOn(machine);
  const microBatch = recipe.batch.micro ?? recipe.batch.global / processes;
  return {
    nodes: 1,
    generationNodes: 0,
    gpusPerNode: machine.gpus,
    microBatch,
    gradientAccumulation: recipe.batch.global / (microBatch * processes),
    sharding: recipe.sharding === "auto" ? (processes > 1 ? "fsdp2" : "none") : recipe.sharding,
    activationCheckpointing:
      recipe.activationCheckpointing === "auto" ? (machine.gpus > 0 ? "full" : "none") : recipe.activationCheckpointing,
  };
}
