import { z } from "zod";
import facts from "../flows/posttraining/methods/grpo.facts.json";
import { type FieldError, notAllowed } from "../validation/explain";
import { textLike, wholeNumber } from "../validation/primitives";
import { repeated } from "../validation/repeated";
import { weight } from "./fields";
import { defineMethod, type RecipeReading, type RunFacts } from "./method";
import { rewardNames } from "./rewards";

const fields = {
  grpo: z
    .strictObject({
      generations: wholeNumber(2, 1024).default(8).describe("Completions per prompt."),
      temperature: z.number().positive().max(10).default(1).describe("Temperature with which answers are sampled."),
      beta: z.number().min(0).max(100).default(0).describe("Weight of the KL term; 0 needs no reference model."),
      iterations: wholeNumber(1, 1000).default(1).describe("Optimizer passes over one batch of completions."),
      rewards: z
        .array(
          z
            .strictObject({
              name: textLike(String.raw`[a-z]\w*`, "must be the name of a reward function").describe(
                "Name of a function in `flows/posttraining/rewards.py`.",
              ),
              weight: weight.default(1).describe("Its weight in the sum."),
            })
            .meta({ id: "Reward", description: "One reward of the sum that a policy is trained for." }),
        )
        .min(1)
        .describe("Reward functions with weights."),
      generation: z
        .discriminatedUnion("kind", [
          z
            .strictObject({ kind: z.literal("transformers") })
            .meta({ id: "TransformersGeneration", description: "The trainer itself generates." }),
          z
            .strictObject({
              kind: z.literal("vllm-colocated"),
              memoryUtilization: z
                .union([z.literal("auto"), z.number().gt(0).lt(1)])
                .default("auto")
                .describe("Share of a GPU's memory that vLLM may take. `auto` lets the planner choose."),
              sleep: z.boolean().default(true).describe("vLLM gives its memory back while the trainer trains."),
            })
            .meta({ id: "ColocatedGeneration", description: "vLLM generates on the GPUs that train." }),
          z
            .strictObject({ kind: z.literal("vllm-server") })
            .meta({ id: "ServerGeneration", description: "vLLM generates on nodes of its own." }),
        ])
        .meta({ id: "CompletionGeneration", description: "Where completions are generated." })
        .default({ kind: "transformers" }),
    })
    .meta({ id: "GrpoSettings", description: "What only GRPO has." }),
};

type Reading = RecipeReading<typeof fields>;

/** Group relative policy optimisation: learns from rewards that programs compute of generated answers. */
export const grpo = defineMethod({
  name: "grpo",
  label: "GRPO",
  fields,
  facts,
  batchOf: "completions",
  generates: true,
  inTable: true,
  memoryLike: "grpo",

  relations: (recipe, known) => [
    ...answerErrors(recipe, known),
    ...batchErrors(recipe, known.examples),
    ...rewardErrors(recipe),
  ],

  stepsPerEpoch({ batch, grpo }, examples) {
    const { generations, iterations } = grpo ?? {};
    if (batch?.global === undefined || generations === undefined || iterations === undefined) return undefined;
    // TRL drops prompts that do not fill a batch (RepeatSampler). What is no batch, batchErrors refuses.
    const batches = batch.global % generations === 0 ? Math.floor((examples * generations) / batch.global) : 0;
    return batches === 0 ? undefined : batches * iterations;
  },

  metricNames({ grpo }) {
    const { rewards = [], beta, generation } = grpo ?? {};
    const { always, ...some } = facts.metrics;
    return [
      ...always,
      ...rewards.flatMap((reward) => {
        const name = reward?.name;
        return name === undefined ? [] : some["each reward"].map((metric) => metric.replace("{name}", name));
      }),
      ...(beta === 0 ? [] : some.beta),
      ...(generation?.kind === "transformers" ? [] : some.vllm),
    ];
  },

  needsGpu({ grpo }) {
    const kind = grpo?.generation?.kind;
    return kind === undefined || kind === "transformers"
      ? []
      : [{ path: "grpo.generation.kind", value: kind, instead: "transformers" }];
  },

  needsNodes({ grpo }) {
    return grpo?.generation?.kind === "vllm-server"
      ? [{ path: "grpo.generation.kind", value: "vllm-server", instead: "vllm-colocated" }]
      : [];
  },

  reference({ grpo }) {
    const beta = grpo?.beta;
    return beta === undefined ? undefined : beta === 0 ? "none" : "beside";
  },

  batchPerExample: ({ grpo }) => grpo.generations,

  generation({ grpo: { generation } }) {
    switch (generation.kind) {
      case "vllm-colocated":
        return { kind: "colocated", utilization: generation.memoryUtilization, sleep: generation.sleep };
      case "vllm-server":
        return { kind: "server" };
      case "transformers":
        return { kind: "transformers" };
    }
  },
});

/** Whether a prompt and the longest answer fit into the longest sequence, and that into the model: what is advised fits into both. */
function answerErrors({ sequence }: Reading, { base, contextTokens, longestPromptTokens }: RunFacts): FieldError[] {
  const { maxLength: longest, maxCompletionLength: answer } = sequence ?? {};
  if (longest === undefined || answer === undefined) return [];
  const prompt = longestPromptTokens ?? 1;
  const context = contextTokens ?? Number.POSITIVE_INFINITY;
  const room = Math.min(longest, context) - prompt;
  if (answer <= room) return [];
  const most = context - prompt;
  const errors: FieldError[] = [];
  if (room < 1 || (answer < longest && answer <= most)) {
    errors.push({
      path: "sequence.maxLength",
      reason: `got ${longest}; a prompt of tiny:sums has ${prompt} tokens: write ${prompt + Math.min(answer, most)} or more`,
    });
  }
  if (answer > most || (answer >= longest && room >= 1)) {
    const bound =
      answer > most
        ? contextBound(base, context, longestPromptTokens)
        : `must be less than sequence.maxLength (${longest}), which holds prompt and answer`;
    errors.push({
      path: "sequence.maxCompletionLength",
      reason: `got ${answer}; ${bound}: write ${room < 1 ? most : room} or less`,
    });
  }
  return errors;
}

function contextBound(base: string | undefined, context: number, promptTokens: number | undefined): string {
  const model = base ?? "";
  return promptTokens === undefined
    ? `${model} has a context of ${context} tokens, which holds prompt and answer`
    : `a prompt of tiny:sums has ${promptTokens} tokens, and ${model} a context of ${context}`;
}

function batchErrors({ batch, grpo }: Reading, examples: number | undefined): FieldError[] {
  const global = batch?.global;
  const generations = grpo?.generations;
  if (global === undefined || generations === undefined) return [];
  if (global % generations !== 0) {
    return [{ path: "batch.global", reason: `got ${global}; must be a multiple of grpo.generations (${generations})` }];
  }
  const prompts = global / generations;
  // TRL drops prompts that do not fill a batch (RepeatSampler), and then trains on nothing.
  return examples === undefined || examples >= prompts
    ? []
    : [
        {
          path: "batch.global",
          reason: `got ${global}; a step takes ${prompts} prompts, and the dataset has ${examples}: write ${examples * generations} or less`,
        },
      ];
}

function rewardErrors({ grpo }: Reading): FieldError[] {
  const names = (grpo?.rewards ?? []).map((reward) => reward?.name);
  const known = names.every((name) => name === undefined) ? [] : rewardNames();
  return [
    ...names.flatMap((name, index) =>
      name === undefined || known.includes(name)
        ? []
        : [{ path: `grpo.rewards[${index}].name`, reason: notAllowed(name, known) }],
    ),
    ...repeated(names, "grpo.rewards", "name"),
  ];
}
