import { methodOf } from "../methods";
import {
  type AdapterTargets,
  countAdapterParameters,
  countParameters,
  findShape,
  modelNames,
  type ModelShape,
  shapeFromConfig,
} from "../sizing/shape";
import { weightBytesOf } from "../sizing/job";
import tinyFacts from "../flows/posttraining/tiny_facts.json";
import { namedMetrics } from "../recipe/evaluationChecks";
import { nearest, notAllowed, show, type FieldError } from "../validation/explain";
import type { Readable } from "../validation/readable";
import type { Recipe } from "../contracts/recipe";
import { isHead, knownSteps } from "../recipe/relations";

/**
 * What training a model of a known shape on processors takes at least (everything else comes on top of it), and what its `config.json`
 * says of a recipe's fields. Pure functions.
 */

type RecipeReading = Readable<Recipe>;

export const gib = 2 ** 30;

/** GiB as a person reads them. */
export const inGib = (bytes: number): string => `${(bytes / gib).toPrecision(3)} GiB`;

/** The shape of the model that a recipe trains: from its `config.json` where that was found, else from the planner's table. */
export function shapeOf(recipe: RecipeReading | undefined, config: unknown): ModelShape | undefined {
  const { base, shape } = recipe?.model ?? {};
  if (config !== undefined) {
    try {
      return shapeFromConfig(base ?? "", config);
    } catch {
      // Of an architecture that the planner does not read: the table may know it.
    }
  }
  const name = shape ?? base;
  return name === undefined ? undefined : findShape(name);
}

/** A shape that a recipe names and the planner's table does not have. */
export function shapeErrors({ model }: RecipeReading): FieldError[] {
  const shape = model?.shape;
  if (shape === undefined || findShape(shape) !== undefined) return [];
  const suggestion = nearest(shape, modelNames);
  const hint = suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
  return [{ path: "model.shape", reason: `got ${show(shape)}; the planner's table has no such model${hint}` }];
}

/** PEFT makes adapters in float32, whatever the model's format. */
const adapterBytes = 4;

interface Footprint {
  /** Parameters of the model. */
  readonly total: number;
  /** Parameters that are trained, bytes of each, and of one of AdamW's two moments. */
  readonly trained: number;
  readonly trainedBytes: number;
  readonly momentBytes: number;
  /** Bytes of one of the model's weights: of those that are not trained, of a reference, and of the saved model. */
  readonly weightBytes: number;
  /** Copies of the model that are held in memory beside the trained one. */
  readonly references: number;
}

function footprintOf(recipe: RecipeReading, shape: ModelShape): Footprint | undefined {
  const { trainable, precision } = recipe;
  if (trainable === undefined || precision === undefined) return undefined;
  const { total } = countParameters(shape);
  const weightBytes = precision === "float32" ? 4 : 2;
  if (trainable.kind !== "full") {
    const { rank, targets } = trainable;
    if (rank === undefined || targets === undefined) return undefined;
    const trained = countAdapterParameters(shape, rank, adapterTargets(targets));
    return { total, trained, trainedBytes: adapterBytes, momentBytes: adapterBytes, weightBytes, references: 0 };
  }
  const references = Number(methodOf(recipe).reference(recipe) === "beside");
  const trainedBytes = weightBytesOf({ precision, trainable });
  // The optimizer that rounds stochastically keeps moments of 8 bits.
  const momentBytes = precision === "bfloat16-stochastic" ? 1 : trainedBytes;
  return { total, trained: total, trainedBytes, momentBytes, weightBytes, references };
}

/** The fewest layers that as many names may stand for. */
function adapterTargets(targets: "all-linear" | readonly unknown[]): AdapterTargets {
  return targets === "all-linear" ? "all-linear" : "query-value";
}

/** Bytes of memory that a training takes at least: weights, gradients, moments, and a reference model. */
export function leastMemory(recipe: RecipeReading, shape: ModelShape): number | undefined {
  const footprint = footprintOf(recipe, shape);
  if (footprint === undefined) return undefined;
  const { total, trained, trainedBytes, momentBytes, weightBytes, references } = footprint;
  const frozen = trained === total ? 0 : total * weightBytes;
  return frozen + references * total * weightBytes + trained * 2 * (trainedBytes + momentBytes);
}

/** Bytes of disk that a run leaves at least: the model, and the checkpoints on the way to it, each with the optimizer's moments. */
export function leastDisk(recipe: RecipeReading, shape: ModelShape): number | undefined {
  const footprint = footprintOf(recipe, shape);
  if (footprint === undefined) return undefined;
  const { total, trained, trainedBytes, momentBytes, weightBytes } = footprint;
  const steps = knownSteps(recipe);
  const every = recipe.checkpointEverySteps;
  // The last one stays on the node: the model follows it (trainers/callbacks.py).
  const checkpoints = steps === undefined || every === undefined ? 0 : Math.floor((steps - 1) / every);
  return total * weightBytes + checkpoints * trained * (trainedBytes + 2 * momentBytes);
}

/** Bytes that downloading the base model takes, in the 16-bit weights that publishers ship. */
export const downloadOf = (shape: ModelShape): number => countParameters(shape).total * 2;

/** What is wrong with a recipe for the memory of a machine. */
export function memoryErrors(
  recipe: RecipeReading,
  shape: ModelShape,
  memory: number,
  options: { readonly isFirst: boolean; readonly recipeName: string },
): FieldError[] {
  const least = leastMemory(recipe, shape);
  if (least === undefined || least <= memory) return [];
  const { total } = countParameters(shape);
  const kind = recipe.trainable?.kind ?? "full";
  const withAdapters = kind === "full" && total * (recipe.precision === "float32" ? 4 : 2) < memory;
  const what = `training ${shape.name} (${(total / 1e9).toPrecision(3)} billion parameters, ${kind === "full" ? "all weights" : kind}, ${recipe.precision ?? ""}) on this machine's processors takes at least ${inGib(least)} of memory, and it has ${inGib(memory)}`;
  return [
    {
      path: withAdapters ? "trainable.kind" : options.isFirst ? "model.base" : "",
      reason: withAdapters
        ? `got "full"; ${what}: write lora, or choose a smaller model`
        : `${what}: choose a smaller model, or train on GPUs (\`npm run plan -- ${options.recipeName}\` says on which)`,
    },
  ];
}

/** An adapter that would be wider than the model. */
export function rankErrors({ trainable }: RecipeReading, shape: ModelShape): FieldError[] {
  const rank = trainable === undefined || trainable.kind === "full" ? undefined : trainable.rank;
  if (rank === undefined || rank <= shape.hidden) return [];
  return [
    {
      path: "trainable.rank",
      reason: `got ${rank}; ${shape.name} is ${shape.hidden} wide, and no adapter can have a higher rank: write ${shape.hidden} or less`,
    },
  ];
}

/** Tokens of the longest context that a `config.json` states; undefined where it states none. */
export function contextOf(config: unknown): number | undefined {
  if (typeof config !== "object" || config === null) return undefined;
  const { max_position_embeddings, n_positions, text_config } = config as Record<string, unknown>;
  for (const value of [max_position_embeddings, n_positions]) if (typeof value === "number") return value;
  return contextOf(text_config);
}

/** Sequences that are longer than the model's context, and answers that would be longer than what is advised. */
export function contextErrors({ sequence }: RecipeReading, context: number | undefined, model: string): FieldError[] {
  const { maxLength: longest, maxCompletionLength: answer } = sequence ?? {};
  if (longest === undefined || context === undefined || longest <= context) return [];
  const has = `${model} has a context of ${context} tokens`;
  const errors = [{ path: "sequence.maxLength", reason: `got ${longest}; ${has}: write that or less` }];
  // An answer as long as the longest sequence is refused beside it already.
  if (answer !== undefined && answer >= context && answer < longest) {
    errors.push({
      path: "sequence.maxCompletionLength",
      reason: `got ${answer}; ${has}, which holds prompt and answer: write ${context - 1} or less`,
    });
  }
  return errors;
}

type Tree = Readonly<Record<string, unknown>>;

/** The part of a `config.json` that is about text: models that also see have it in a mapping of its own. */
function textPart(config: unknown): Tree | undefined {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return undefined;
  const { text_config } = config as Tree;
  return typeof text_config === "object" && text_config !== null ? (text_config as Tree) : (config as Tree);
}

/** Names in `trainable.targets` that a model does not have, where its architecture has the modules of the project's own model. */
export function targetErrors({ trainable }: RecipeReading, config: unknown): FieldError[] {
  const type = textPart(config)?.model_type;
  const targets = trainable === undefined || trainable.kind === "full" ? undefined : trainable.targets;
  if (!Array.isArray(targets) || typeof type !== "string" || !tinyFacts.modelTypesWithItsModules.includes(type))
    return [];
  const modules = [...tinyFacts.model.modules, "embed_tokens"];
  return (targets as readonly (string | undefined)[]).flatMap((target, index) =>
    // PEFT takes a module by the end of its path; the head is refused by itself.
    target === undefined || isHead(target) || modules.includes(target.split(".").at(-1) ?? "")
      ? []
      : [{ path: `trainable.targets[${index}]`, reason: notAllowed(target, modules) }],
  );
}

/** Metrics that only mixtures of experts have (TRL's trainers: `router_aux_loss_coef`), asked of a model that is none. */
export function expertErrors(recipe: RecipeReading, config: unknown, model: string): FieldError[] {
  const part = textPart(config);
  if (part === undefined || mayHaveExperts(part)) return [];
  return namedMetrics(recipe)
    .filter(({ metric }) => metric === "train/aux_loss")
    .map(({ path, metric }) => ({
      path,
      reason: `got ${show(metric)}, which only mixtures of experts have, and ${model} is none (its config.json has no router_aux_loss_coef): write another metric`,
    }));
}

/** A `config.json` may leave out the coefficient where it is the architecture's own. */
function mayHaveExperts(config: Tree): boolean {
  const { router_aux_loss_coef: coefficient } = config;
  return coefficient === undefined ? Object.keys(config).some((key) => key.includes("expert")) : coefficient !== 0;
}
