import { methodOf } from "../methods";
import type { Need } from "../methods/method";
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
  const processes = processesOn(machine);
  return [
    ...batchErrors(recipe, processes),
    ...(processes === 1 ? shardingErrors(recipe) : []),
    ...(machine.gpus > 0 ? nodeErrors(recipe) : processorErrors(recipe)),
  ];
}

const refused = (path: string, value: string, reason: string): FieldError => ({
  path,
  reason: `got "${value}", ${reason}`,
});

/** What one process has no use for. */
function shardingErrors({ sharding }: Readable<Recipe>): FieldError[] {
  if (sharding === undefined || sharding === "auto" || sharding === "none") return [];
  const reason = 'which spreads states over several processes, and a local stack trains in one: write "auto"';
  return [refused("sharding", sharding, reason)];
}

/** What takes more nodes than this machine. */
const nodeErrors = (recipe: Readable<Recipe>): FieldError[] =>
  methodOf(recipe)
    .needsNodes(recipe)
    .map(({ path, value, instead }) =>
      refused(path, value, `which takes a node for generation beside this one: write "${instead}"`),
    );

/** What processors cannot do, as far as it can be read, and what to write instead. */
export function processorNeeds(recipe: Readable<Recipe>): readonly Need[] {
  const needs: Need[] = [];
  const { trainable, optimizer, model } = recipe;
  if (trainable?.kind === "qlora") needs.push({ path: "trainable.kind", value: trainable.kind, instead: "lora" });
  const name = optimizer?.name;
  if (name !== undefined && !name.startsWith("adamw_torch")) {
    needs.push({ path: "optimizer.name", value: name, instead: "adamw_torch" });
  }
  const attention = model?.attention;
  if (attention === "flash_attention_2" || attention === "flash_attention_3") {
    needs.push({ path: "model.attention", value: attention, instead: "sdpa" });
  }
  return [...needs, ...methodOf(recipe).needsGpu(recipe)];
}

const processorErrors = (recipe: Readable<Recipe>): FieldError[] =>
  processorNeeds(recipe).map(({ path, value, instead }) =>
    refused(
      path,
      value,
      `which needs a GPU, and a local stack trains on this machine's processors: write "${instead}"`,
    ),
  );

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
