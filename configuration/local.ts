import { z } from "zod";
import { ConfigurationError } from "../validation/configurationError";
import { type FieldError, nearest, show } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";
import { allPlaces, type KeyPlaces, keyPlaces } from "../validation/keyPlaces";
import { loadRecipe } from "../recipe/read";
import { localStackMachine, planErrors } from "../recipe/plan";
import { type Readable, readable } from "../validation/readable";
import { type Recipe, recipeSchema } from "../contracts/recipe";
import type { Base } from "../recipe/relations";
import type { RehearsalDemand } from "../rehearsal/requirement";

/** What a stack of kind `local` may say. */

const resourceName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
    "must be 2 to 32 characters: lower-case letters, digits and dashes, starting with a letter",
  );

const port = z.number().int().min(1024).max(65535);

const stageSchema = z.strictObject({
  /** Name of the deployment; models of this stage are registered below it. */
  name: resourceName,
  /** Recipe file in `flows/recipes`, without `.yaml`. */
  recipe: z.string().min(1),
  /** Earlier stage whose promoted model is the base model; left out: the recipe's own base. */
  from: z.string().min(1).optional(),
  /** A new number here runs the same contents once more. */
  generation: z.number().int().min(1).max(1000).default(1),
  /** What `up` does when the stage's model is gone from the store: make it again, or serve the last promoted one that is there. */
  whenLost: z.enum(["run-again", "serve-last"]).default("run-again"),
  /** Whether the recipe must have been rehearsed: `required` refuses the stack without, `first` has `up` do it before the run. */
  rehearsal: z.enum(["required", "first", "none"]).default("none"),
  /** Values laid over the recipe, for example `{ optimizer: { learningRate: 1e-4 } }`. */
  set: z.record(z.string(), z.unknown()).default({}),
});

const localSchema = z.strictObject({
  kind: z.literal("local"),
  store: z
    .strictObject({
      /** Port of the object store; left out: a free one is chosen once and remembered. */
      port: port.optional(),
      /** What teardown does with the store's data. */
      removal: z.enum(["remove", "retain"]).default("retain"),
    })
    .prefault({}),
  stages: z.array(stageSchema).min(1).max(100),
  endpoint: z
    .strictObject({
      /** Stage whose promoted model is served. */
      serves: z.string().min(1),
      /** `auto`: vLLM where it is installed, else `transformers serve`. */
      engine: z.enum(["auto", "vllm", "transformers"]).default("auto"),
      /** Port of the endpoint; left out: a free one is chosen once and remembered. */
      port: port.optional(),
      /** Whether clients must send the key that the endpoint is given when it is made. */
      key: z.enum(["required", "none"]).default("required"),
      /** Name under which clients ask for the model; left out: the stage's name. */
      modelName: z
        .string()
        .regex(
          /^[A-Za-z0-9](?:[\w.:/-]{0,126}[A-Za-z0-9])?$/,
          "must be 1 to 128 letters, digits and . _ - : /, with a letter or digit at both ends",
        )
        .optional(),
    })
    .optional(),
});

type LocalDocument = z.infer<typeof localSchema>;

/** One run of the chain, its recipe read and validated. */
export interface StageConfiguration {
  readonly name: string;
  readonly recipe: Recipe;
  /** Name of the stage that the base model comes from. */
  readonly from: string | undefined;
  readonly generation: number;
  readonly whenLost: "run-again" | "serve-last";
  readonly rehearsal: RehearsalDemand;
}

export interface LocalConfiguration {
  readonly kind: "local";
  readonly store: LocalDocument["store"];
  readonly stages: readonly StageConfiguration[];
  readonly endpoint: LocalDocument["endpoint"];
}

/** What can be read of one stage, whatever is wrong with it. */
export interface StageReading {
  readonly index: number;
  readonly name: string | undefined;
  readonly recipeName: string | undefined;
  readonly recipe: Readable<Recipe> | undefined;
  /** The recipe, where nothing is wrong with it. */
  readonly complete: Recipe | undefined;
  readonly generation: number | undefined;
  readonly rehearsal: RehearsalDemand | undefined;
  /** Earlier stage that the base model comes from. */
  readonly from: StageReading | undefined;
}

/** A document as far as it can be read, and all that is wrong with it. */
export interface LocalReading {
  readonly errors: readonly FieldError[];
  readonly store: Readable<LocalDocument["store"]>;
  readonly stages: readonly StageReading[];
  readonly endpoint: Readable<NonNullable<LocalDocument["endpoint"]>> | undefined;
  /** What the program needs; undefined where anything is wrong. */
  readonly configuration: LocalConfiguration | undefined;
}

/** Path of a field of a stage's recipe, as a person looks for it: the value may stand in the recipe's file or in `set`. */
export function recipePath({ index, recipeName }: Pick<StageReading, "index" | "recipeName">, path = ""): string {
  const stage = `stages[${index}].recipe`;
  return path === "" ? stage : `${stage} (${recipeName ?? ""}) ${path}`;
}

let places: KeyPlaces | undefined;

function localKeyPlaces(): KeyPlaces {
  places ??= allPlaces(keyPlaces(localSchema), keyPlaces(recipeSchema, "stages[].set"));
  return places;
}

/** Judges the configuration of a local stack by itself: what only this machine can say is in localChecks.ts. */
export function readLocal(document: unknown): LocalReading {
  const parsed = localSchema.safeParse(document);
  const { store = {}, stages = [], endpoint } = (parsed.success ? parsed.data : readable(localSchema, document)) ?? {};
  const errors = parsed.success ? [] : explainIssues(parsed.error.issues, document, localKeyPlaces());
  const readings: StageReading[] = [];
  const named = stages.map((stage, index): NamedStage => ({ name: stage?.name, written: nameIn(document, index) }));
  stages.forEach((stage, index) => {
    if (stage === undefined) return;
    const { name, recipe: recipeName, from, generation, rehearsal, set } = stage;
    errors.push(...chainErrors(stage, index, named.slice(0, index)));
    const base =
      from === undefined ? undefined : readings.find((other) => from === (other.name ?? named[other.index]?.written));
    const loaded =
      recipeName === undefined
        ? undefined
        : loadRecipe(recipeName, set, from === undefined ? undefined : startOf(base));
    const recipe = loaded === undefined ? undefined : "recipe" in loaded ? loaded.recipe : loaded.reading;
    const wrong = [
      ...(loaded !== undefined && "errors" in loaded ? loaded.errors : []),
      ...(recipe === undefined ? [] : planErrors(recipe, localStackMachine)),
    ];
    const complete = loaded !== undefined && "recipe" in loaded && wrong.length === 0 ? loaded.recipe : undefined;
    readings.push({ index, name, recipeName, recipe, complete, generation, rehearsal, from: base });
    errors.push(...wrong.map(({ path, reason }) => ({ path: recipePath({ index, recipeName }, path), reason })));
  });
  errors.push(...endpointErrors(endpoint, store, named));
  const configuration = parsed.success && errors.length === 0 ? completed(parsed.data, readings) : undefined;
  return { errors, store, stages: readings, endpoint, configuration };
}

/** A stage's name where it is right, and as it is written. */
interface NamedStage {
  readonly name: string | undefined;
  readonly written: unknown;
}

function nameIn(document: unknown, index: number): unknown {
  const { stages } = document as { readonly stages: readonly unknown[] };
  return (stages[index] as { readonly name?: unknown } | null | undefined)?.name;
}

/** The model that the first stage of a chain starts from; not known where the chain is broken. */
function startOf(stage: StageReading | undefined): Base {
  return stage?.from === undefined ? { reference: stage?.recipe?.model?.base } : startOf(stage.from);
}

/** Whether a reference leads to one of the stages, or may do so once its name is right. */
function leadsTo(reference: string, stages: readonly NamedStage[]): boolean {
  return stages.some(({ name, written }) =>
    name !== undefined
      ? name === reference
      : typeof written !== "string" || nearest(reference, [written]) !== undefined,
  );
}

function completed({ store, stages, endpoint }: LocalDocument, readings: readonly StageReading[]): LocalConfiguration {
  return {
    kind: "local",
    store,
    stages: stages.flatMap(({ name, from, generation, whenLost, rehearsal }, index) => {
      const recipe = readings[index]?.complete;
      return recipe === undefined ? [] : [{ name, recipe, from, generation, whenLost, rehearsal }];
    }),
    endpoint,
  };
}

/** Names and origins of a stage beside those of the stages before it. */
function chainErrors(
  { name, from, set }: Readable<LocalDocument["stages"][number]>,
  index: number,
  earlier: readonly NamedStage[],
): FieldError[] {
  const names = earlier.flatMap((other) => other.name ?? []);
  const errors: FieldError[] = [];
  if (name !== undefined && names.includes(name)) {
    errors.push({ path: `stages[${index}].name`, reason: `"${name}" is used twice; give every stage its own name` });
  }
  if (from === undefined) return errors;
  if (!leadsTo(from, earlier)) {
    const stages = index === 0 ? ", and this is the first" : names.length === 0 ? "" : `: ${names.join(", ")}`;
    errors.push({ path: `stages[${index}].from`, reason: `got ${show(from)}; must be an earlier stage${stages}` });
  }
  const model = set?.model;
  for (const key of ["base", "revision"]) {
    if (typeof model === "object" && model !== null && Object.hasOwn(model, key)) {
      errors.push({
        path: `stages[${index}].set.model.${key}`,
        reason: `is never used: the base model comes from stage ${show(from)}; remove it, or remove from`,
      });
    }
  }
  return errors;
}

function endpointErrors(
  endpoint: LocalReading["endpoint"],
  store: LocalReading["store"],
  stages: readonly NamedStage[],
): FieldError[] {
  const errors: FieldError[] = [];
  const names = stages.flatMap((stage) => stage.name ?? []);
  if (endpoint?.serves !== undefined && names.length > 0 && !leadsTo(endpoint.serves, stages)) {
    errors.push({
      path: "endpoint.serves",
      reason: `got ${show(endpoint.serves)}; must be one of the stages: ${names.join(", ")}`,
    });
  }
  if (endpoint?.port !== undefined && endpoint.port === store.port) {
    errors.push({
      path: "endpoint.port",
      reason: `${endpoint.port} is store.port too; give each its own port or leave both out`,
    });
  }
  return errors;
}

/**
 * The configuration of a local stack, judged by itself.
 *
 * @throws ConfigurationError naming every wrong field.
 */
export function parseLocal(document: unknown): LocalConfiguration {
  const { errors, configuration } = readLocal(document);
  if (configuration === undefined) throw new ConfigurationError(errors);
  return configuration;
}
