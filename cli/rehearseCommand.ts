import { parseArgs } from "node:util";
import { parse as parseYaml } from "yaml";
import { flowCode, rehearsalCodeHash } from "../components/run/flowCode";
import { type Plan, planSchema } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import type { RehearsalRecord } from "../contracts/rehearsal";
import { layout } from "../machine/checkout.mjs";
import {
  loadRecipe,
  overridden,
  parseRecipe,
  type RecipeOverrides,
  type RecipeResult,
  withOverride,
} from "../recipe/read";
import { runDocumentErrors } from "../recipe/runDocument";
import { rehearsalIdentity } from "../rehearsal/identity";
import { defaultProcesses } from "../rehearsal/processes";
import { type Rehearsal, type RehearsalCalls, RehearsalError } from "../rehearsal/rehearse";
import { reportLines, summaryLines, type SummaryRow } from "../rehearsal/reportText";
import { planRecipe } from "../sizing/planRecipe";
import type { Constraints } from "../sizing/search";
import { tableVariants, type TableVariant, withTrainable } from "../sizing/table";
import { type FieldError, notAllowed } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";
import { plainNumber } from "../validation/numberText";
import { shownValue } from "../validation/shownValue";
import { failed } from "./commandOutcome";
import { constraintOptions, constraintUsage, readConstraints, recipeProblems, repeatedOptions } from "./planOptions";

const usage = `npm run rehearse -- <recipe> [options]
npm run rehearse -- --all [options]

  <recipe>                 a recipe of flows/recipes, for example sft-70b
  --all                    all recipes of the table of suggestions, with adapters and with all weights
  --set <field>=<value>    another value of a field, for example --set optimizer.learningRate=1e-4; again for another
  --trainable lora         what is trained instead of what the recipe says: lora, full
  --processes <n>          training processes where the plan spreads states over several (${defaultProcesses})
  --no-full-shape          without the dry run at full size; \`up\` takes that for no rehearsal
  --plan <json>            this very plan instead of the planner's
${constraintUsage}

Ends with 0 where it passed, 1 where an invariant does not hold, 2 where it could not be carried out.`;

class UsageError extends Error {}

const parseOptions = (options: readonly string[]) =>
  parseArgs({
    args: [...options],
    allowPositionals: true,
    tokens: true,
    options: {
      all: { type: "boolean", default: false },
      set: { type: "string", multiple: true, default: [] },
      trainable: { type: "string" },
      processes: { type: "string" },
      "no-full-shape": { type: "boolean", default: false },
      plan: { type: "string" },
      ...constraintOptions,
      help: { type: "boolean", short: "h", default: false },
    },
  });

type Values = ReturnType<typeof parseOptions>["values"];

const trainables = { lora: "LoRA", full: "full" } as const;
type TrainableOption = keyof typeof trainables;

const isTrainable = (word: string): word is TrainableOption => Object.hasOwn(trainables, word);

const fieldPath = /^[A-Za-z]\w*(?:\.[A-Za-z]\w*)*$/;

/** What `--set` lays over the recipe; values are YAML, as in the recipe's file. */
function readOverrides(settings: readonly string[], problems: string[]): RecipeOverrides {
  let overrides: RecipeOverrides = {};
  for (const setting of settings) {
    const [, path = "", text = ""] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    if (!fieldPath.test(path)) {
      problems.push(`--set: ${shownValue(setting)} must be a field and its value, such as optimizer.learningRate=1e-4`);
      continue;
    }
    try {
      overrides = withOverride(overrides, path.split("."), parseYaml(text) as unknown);
    } catch {
      problems.push(`--set: the value in ${shownValue(setting)} is no YAML`);
    }
  }
  return overrides;
}

function readProcesses(text: string | undefined, problems: string[]): number {
  if (text === undefined) return defaultProcesses;
  const value = plainNumber(text.trim());
  if (value !== undefined && Number.isInteger(value) && value >= 2 && value <= 16) return value;
  problems.push(`--processes: ${shownValue(text)} must be a whole number from 2 to 16`);
  return defaultProcesses;
}

function readPlan(text: string | undefined, problems: string[]): Plan | undefined {
  if (text === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    problems.push(
      `--plan: ${shownValue(text)} must be JSON, as the field \`plan\` of \`npm run plan -- <recipe> --json\``,
    );
    return undefined;
  }
  const read = planSchema.safeParse(document);
  if (read.success) return read.data;
  problems.push(...explainIssues(read.error.issues, document).map((error) => `--plan: ${lineOf(error)}`));
  return undefined;
}

const lineOf = ({ path, reason }: FieldError): string => (path === "" ? reason : `${path}: ${reason}`);

/** A recipe that is to be rehearsed, and what it is called. */
interface Wanted {
  readonly name: string;
  readonly recipe: Recipe;
}

/** The recipe of a name, with another part trained where that is asked for, and other values laid over it. */
function readVariant(name: string, trainable: "LoRA" | "full" | undefined, overrides: RecipeOverrides): RecipeResult {
  if (trainable === undefined) return loadRecipe(name, overrides);
  const own = loadRecipe(name);
  return "errors" in own ? own : parseRecipe(overridden(withTrainable(own.recipe, trainable), overrides));
}

/** What is wrong with options that do not go together. */
function combinationProblems({ all, set, trainable, plan, ...values }: Values, recipe: string | undefined): string[] {
  if (!all) return recipe === undefined ? ["name a recipe, or say --all"] : planProblems(plan, values);
  const problems = recipe === undefined ? [] : [`--all: rehearses all recipes; leave out ${recipe}`];
  const single = { set: set.length > 0, trainable: trainable !== undefined, plan: plan !== undefined };
  for (const [name, isGiven] of Object.entries(single))
    if (isGiven) problems.push(`--${name}: is of one recipe; leave out --all`);
  return problems;
}

function planProblems(plan: string | undefined, values: Readonly<Record<string, unknown>>): string[] {
  if (plan === undefined) return [];
  const given = Object.keys(constraintOptions).filter(
    (name) => ![undefined, false].includes(values[name] as undefined),
  );
  return given.map((name) => `--${name}: is for the planner, which --plan leaves nothing to choose`);
}

interface Options {
  readonly help: boolean;
  readonly wanted: readonly Wanted[];
  readonly plan: Plan | undefined;
  readonly constraints: Constraints;
  readonly processes: number;
  readonly fullShape: boolean;
}

/** @throws UsageError naming all that is wrong: options, and fields of the recipe that they make. */
function readOptions(options: readonly string[]): Options {
  const { values, positionals, tokens } = parseOptions(options);
  const [name] = positionals;
  const problems = [
    ...repeatedOptions(tokens, ["set"]),
    ...recipeProblems(positionals),
    ...combinationProblems(values, name),
  ];
  const isNamed = name !== undefined && recipeProblems([name]).length === 0;
  const { trainable } = values;
  if (trainable !== undefined && !isTrainable(trainable)) {
    problems.push(`--trainable: ${notAllowed(trainable, Object.keys(trainables))}`);
  }
  const overrides = readOverrides(values.set, problems);
  const processes = readProcesses(values.processes, problems);
  const plan = readPlan(values.plan, problems);
  const constraints = readConstraints(values, problems);
  const chosen = trainable !== undefined && isTrainable(trainable) ? trainables[trainable] : undefined;
  const wanted = values.all
    ? tableVariants.map(wantedOf)
    : isNamed
      ? oneWanted(name, chosen, overrides, plan, problems)
      : [];
  if (problems.length > 0 && !values.help) throw new UsageError(problems.join("\n"));
  return { help: values.help, wanted, plan, constraints, processes, fullShape: !values["no-full-shape"] };
}

function wantedOf({ recipe: name, trainable }: TableVariant): Wanted {
  const read = readVariant(name, trainable, {});
  if ("recipe" in read) return { name: variantName({ recipe: name, trainable }), recipe: read.recipe };
  throw new UsageError(`${name}, ${trainable}:\n${read.errors.map(lineOf).join("\n")}`);
}

/** What a recipe of the table with one part of it trained is called. */
export const variantName = ({ recipe, trainable }: TableVariant): string => `${recipe} ${trainable}`;

function oneWanted(
  name: string,
  trainable: "LoRA" | "full" | undefined,
  overrides: RecipeOverrides,
  plan: Plan | undefined,
  problems: string[],
): Wanted[] {
  const read = readVariant(name, trainable, overrides);
  if ("errors" in read) {
    problems.push(...read.errors.map((error) => `${name}: ${lineOf(error)}`));
    return [];
  }
  const { recipe } = read;
  if (plan !== undefined)
    problems.push(...runDocumentErrors({ recipe, plan }).map((error) => `--plan: ${lineOf(error)}`));
  return [{ name, recipe }];
}

/** What the command does outside of itself. */
export interface RehearseParts {
  readonly rehearse: (rehearsal: Rehearsal, calls: RehearsalCalls) => Promise<RehearsalRecord>;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  /** Makes sure that what it needs is there; called once nothing is wrong with the options. */
  readonly prepare: () => Promise<void>;
  readonly signal: AbortSignal;
}

const trainedPart = ({ trainable }: Recipe): string =>
  trainable.kind === "full" ? "all weights" : `${trainable.kind} of rank ${trainable.rank}`;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

function describePlan({ gpusPerNode, nodes, generationNodes, sharding, activationCheckpointing }: Plan): string {
  if (gpusPerNode === 0) return "this machine's processors";
  const gpus = counted((nodes - generationNodes) * gpusPerNode, "GPU");
  return `${gpus} on ${counted(nodes - generationNodes, "node")}, sharding ${sharding}, checkpointing ${activationCheckpointing}`;
}

async function rehearseOne(
  { name, recipe }: Wanted,
  options: Options,
  parts: RehearseParts,
): Promise<SummaryRow & { readonly status: number }> {
  const { print, signal } = parts;
  const plan = options.plan ?? planRecipe(recipe, options.constraints).plan;
  print(`${name}: ${trainedPart(recipe)}, as planned for ${describePlan(plan)}`);
  const identity = rehearsalIdentity({ ...flowCode(recipe.method), recipe, plan }, rehearsalCodeHash());
  const { processes, fullShape } = options;
  try {
    const record = await parts.rehearse(
      { identity, recipe, plan, processes, fullShape, folder: `${layout.rehearsals}/work` },
      {
        signal,
        onLine: (line) => {
          print(`  | ${line}`);
        },
      },
    );
    print("");
    for (const line of reportLines(record)) print(line);
    return { name, record, status: record.report.passed ? 0 : 1 };
  } catch (error) {
    if (!(error instanceof RehearsalError)) throw error;
    parts.printError(error.message);
    return { name, record: null, problem: error.message, status: 2 };
  }
}

/**
 * `npm run rehearse`.
 *
 * @param options as on the command line.
 * @returns the exit status.
 */
export async function rehearseCommand(options: readonly string[], parts: RehearseParts): Promise<number> {
  let read: Options;
  try {
    read = readOptions(options);
  } catch (error) {
    parts.printError(failed(error, 2, usage).stderr.trimEnd());
    return 2;
  }
  if (read.help) {
    parts.print(usage);
    return 0;
  }
  await parts.prepare();
  const rows: (SummaryRow & { readonly status: number })[] = [];
  try {
    for (const wanted of read.wanted) {
      rows.push(await rehearseOne(wanted, read, parts));
      parts.print("");
    }
  } catch (error) {
    if (parts.signal.aborted) {
      parts.printError("Ended: nothing of the rehearsal lives on.");
      return 130;
    }
    parts.printError(error instanceof Error ? error.message : String(error));
    return 2;
  }
  if (rows.length > 1) for (const line of summaryLines(rows)) parts.print(line);
  return Math.max(...rows.map(({ status }) => status));
}
