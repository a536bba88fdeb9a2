import type { FieldError } from "../validation/explain";
import { type LocalReading, recipePath, type StageReading } from "../configuration/local";
import type { Machine } from "./machine";
import { isTinyModel } from "../recipe/relations";
import { findDatasets, findModel, type FoundDataset, type FoundModel } from "./references";
import {
  contextErrors,
  contextOf,
  downloadOf,
  expertErrors,
  inGib,
  leastDisk,
  memoryErrors,
  rankErrors,
  shapeErrors,
  shapeOf,
  targetErrors,
} from "./resources";
import { standingStages } from "./standingRuns";

/**
 * What only this machine can say of the models and datasets of a local stack: whether they can be had, and whether they fit. A stage
 * whose run is recorded starts none, and is not held to it.
 */

/** A stage with the base model that the first stage of its chain starts from. */
interface Started {
  readonly stage: StageReading;
  readonly first: StageReading;
  readonly model: FoundModel;
}

/**
 * @param note is told what the hub says of licences: they are for people to judge, and nothing is refused for one.
 * @returns one entry for every field to change
 */
export async function modelErrors(
  { stages, endpoint }: LocalReading,
  machine: Machine,
  note: (line: string) => void = () => undefined,
): Promise<FieldError[]> {
  const standing = standingStages(stages, machine);
  const starting = stages.filter(({ index }) => !standing.has(index));
  const firsts = [...new Set(starting.map(firstOf))];
  const models = new Map(
    await Promise.all(
      firsts.map(async (first) => [first, await modelOf(first, !standing.has(first.index), machine)] as const),
    ),
  );
  const started = starting.flatMap((stage): Started[] => {
    const first = firstOf(stage);
    const model = models.get(first);
    return model === undefined ? [] : [{ stage, first, model }];
  });
  const licences = new Set([...models.values()].map((model) => model?.licence));
  const errors = await Promise.all(
    started.map(async (each) => {
      const others = await otherErrors(each.stage, machine);
      licences.add(others.licence);
      const wrong = [...fitErrors(each, machine), ...others.errors];
      return wrong.map(({ path, reason }) => ({ path: recipePath(each.stage, path), reason }));
    }),
  );
  for (const licence of licences) if (licence !== undefined) note(licence);
  return [...errors.flat(), ...diskErrors(started, endpoint?.serves, machine)];
}

function firstOf(stage: StageReading): StageReading {
  return stage.from === undefined ? stage : firstOf(stage.from);
}

async function modelOf({ recipe }: StageReading, isNeeded: boolean, machine: Machine): Promise<FoundModel | undefined> {
  return recipe === undefined ? undefined : findModel(recipe, isNeeded, machine);
}

async function otherErrors({ recipe }: StageReading, machine: Machine): Promise<FoundDataset> {
  if (recipe === undefined) return { errors: [] };
  const found = await findDatasets(recipe, machine);
  return { ...found, errors: [...shapeErrors(recipe), ...found.errors] };
}

/** Whether the model is there, and memory and model are large enough for the recipe. */
function fitErrors({ stage, first, model }: Started, machine: Machine): FieldError[] {
  const { recipe, recipeName = "" } = stage;
  const base = first.recipe?.model?.base;
  if (recipe === undefined || base === undefined) return [];
  const errors = first === stage ? [...model.errors] : [];
  // Of the project's own model, which takes next to no memory, the recipe's own checks say everything.
  if (isTinyModel(base)) return errors;
  errors.push(
    ...contextErrors(recipe, contextOf(model.config), base),
    ...targetErrors(recipe, model.config),
    ...expertErrors(recipe, model.config, base),
  );
  const shape = shapeOf(first.recipe, model.config);
  if (shape === undefined) return errors;
  const options = { isFirst: first === stage, recipeName };
  return [...errors, ...memoryErrors(recipe, shape, machine.memory(), options), ...rankErrors(recipe, shape)];
}

function diskErrors(started: readonly Started[], served: string | undefined, machine: Machine): FieldError[] {
  let least = 0;
  for (const { stage, first, model } of started) {
    const base = first.recipe?.model?.base;
    const shape = base === undefined || isTinyModel(base) ? undefined : shapeOf(first.recipe, model.config);
    if (shape === undefined || stage.recipe === undefined) continue;
    least += leastDisk(stage.recipe, shape) ?? 0;
    if (first === stage && !model.isHere) least += downloadOf(shape);
    // The endpoint has a copy of its own.
    if (stage.name === served) least += downloadOf(shape);
  }
  const free = least === 0 ? Number.POSITIVE_INFINITY : machine.freeDisk();
  if (least <= free) return [];
  return [
    {
      path: "stages",
      reason: `the models and checkpoints of the runs that would start take at least ${inGib(least)} on the disk of .posttraining, and ${inGib(free)} are free: make room, choose smaller models or LoRA, or raise checkpointEverySteps`,
    },
  ];
}
