import type { Precision, Recipe } from "../contracts/recipe";
import precisionFacts from "../flows/posttraining/precision_facts.json";
import tinyFacts from "../flows/posttraining/tiny_facts.json";
import { methodOf, namesOf } from "../methods";
import { chatTemplateNames } from "./chatTemplates";
import { type FieldError, notAllowed, show } from "../validation/explain";
import type { Readable } from "../validation/readable";
import { repeated } from "../validation/repeated";

/**
 * What must hold between the fields of a recipe, whatever machine it runs on; what must hold of one method's fields is in its record
 * (methods/). flows/posttraining/recipe_relations.py says the same in Python; tests/recipes/ holds both to one table.
 */

type RecipeReading = Readable<Recipe>;

/** The model that a run starts from. That of a stage whose base is another stage's model is what the first of its chain starts from. */
export interface Base {
  /** Undefined where it is not known: then nothing is said of it. */
  readonly reference: string | undefined;
}

export const ownBase = ({ model }: RecipeReading): Base => ({ reference: model?.base });

/** @returns one entry for every field to change; fields that are wrong by themselves are passed over. */
export function recipeRelations(recipe: RecipeReading, { reference }: Base = ownBase(recipe)): FieldError[] {
  return [
    ...nameErrors(recipe),
    ...originErrors(recipe),
    ...chatTemplateErrors(recipe),
    ...sequenceErrors(recipe, reference),
    ...adapterErrors(recipe, reference),
    ...optimizerErrors(recipe),
    ...precisionErrors(recipe),
    ...batchErrors(recipe),
    ...methodOf(recipe).relations(recipe, {
      base: reference,
      contextTokens: isTinyModel(reference) ? tinyFacts.model.positions : undefined,
      examples: knownExamples(recipe),
      longestPromptTokens: isTinyTask(recipe) ? tinyFacts.dataset.longestPrompt : undefined,
    }),
    ...gateErrors(recipe),
  ];
}

function nameErrors({ method, name }: RecipeReading): FieldError[] {
  if (name === undefined || name.startsWith(`${method}-`)) return [];
  return [{ path: "name", reason: `got ${show(name)}; must begin with the method: ${method}-<size>` }];
}

export const isTinyModel = (reference: string | undefined): boolean => reference?.startsWith("tiny:") === true;

const isTinyTask = ({ dataset }: RecipeReading): boolean => dataset?.source?.startsWith("tiny:") === true;

const isOnHub = (reference: string): boolean => !/^(?:tiny:|s3:\/\/|file:\/\/)/.test(reference);

/** What only the hub has, asked of another place: it would silently have no effect. */
function originErrors({ model, dataset }: RecipeReading): FieldError[] {
  const errors: FieldError[] = [];
  if (model?.base !== undefined && model.revision !== undefined && !isOnHub(model.base)) {
    errors.push({
      path: "model.revision",
      reason: `got ${show(model.revision)}; only models of the hub have revisions, and model.base is ${show(model.base)}: remove it`,
    });
  }
  if (dataset?.source === undefined || isOnHub(dataset.source)) return errors;
  const source = `only datasets of the hub have it, and dataset.source is ${show(dataset.source)}: remove it`;
  if (dataset.revision !== undefined) {
    errors.push({ path: "dataset.revision", reason: `got ${show(dataset.revision)}; ${source}` });
  }
  if (dataset.subset !== undefined) {
    errors.push({ path: "dataset.subset", reason: `got ${show(dataset.subset)}; ${source}` });
  }
  if (dataset.split !== undefined && dataset.split !== "train") {
    errors.push({ path: "dataset.split", reason: `got ${show(dataset.split)}; ${source}` });
  }
  return errors;
}

function chatTemplateErrors({ model }: RecipeReading): FieldError[] {
  const name = model?.chatTemplate;
  if (name === undefined || chatTemplateNames().includes(name)) return [];
  return [{ path: "model.chatTemplate", reason: notAllowed(name, chatTemplateNames()) }];
}

function sequenceErrors(recipe: RecipeReading, base: string | undefined): FieldError[] {
  const { method, sequence } = recipe;
  if (sequence === undefined) return [];
  const { maxLength, maxCompletionLength, packing } = sequence;
  const { label, generates, packs } = methodOf(recipe);
  const errors: FieldError[] = [];
  if (maxLength !== undefined && isTinyModel(base) && maxLength > tinyFacts.model.positions) {
    errors.push({
      path: "sequence.maxLength",
      reason: `got ${maxLength}; ${base ?? ""} has a context of ${tinyFacts.model.positions} tokens: write that or less`,
    });
  }
  if (generates) {
    if (!("maxCompletionLength" in sequence)) {
      errors.push({
        path: "sequence.maxCompletionLength",
        reason: `is missing; ${label} needs it: the longest answer in tokens`,
      });
    }
  } else {
    if (maxCompletionLength !== undefined) {
      errors.push({
        path: "sequence.maxCompletionLength",
        reason: `got ${maxCompletionLength}; it is for recipes of method ${namesOf((other) => other.generates)}, whose policy generates answers: remove it`,
      });
    }
    const { longestExample } = tinyFacts.dataset;
    if (isTinyTask(recipe) && maxLength !== undefined && maxLength < longestExample) {
      errors.push({
        path: "sequence.maxLength",
        reason: `got ${maxLength}; an example of tiny:sums has up to ${longestExample} tokens: write ${longestExample} or more`,
      });
    }
  }
  if (packing === true && !packs) {
    errors.push({
      path: "sequence.packing",
      reason: `got true; only recipes of method ${namesOf((other) => other.packs)} pack examples, and method is ${method}: remove it`,
    });
  }
  return errors;
}

/** Of the project's own model the modules are known; of others their `config.json` may say them (resources.ts). */
function adapterErrors({ trainable }: RecipeReading, base: string | undefined): FieldError[] {
  if (trainable === undefined || trainable.kind === "full") return [];
  const { rank, targets } = trainable;
  const errors = Array.isArray(targets) ? repeated(targets, "trainable.targets") : [];
  const { hidden, modules } = tinyFacts.model;
  if (rank !== undefined && isTinyModel(base) && rank > hidden) {
    errors.push({
      path: "trainable.rank",
      reason: `got ${rank}; ${base ?? ""} is ${hidden} wide, and no adapter can have a higher rank: write ${hidden} or less`,
    });
  }
  if (Array.isArray(targets)) {
    targets.forEach((target, index) => {
      if (typeof target !== "string") return;
      const path = `trainable.targets[${index}]`;
      if (isHead(target)) {
        errors.push({
          path,
          reason: `got ${show(target)}; TRL's trainers take no adapter on the model's head, which would never be trained: remove it`,
        });
      } else if (isTinyModel(base) && !modules.includes(target)) {
        errors.push({ path, reason: notAllowed(target, modules) });
      }
    });
  }
  return errors;
}

/** The head of a language model, by its own name or by its whole path. */
export const isHead = (target: string): boolean => target.split(".").at(-1) === "lm_head";

/** Training examples, where they are known. */
export function knownExamples(recipe: RecipeReading): number | undefined {
  const { dataset } = recipe;
  const tiny = isTinyTask(recipe) ? methodOf(recipe).facts.tinyExamples : undefined;
  const known = [tiny, tiny === undefined ? dataset?.examples : undefined, dataset?.limit].filter(
    (count) => count !== undefined,
  );
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Optimizer steps of the run, where they are known. */
export function knownSteps(recipe: RecipeReading): number | undefined {
  const { duration, sequence } = recipe;
  if (duration === undefined) return undefined;
  if ("steps" in duration) return duration.steps;
  const { epochs } = duration as { readonly epochs?: number };
  const examples = knownExamples(recipe);
  // Packing makes sequences of which only their tokens are known.
  if (epochs === undefined || examples === undefined || sequence?.packing !== false) return undefined;
  const each = methodOf(recipe).stepsPerEpoch(recipe, examples);
  return each === undefined ? undefined : Math.ceil(epochs * each);
}

function optimizerErrors(recipe: RecipeReading): FieldError[] {
  const { warmupSteps, schedule } = recipe.optimizer ?? {};
  if (warmupSteps === undefined || warmupSteps === 0) return [];
  if (schedule === "constant") {
    return [
      {
        path: "optimizer.warmupSteps",
        reason: `got ${warmupSteps}; schedule "constant" has no warm-up: write optimizer.schedule: constant_with_warmup, or 0`,
      },
    ];
  }
  const steps = knownSteps(recipe);
  if (steps === undefined || warmupSteps <= steps) return [];
  return [
    {
      path: "optimizer.warmupSteps",
      reason: `got ${warmupSteps}; the run has ${steps} steps, so that the learning rate would never be reached: write ${steps} or less`,
    },
  ];
}

/** torchao's AdamW, which rounds bfloat16 weights stochastically. */
const stochasticOptimizer = "adamw_torch_8bit";

/** What a precision asks of the optimizer, the trained part and the sharding; docs/precision.md says what was measured. */
function precisionErrors({ precision, optimizer, trainable, sharding }: RecipeReading): FieldError[] {
  if (precision === undefined) return [];
  const errors = optimizerOfPrecision(precision, optimizer?.name);
  if (precision === "float32" || precision === "bfloat16-mixed") return errors;
  if (trainable !== undefined && trainable.kind !== "full") {
    errors.push({
      path: "precision",
      reason: `got ${show(precision)}; adapters are trained in float32 beside weights in bfloat16: write bfloat16-mixed`,
    });
  }
  errors.push(...shardingOfPrecision(precision, sharding));
  const { leastLearningRate } = precisionFacts.bfloat16;
  const rate = optimizer?.learningRate;
  if (precision === "bfloat16" && trainable?.kind === "full" && rate !== undefined && rate < leastLearningRate) {
    errors.push({
      path: "precision",
      reason: `got ${show(precision)}; at optimizer.learningRate ${rate} most updates are too small to change weights in bfloat16 (docs/precision.md), which was measured to work from ${leastLearningRate} on: write bfloat16-mixed, or bfloat16-stochastic with optimizer.name: ${stochasticOptimizer}`,
    });
  }
  return errors;
}

/** Shardings that weights in bfloat16 cannot be trained with. */
function shardingOfPrecision(precision: Precision, sharding: RecipeReading["sharding"]): FieldError[] {
  if (sharding === "zero2" || sharding === "zero3") {
    const reason = `got ${show(sharding)}; DeepSpeed keeps float32 weights beside those of precision ${precision}: write auto, or precision: bfloat16-mixed`;
    return [{ path: "sharding", reason }];
  }
  if (precision !== "bfloat16-stochastic" || sharding !== "fsdp2") return [];
  const reason = `got ${show(sharding)}; torchao 0.18 cannot step over FSDP2's shards (docs/precision.md): write none or ddp, or precision: bfloat16-mixed`;
  return [{ path: "sharding", reason }];
}

/** The stochastic precision and its optimizer come together. */
function optimizerOfPrecision(precision: Precision, optimizer: string | undefined): FieldError[] {
  if (optimizer === undefined || (precision === "bfloat16-stochastic") === (optimizer === stochasticOptimizer))
    return [];
  const reason =
    optimizer === stochasticOptimizer
      ? `it is the optimizer of precision bfloat16-stochastic, and precision is ${show(precision)}: write adamw_torch_fused, or precision: bfloat16-stochastic`
      : `precision bfloat16-stochastic has an optimizer of its own: write ${stochasticOptimizer}`;
  return [{ path: "optimizer.name", reason: `got ${show(optimizer)}; ${reason}` }];
}

function batchErrors(recipe: RecipeReading): FieldError[] {
  const { global, micro } = recipe.batch ?? {};
  if (global === undefined) return [];
  const errors: FieldError[] = [];
  if (micro !== undefined && micro > global) {
    errors.push({ path: "batch.micro", reason: `got ${micro}; must be at most batch.global (${global})` });
  } else if (micro !== undefined && global % micro !== 0) {
    errors.push({ path: "batch.micro", reason: `got ${micro}; must divide batch.global (${global})` });
  }
  const method = methodOf(recipe);
  const least = method.leastMicroBatch(recipe);
  if ((micro ?? global) < least) {
    errors.push({
      path: micro === undefined ? "batch.global" : "batch.micro",
      reason: `got ${micro ?? global}; ${method.label} takes ${least} or more examples in one forward pass: write ${least} or more`,
    });
  }
  return errors;
}

type Condition = Readable<Recipe["gate"][number]>;

const demands = ["minimum", "maximum", "minimumGain"] as const;

function gateErrors({ gate = [], evaluation }: RecipeReading): FieldError[] {
  const errors = repeated(evaluation?.tasks ?? [], "evaluation.tasks");
  gate.forEach((condition, index) => {
    if (condition === undefined) return;
    const { metric, minimum, maximum, confidence } = condition;
    const path = `gate[${index}]`;
    if (!demands.some((demand) => demand in condition)) {
      errors.push({ path, reason: "needs at least one of minimum, maximum, minimumGain" });
    }
    if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
      errors.push({
        path: `${path}.minimum`,
        reason: `got ${minimum}; is above maximum (${maximum}), so that no model could pass`,
      });
    }
    if (metric === undefined) return;
    const earlier = gate.slice(0, index).filter((other) => other?.metric === metric) as Condition[];
    if (earlier.some((other) => [...demands, "confidence" as const].every((part) => other[part] === condition[part]))) {
      errors.push({ path, reason: `is there twice; remove it` });
    }
    if (confidence !== undefined && metric.startsWith("train/")) {
      errors.push({
        path: `${path}.confidence`,
        reason: `got ${confidence}; ${metric} is what the trainer logs, of which no error is known: remove it, or ask it of a metric of evaluation.tasks`,
      });
    }
    errors.push(...contradictions(condition, earlier, path));
  });
  return errors;
}

/** Two conditions on one metric that no value meets. */
function contradictions({ minimum, maximum }: Condition, earlier: readonly Condition[], path: string): FieldError[] {
  const highest = Math.min(...earlier.map((other) => other.maximum ?? Number.POSITIVE_INFINITY));
  const lowest = Math.max(...earlier.map((other) => other.minimum ?? Number.NEGATIVE_INFINITY));
  const errors: FieldError[] = [];
  if (minimum !== undefined && minimum > highest) {
    errors.push({
      path: `${path}.minimum`,
      reason: `got ${minimum}; another condition wants the same metric to be at most ${highest}, so that no model could pass`,
    });
  }
  if (maximum !== undefined && maximum < lowest) {
    errors.push({
      path: `${path}.maximum`,
      reason: `got ${maximum}; another condition wants the same metric to be at least ${lowest}, so that no model could pass`,
    });
  }
  return errors;
}
