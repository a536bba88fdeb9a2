import { z } from "zod";
import { ConfigurationError } from "./configurationError";
import { explainIssues, type FieldError, keysOf } from "./explain";
import { loadRecipe } from "./loadRecipe";
import type { Recipe } from "./recipe";

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
  stages: z.array(stageSchema).min(1),
  endpoint: z
    .strictObject({
      /** Stage whose promoted model is served. */
      serves: z.string().min(1),
      /** `auto`: vLLM where it is installed, else `transformers serve`. */
      engine: z.enum(["auto", "vllm", "transformers"]).default("auto"),
      /** Port of the endpoint; left out: a free one is chosen once and remembered. */
      port: port.optional(),
      /** Name under which clients ask for the model; left out: the stage's name. */
      modelName: z.string().min(1).optional(),
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
}

export interface LocalConfiguration {
  readonly kind: "local";
  readonly store: LocalDocument["store"];
  readonly stages: readonly StageConfiguration[];
  readonly endpoint: LocalDocument["endpoint"];
}

/**
 * Validates the configuration of a local stack and reads its recipes.
 *
 * @throws ConfigurationError naming every wrong field.
 */
export function parseLocal(document: unknown): LocalConfiguration {
  const parsed = localSchema.safeParse(document);
  if (!parsed.success) {
    throw new ConfigurationError(explainIssues(parsed.error.issues, document, keysOf(localSchema)));
  }
  const { stages, endpoint, store } = parsed.data;
  const errors: FieldError[] = [];
  const read = stages.flatMap((stage, index): StageConfiguration[] => {
    const earlier = stages.slice(0, index).map((other) => other.name);
    if (earlier.includes(stage.name)) {
      errors.push({
        path: `stages[${index}].name`,
        reason: `"${stage.name}" is used twice; give every stage its own name`,
      });
    }
    if (stage.from !== undefined && !earlier.includes(stage.from)) {
      errors.push({
        path: `stages[${index}].from`,
        reason: `got "${stage.from}"; must be an earlier stage${earlier.length > 0 ? `: ${earlier.join(", ")}` : ", and this is the first"}`,
      });
    }
    const result = loadRecipe(stage.recipe, stage.set);
    if ("errors" in result) {
      for (const error of result.errors) {
        errors.push({
          path:
            error.path === "" ? `stages[${index}].recipe` : `stages[${index}].recipe (${stage.recipe}) ${error.path}`,
          reason: error.reason,
        });
      }
      return [];
    }
    return [{ name: stage.name, recipe: result.recipe, from: stage.from }];
  });
  if (endpoint !== undefined && !stages.some((stage) => stage.name === endpoint.serves)) {
    errors.push({
      path: "endpoint.serves",
      reason: `got "${endpoint.serves}"; must be one of the stages: ${stages.map((stage) => stage.name).join(", ")}`,
    });
  }
  if (endpoint?.port !== undefined && endpoint.port === store.port) {
    errors.push({
      path: "endpoint.port",
      reason: `${endpoint.port} is store.port too; give each its own port or leave both out`,
    });
  }
  if (errors.length > 0) throw new ConfigurationError(errors);
  return { kind: "local", store, stages: read, endpoint };
}
