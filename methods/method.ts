import type { z } from "zod";
import type { FieldError } from "../validation/explain";
import type { Readable } from "../validation/readable";

/**
 * A training method: what of a recipe is its own, what must hold of it, what it logs, and what the planner must know. Its Python
 * half is flows/posttraining/methods/<name>.py. Whatever is said of a method is said in its record; the registry is index.ts.
 */

/** What a method's rules read of a recipe beside the method's own fields; contracts/recipe.ts has all of it. */
export interface SharedFields {
  readonly method: string;
  readonly sequence?: Readable<{ maxLength: number; maxCompletionLength?: number | undefined }> | undefined;
  readonly batch?: Readable<{ global: number; micro?: number | undefined }> | undefined;
}

/** A recipe of a method with these fields, as far as a method reads it. */
type RecipeWith<Fields extends z.ZodRawShape> = SharedFields & z.infer<z.ZodObject<Fields>>;

/** What can be read of such a recipe: fields that are wrong by themselves are missing. A whole recipe is one too. */
export type RecipeReading<Fields extends z.ZodRawShape> = SharedFields & Readable<z.infer<z.ZodObject<Fields>>>;

/** What is known of a run beside its recipe; what is not known is undefined. */
export interface RunFacts {
  /** Model that the run starts from, and tokens of its context. */
  readonly base: string | undefined;
  readonly contextTokens: number | undefined;
  /** Training examples, and tokens of the longest prompt. */
  readonly examples: number | undefined;
  readonly longestPromptTokens: number | undefined;
}

/** What flows/posttraining/methods/<name>.facts.json says; both languages read it, and a test holds it to the installed TRL. */
export interface MethodFacts {
  /** Version of TRL that the metrics are of. */
  readonly version: string;
  /** Training examples of tiny:sums. */
  readonly tinyExamples: number;
  /** Names that `train/<metric>` may have. `always`: of every run; `experts`: of mixtures of experts. */
  readonly metrics: { readonly always: readonly string[]; readonly experts: readonly string[] };
}

/** Where log-probabilities of the model before training come from: nobody asks, a model beside the trained one, or a pass before it. */
export type ReferenceModel = "none" | "beside" | "precomputed";

/** Where answers are generated while training: nowhere, in the trainer, by vLLM on nodes of its own, or on the trainer's GPUs. */
export type AnswerGeneration =
  | { readonly kind: "none" | "transformers" | "server" }
  | {
      readonly kind: "colocated";
      /** Share of a GPU's memory that vLLM may take. */
      readonly utilization: number | "auto";
      readonly sleep: boolean;
    };

/** A value that asks for what a machine does not have, and what to write instead. */
export interface Need {
  readonly path: string;
  readonly value: string;
  readonly instead: string;
}

/**
 * The record of one method. Functions are written as methods on purpose: their parameters are then compared both ways, so that the
 * record of any one method is a `Method`.
 */
export interface Method<
  Name extends string = string,
  Fields extends z.ZodRawShape = z.ZodRawShape,
  Reading extends SharedFields = SharedFields,
  Recipe extends SharedFields = SharedFields,
> {
  /** Value of `method` in a recipe, beginning of a recipe's name, and folder of the flow below flows/. */
  readonly name: Name;
  /** Name as people write it. */
  readonly label: string;
  /** Fields that only recipes of this method have. */
  readonly fields: Fields;
  readonly facts: MethodFacts;
  /** What `batch.global` and `batch.micro` count. */
  readonly batchOf: "sequences" | "pairs" | "completions";
  /** Whether several examples can be packed into one sequence (`sequence.packing`). */
  readonly packs: boolean;
  /** Whether the policy generates answers, up to `sequence.maxCompletionLength`. */
  readonly generates: boolean;
  /** Whether flows/recipes has it in the sizes of the README's table of GPUs. */
  readonly inTable: boolean;
  /** Whose states and activations it has in the planner's model (sizing/memory/). */
  readonly memoryLike: "sft" | "dpo" | "grpo";
  /** What must hold between its fields; one entry for every field to change. */
  relations(recipe: Reading, facts: RunFacts): FieldError[];
  /** Optimizer steps in which every example is seen once; undefined where it cannot be said. */
  stepsPerEpoch(recipe: Reading, examples: number): number | undefined;
  /** Names of what TRL logs of such a run, other than of mixtures of experts. */
  metricNames(recipe: Reading): readonly string[];
  /** What of the method's fields a machine without GPUs cannot do. */
  needsGpu(recipe: Reading): Need[];
  /** What of the method's fields one machine alone cannot do, whatever GPUs it has. */
  needsNodes(recipe: Reading): Need[];
  /** Examples that a forward pass takes at least. */
  leastMicroBatch(recipe: Reading): number;
  /** Where it comes from; undefined where that cannot be read. */
  reference(recipe: Reading): ReferenceModel | undefined;
  /** What `batch.global` counts, for each example. */
  batchPerExample(recipe: Recipe): number;
  generation(recipe: Recipe): AnswerGeneration;
  /** Passes over as many sequences as are trained on that only score them, beside that of the reference model. */
  scoringPasses(recipe: Recipe): number;
}

/** The record of a method with these fields. */
type MethodWith<Name extends string, Fields extends z.ZodRawShape> = Method<
  Name,
  Fields,
  RecipeReading<Fields>,
  RecipeWith<Fields>
>;

type Required = "name" | "label" | "fields" | "facts";

/**
 * A method that is like SFT in all that is not said: no reference model, nothing generated, one sequence for each example.
 *
 * @example
 * export const sft = defineMethod({ name: "sft", label: "SFT", fields: {}, facts, packs: true });
 */
export function defineMethod<const Name extends string, Fields extends z.ZodRawShape>(
  method: Pick<MethodWith<Name, Fields>, Required> & Partial<Omit<MethodWith<Name, Fields>, Required>>,
): MethodWith<Name, Fields> {
  return {
    batchOf: "sequences",
    packs: false,
    generates: false,
    inTable: false,
    memoryLike: "sft",
    relations: () => [],
    stepsPerEpoch: ({ batch }, examples) =>
      batch?.global === undefined ? undefined : Math.ceil(examples / batch.global),
    metricNames: () => method.facts.metrics.always,
    needsGpu: () => [],
    needsNodes: () => [],
    leastMicroBatch: () => 1,
    reference: () => "none",
    batchPerExample: () => 1,
    generation: () => ({ kind: "none" }),
    scoringPasses: () => 0,
    ...method,
  };
}
