import { type EvaluationTask, findTask, libraryVersion, namesAt, overlap, taskNames } from "./evaluationTasks";
import { type FieldError, nearest, show } from "../validation/explain";
import { methodOf } from "../methods";
import type { Readable } from "../validation/readable";
import type { Recipe } from "../contracts/recipe";
import { type Base, knownSteps, ownBase } from "./relations";
import { trainingMetricNames } from "./trainingMetrics";

/**
 * Whether a recipe's tasks can be run and its metrics will be measured: lm-eval itself would say so only after the training.
 * flows/posttraining/evaluation_checks.py says the same in Python.
 */

type RecipeReading = Readable<Recipe>;

/** @returns one entry for every field to change; fields that are wrong by themselves are passed over. */
export function evaluationErrors(recipe: RecipeReading, base: Base = ownBase(recipe)): FieldError[] {
  const names = recipe.evaluation?.tasks ?? [];
  const tasks = names.map((name) => (name === undefined ? undefined : findTask(name)));
  const errors = names.flatMap((name, index) =>
    name === undefined ? [] : taskErrors(name, tasks[index], `evaluation.tasks[${index}]`),
  );
  return [
    ...errors,
    ...overlapErrors(names, tasks),
    ...metricErrors(recipe, base),
    ...loggingErrors(recipe),
    ...rangeErrors(recipe),
  ];
}

function taskErrors(name: string, task: EvaluationTask | undefined, path: string): FieldError[] {
  if (task === undefined) {
    const suggestion = nearest(name, taskNames());
    const hint = suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
    return [
      {
        path,
        reason: `got ${show(name)}; no such task is in lm-eval ${libraryVersion()}, nor in flows/posttraining/tasks${hint}`,
      },
    ];
  }
  const errors: FieldError[] = [];
  const add = (what: string): void => {
    errors.push({ path, reason: `got ${show(name)}, ${what}` });
  };
  if (task.kind === "tag")
    add(`which is a tag: write its tasks themselves, such as ${namesAt(task.places, 3).join(", ")}`);
  if (task.kind === "broken") add("a group that lm-eval itself cannot load: write the tasks that you want");
  if (task.isUnsafe)
    add("which runs code that the model has written, and nothing here keeps it in: write another task");
  if (task.isMultimodal) add("which asks about images or sounds, and only text is evaluated: write another task");
  return errors;
}

/** lm-eval refuses a task that it would run for two of the names. */
function overlapErrors(
  names: readonly (string | undefined)[],
  tasks: readonly (EvaluationTask | undefined)[],
): FieldError[] {
  return tasks.flatMap((task, index) => {
    const first = tasks.findIndex(
      (other, place) =>
        place < index &&
        other !== undefined &&
        task !== undefined &&
        names[place] !== names[index] &&
        overlap(other.places, task.places),
    );
    return first < 0
      ? []
      : [
          {
            path: `evaluation.tasks[${index}]`,
            reason: `got ${show(names[index])}, of which ${String(names[first])} has tasks too; lm-eval runs a task once: remove one of the two`,
          },
        ];
  });
}

interface NamedMetric {
  readonly path: string;
  readonly metric: string;
}

/** Metrics that a recipe names, each with its field. */
export function namedMetrics({ evaluation, gate = [] }: RecipeReading): NamedMetric[] {
  return [
    { path: "evaluation.headline", metric: evaluation?.headline },
    ...gate.map((condition, index) => ({ path: `gate[${index}].metric`, metric: condition?.metric })),
  ].flatMap(({ path, metric }) => (metric === undefined ? [] : [{ path, metric }]));
}

/** A metric's first part, and the rest. */
function parts(metric: string): readonly [string, string] {
  const at = metric.indexOf("/");
  return [metric.slice(0, at), metric.slice(at + 1)];
}

function metricErrors(recipe: RecipeReading, base: Base): FieldError[] {
  const tasks = recipe.evaluation?.tasks;
  return namedMetrics(recipe).flatMap(({ path, metric }) => {
    const [task, name] = parts(metric);
    if (task === "train") return trainingMetricErrors(recipe, base, path, metric, name);
    if (tasks === undefined || tasks.includes(undefined)) return [];
    if (!tasks.includes(task)) {
      return [
        {
          path,
          reason: `got ${show(metric)}, which is not measured; write train/<metric>, or <task>/<metric> with a task of evaluation.tasks: ${tasks.join(", ")}`,
        },
      ];
    }
    const found = findTask(task);
    return found?.metrics === undefined || (found.kind !== "task" && found.kind !== "group")
      ? []
      : unknownMetric(path, metric, task, name, found.metrics);
  });
}

function unknownMetric(
  path: string,
  metric: string,
  task: string,
  name: string,
  known: readonly string[],
): FieldError[] {
  if (known.includes(name)) return [];
  const what =
    known.length === 0
      ? `${task} is a group that reports nothing of its own: write its tasks into evaluation.tasks`
      : `${task} reports ${known.join(", ")}`;
  const suggestion = nearest(name, known);
  const hint = suggestion === undefined ? "" : ` (did you mean ${task}/${suggestion}?)`;
  return [{ path, reason: `got ${show(metric)}; ${what}${hint}` }];
}

function trainingMetricErrors(
  recipe: RecipeReading,
  base: Base,
  path: string,
  metric: string,
  name: string,
): FieldError[] {
  const known = trainingMetricNames(recipe, base);
  if (known.includes(name)) return [];
  const suggestion = nearest(name, known);
  const hint = suggestion === undefined ? "" : ` (did you mean train/${suggestion}?)`;
  return [
    {
      path,
      reason: `got ${show(metric)}; TRL ${methodOf(recipe).facts.version} logs of such a ${recipe.method} run: ${known.join(", ")}${hint}`,
    },
  ];
}

/** The trainer logs every so many steps, and not at the end of a shorter run. */
function loggingErrors(recipe: RecipeReading): FieldError[] {
  const logged = namedMetrics(recipe).find(({ metric }) => metric.startsWith("train/"));
  const steps = knownSteps(recipe);
  const every = recipe.loggingSteps;
  if (logged === undefined || steps === undefined || every === undefined || every <= steps) return [];
  return [
    {
      path: "loggingSteps",
      reason: `got ${every}; the run has ${steps} steps, so that ${logged.metric} would never be logged: write ${steps} or less`,
    },
  ];
}

/** Metrics that are shares of examples or of tokens, and so lie between 0 and 1. */
const sharePattern =
  /^(?:acc|acc_norm|acc_bytes|acc_mutual_info|exact_match|number|mean_token_accuracy|rewards\.accuracies|\w+_acc|pass@\d+)(?:@.*)?$/;

/** Only where it is known what the task reports: a task's own code may well give percentages. */
function isShare(metric: string): boolean {
  const [task, name] = parts(metric);
  return sharePattern.test(name) && (task === "train" || findTask(task)?.metrics?.includes(name) === true);
}

/** Conditions that no share can meet, and those that all do. */
function rangeErrors({ gate = [] }: RecipeReading): FieldError[] {
  return gate.flatMap((condition, index): FieldError[] => {
    if (condition?.metric === undefined || !isShare(condition.metric)) return [];
    const { metric, minimum, maximum, minimumGain } = condition;
    const outside = (field: string, value: number | undefined, least: number): FieldError[] =>
      value === undefined || (value >= least && value <= 1)
        ? []
        : [
            {
              path: `gate[${index}].${field}`,
              reason: `got ${value}; ${metric} is a share, between 0 and 1: write a number from ${least} to 1`,
            },
          ];
    const errors = [
      ...outside("minimum", minimum, 0),
      ...outside("maximum", maximum, 0),
      ...outside("minimumGain", minimumGain, -1),
    ];
    if (errors.length === 0 && minimumGain !== undefined && maximum !== undefined && minimumGain > maximum) {
      errors.push({
        path: `gate[${index}].minimumGain`,
        reason: `got ${minimumGain}; a share that may be ${maximum} at most cannot have gained more than that`,
      });
    }
    return errors;
  });
}
