import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import type { RunDocument } from "../contracts/runDocument";
import { methodOf } from "../methods";
import type { Method } from "../methods/method";
import { nearest, notAllowed } from "../validation/explain";
import { catalog } from "../catalog/instances";
import { regionNames } from "../catalog/regions";
import { isTiny, jobFromRecipe, type Job } from "../sizing/job";
import type { MemoryParts } from "../sizing/memory";
import { plainNumber } from "../validation/numberText";
import { planRecipe, NothingFitsError } from "../sizing/planRecipe";
import { readRecipe, recipeNames } from "../recipe/read";
import { describeMachines, search, type Candidate, type CapacityKind, type Constraints } from "../sizing/search";
import { shownValue } from "../validation/shownValue";
import { cellText, planTable } from "../sizing/table";
import { type CommandOutcome, failed } from "./commandOutcome";

const usage = `npm run plan [-- <recipe>] [options]

  <recipe>                 a recipe of flows/recipes, for example sft-70b; without it: the table of suggestions
  --json                   print JSON
  --document               print the run document that the recipe's flow takes: flow.py --config run <file>
  --models <prefix>        with --document: where models go, s3://bucket/prefix or file:///folder
                           (.metaflow/models here, as for a flow that is given a recipe)
  --families g6e,p5        only these instance families
  --capacity on-demand     only bought this way: on-demand, capacity-block
  --budget <usd>           at most this much for a run
  --usd-per-hour <usd>     at most this much an hour
  --deadline <hours>       done within
  --nodes <n>              at most this many nodes
  --headroom <share>       part of each GPU's memory to leave free (0.1)
  --offload                allow sharded states in host memory
  --fastest                the fastest plan instead of the cheapest
  --region <region>        region of the prices`;

class UsageError extends Error {}

const kinds = ["on-demand", "capacity-block"] as const satisfies readonly CapacityKind[];
const families = [...new Set(catalog.instances.map(({ family }) => family))];

interface NumberOption {
  readonly name: "budget" | "usd-per-hour" | "deadline" | "nodes" | "headroom";
  /** What it sets in the search. */
  readonly constraint: "maximumUsdPerRun" | "maximumUsdPerHour" | "maximumHours" | "maximumNodes" | "headroom";
  readonly allowed: (value: number) => boolean;
  /** What is allowed, for the message: "must be ...". */
  readonly expected: string;
}

const within = (maximum: number) => (value: number) => value > 0 && value <= maximum;
const numberOptions: readonly NumberOption[] = [
  {
    name: "budget",
    constraint: "maximumUsdPerRun",
    allowed: within(1e9),
    expected: "a number of USD above 0 and at most 1000000000, such as 500",
  },
  {
    name: "usd-per-hour",
    constraint: "maximumUsdPerHour",
    allowed: within(1e6),
    expected: "a number of USD above 0 and at most 1000000, such as 20",
  },
  {
    name: "deadline",
    constraint: "maximumHours",
    allowed: within(87_600),
    expected: "a number of hours above 0 and at most 87600, such as 12",
  },
  {
    name: "nodes",
    constraint: "maximumNodes",
    allowed: (value) => Number.isInteger(value) && value >= 1 && value <= 10_000,
    expected: "a whole number from 1 to 10000",
  },
  {
    name: "headroom",
    constraint: "headroom",
    allowed: (value) => value >= 0 && value < 1,
    expected: "a number from 0 to below 1: 0.1 leaves a tenth free",
  },
];

/** The number of an option; undefined where it is left out. */
function readNumber(
  { name, allowed, expected }: NumberOption,
  text: string | undefined,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const value = plainNumber(text.trim());
  if (value !== undefined && allowed(value)) return value;
  problems.push(`--${name}: ${shownValue(text)} must be ${expected}`);
  return undefined;
}

/** Words between commas, each of which must be allowed. */
function readWords<Word extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly Word[],
  problems: string[],
): Word[] | undefined {
  const words = text?.split(",").map((word) => word.trim());
  for (const word of words ?? [])
    if (!(allowed as readonly string[]).includes(word)) problems.push(`--${name}: ${notAllowed(word, allowed)}`);
  return words as Word[] | undefined;
}

function regionProblem(region: string): string[] {
  if (region === catalog.region) return [];
  const prices = `--region: the catalog holds prices of ${catalog.region}, not of ${shownValue(region)}`;
  if ((regionNames as readonly string[]).includes(region))
    return [`${prices}; run \`npm run refresh-catalog -- --region ${region}\``];
  const near = nearest(region, regionNames);
  return [`${prices}, which is no region that is known here${near === undefined ? "" : ` (did you mean ${near}?)`}`];
}

/** A recipe goes by its name: not by a path, and not in another case. */
function recipeProblems([recipe, ...others]: readonly string[]): string[] {
  if (recipe === undefined) return [];
  if (others.length > 0) return [`one recipe at a time, not ${[recipe, ...others].join(", ")}`];
  const names = recipeNames();
  if (names.includes(recipe)) return [];
  const name = basename(recipe).replace(/\.ya?ml$/i, "");
  const near = nearest(name, names);
  return [
    `no recipe ${shownValue(recipe)}; there are ${names.join(", ")}${near === undefined ? "" : ` (did you mean ${near}?)`}`,
  ];
}

const modelsPrefix = /^(?:s3:\/\/[a-z0-9][a-z0-9.-]+[a-z0-9]\/\S+|file:\/\/\/\S+)$/;

const parseOptions = (options: readonly string[]) =>
  parseArgs({
    args: [...options],
    allowPositionals: true,
    tokens: true,
    options: {
      json: { type: "boolean", default: false },
      document: { type: "boolean", default: false },
      models: { type: "string" },
      families: { type: "string" },
      capacity: { type: "string" },
      budget: { type: "string" },
      "usd-per-hour": { type: "string" },
      deadline: { type: "string" },
      nodes: { type: "string" },
      headroom: { type: "string" },
      offload: { type: "boolean", default: false },
      fastest: { type: "boolean", default: false },
      region: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });

type Values = ReturnType<typeof parseOptions>["values"];

/** What is wrong with asking for a run document. */
function documentProblems(recipe: string | undefined, { document, json, offload, models }: Values): string[] {
  if (!document)
    return models === undefined ? [] : ["--models: is where the models of a --document go, and there is none"];
  const problems: string[] = [];
  if (recipe === undefined) problems.push("--document: name the recipe that is to run");
  if (json) problems.push("--document: is JSON already; leave out --json");
  if (offload) problems.push("--document: the flows keep states in the GPUs' memory; leave out --offload");
  if (models !== undefined && !modelsPrefix.test(models)) {
    problems.push(`--models: ${shownValue(models)} must be s3://bucket/prefix or file:///folder`);
  }
  return problems;
}

/** What the options leave the search to choose from. Only what is given stands in it. */
function readConstraints(values: Values, problems: string[]): Constraints {
  if (values.region !== undefined) problems.push(...regionProblem(values.region));
  const constraints = {
    region: values.region,
    families: readWords("families", values.families, families, problems),
    capacity: readWords("capacity", values.capacity, kinds, problems),
    ...Object.fromEntries(
      numberOptions.map((option) => [option.constraint, readNumber(option, values[option.name], problems)]),
    ),
    allowOffload: values.offload ? true : undefined,
    objective: values.fastest ? "fastest" : undefined,
  };
  return Object.fromEntries(Object.entries(constraints).filter(([, value]) => value !== undefined));
}

interface Options {
  readonly recipe: string | undefined;
  readonly print: "text" | "json" | "document";
  /** Prefix below which the models of a printed document go. */
  readonly modelsRoot: string;
  readonly help: boolean;
  readonly constraints: Constraints;
}

function readOptions(options: readonly string[]): Options {
  const { values, positionals, tokens } = parseOptions(options);
  const [recipe] = positionals;
  const given = tokens.flatMap((token) => (token.kind === "option" && token.value !== undefined ? [token.name] : []));
  const repeated = new Set(given.filter((name, index) => given.indexOf(name) !== index));
  const problems = [
    ...[...repeated].map((name) => `--${name}: stands more than once`),
    ...recipeProblems(positionals),
    ...documentProblems(recipe, values),
  ];
  const constraints = readConstraints(values, problems);
  if (problems.length > 0 && !values.help) throw new UsageError(problems.join("\n"));
  return {
    recipe,
    print: values.document ? "document" : values.json ? "json" : "text",
    modelsRoot: values.models ?? pathToFileURL(resolve(".metaflow", "models")).href,
    help: values.help,
    constraints,
  };
}

const partNames: Readonly<Record<keyof MemoryParts, string>> = {
  weights: "weights",
  gradients: "gradients",
  optimizer: "optimizer states",
  activations: "activations",
  logits: "logits and loss",
  communication: "gathered layers, buckets",
  dequantisation: "dequantised layer",
  referenceModel: "reference model",
  generation: "inference engine",
  allocatorSlack: "allocator slack",
  cudaContext: "CUDA context, NCCL",
};

function memoryBars(plan: Candidate): string[] {
  const parts = plan.memory.parts.device;
  const total = plan.gpu.memoryGib;
  const cached = plan.memory.peakGib.device - plan.memory.requiredGib;
  return (Object.keys(partNames) as (keyof MemoryParts)[])
    .map((name) => ({ name, value: name === "allocatorSlack" ? parts[name] - cached : parts[name] }))
    .filter(({ value }) => value >= 0.05)
    .map(
      ({ name, value }) =>
        `  ${partNames[name].padEnd(26)}${value.toFixed(1).padStart(7)} GiB  ${"#".repeat(Math.max(1, Math.round((value / total) * 60)))}`,
    );
}

const share = (value: number): string => `${String(Math.round(value * 100))}%`;

/** What is trained, in which number format, and the optimizer: what an expert asks first. */
function describeJob(job: Job, batchOf: Method["batchOf"]): string {
  const format = job.weightBytes === 4 ? "float32" : "bf16";
  const part =
    job.trainable.kind === "full"
      ? `all weights, which with gradients and optimizer states are in ${format}`
      : `${job.trainable.kind === "qlora" ? "QLoRA" : "LoRA"} of rank ${String(job.trainable.rank)} on ${format} weights`;
  return `  ${job.shape.name}: ${part}; ${job.optimizer}; ${String(job.sequenceTokens)} tokens, ${String(job.globalBatch)} ${batchOf} a step`;
}

function describe(plan: Candidate): string[] {
  const { layout, hours } = plan;
  return [
    `  ${describeMachines(plan)}, ${plan.capacity === "on-demand" ? "on demand" : "Capacity Block"}`,
    `  $${plan.usdPerRun.toFixed(2)} a run, $${plan.usdPerHour.toFixed(2)} an hour, ${hours.total.toFixed(2)} h: provision ${hours.provision.toFixed(2)}, load ${hours.load.toFixed(2)}, train ${hours.train.toFixed(2)}, checkpoints ${hours.checkpoints.toFixed(2)}`,
    `  ${layout.sharding}, micro batch ${String(layout.microBatch)}, accumulation ${String(layout.gradientAccumulation)}, checkpointing ${layout.checkpointing}, ${Math.round(plan.step.tokensPerSecondPerGpu).toLocaleString("en-US")} tokens/s a GPU`,
  ];
}

function recipeOutcome(name: string, constraints: Constraints): { status: number; lines: string[] } {
  const recipe = readRecipe(name);
  if (isTiny(recipe))
    return { status: 0, lines: [`${recipe.name}: ${recipe.description}`, "", `  ${planRecipe(recipe).reason}`] };
  const job = jobFromRecipe(recipe);
  const result = search(job, constraints);
  if (!result.fits) {
    // The first is in the message.
    const others = result.wouldFit.slice(1).map(({ words }) => `It would also fit ${words}.`);
    return { status: 2, lines: [result.message, ...others] };
  }
  const { plan, reason } = result.best;
  const peak = plan.memory.requiredGib.toFixed(1);
  const limit = plan.gpu.memoryGib.toFixed(1);
  const lines = [
    `${recipe.name}: ${recipe.description}`,
    describeJob(job, methodOf(recipe).batchOf),
    "",
    ...describe(plan),
    `  ${reason}`,
    "",
    `Memory of one GPU at its peak (${plan.memory.phase}): ${peak} of ${limit} GiB, ${share(plan.headroom)} free`,
    ...memoryBars(plan),
    `  host memory ${String(Math.ceil(plan.hostGib))} GiB and local disk ${String(Math.ceil(plan.diskGb))} GB a node`,
    ...result.alternatives.flatMap((alternative) => [
      "",
      `Alternative: ${alternative.reason}`,
      ...describe(alternative.plan),
    ]),
    ...(result.notes.length > 0 ? [""] : []),
    ...result.notes.map((note) => `Note: ${note}`),
  ];
  return { status: 0, lines };
}

function tableLines(constraints: Constraints): string[] {
  return [
    "Cheapest plan per run: GPUs: nodes and instance, hours, USD",
    "",
    ...planTable(readRecipe, constraints).map(
      (cell) => `${cell.method.padEnd(5)}${cell.size.padEnd(4)}${cell.trainable.padEnd(5)} ${cellText(cell)}`,
    ),
    "",
    `Prices: ${catalog.region}, ${catalog.pricesDate}. One plan in full: npm run plan -- sft-70b; options: npm run plan -- --help`,
  ];
}

function answer(options: readonly string[]): { status: number; lines: string[] } {
  const { recipe: name, print, modelsRoot, help, constraints } = readOptions(options);
  if (help) return { status: 0, lines: [usage] };
  if (print === "text") {
    return name === undefined ? { status: 0, lines: tableLines(constraints) } : recipeOutcome(name, constraints);
  }
  const recipe = name === undefined ? undefined : readRecipe(name);
  const found = recipe === undefined ? planTable(readRecipe, constraints) : planRecipe(recipe, constraints);
  const printed =
    print === "document" && recipe !== undefined && "plan" in found
      ? runDocument(recipe, found.plan, modelsRoot)
      : found;
  return { status: 0, lines: [JSON.stringify(printed, null, 2)] };
}

/** What a flow is given to run a recipe as it is planned: on this machine, until somebody says where else (`placement`). */
function runDocument(recipe: Recipe, plan: Plan, modelsRoot: string): RunDocument {
  return { recipe, plan, placement: null, baseModelUri: null, modelsRoot, name: recipe.name, modelUri: null };
}

/**
 * What `npm run plan` prints. Status 2 when nothing fits, 1 when the options are wrong.
 *
 * @param options as on the command line
 */
export function planCommand(options: readonly string[]): CommandOutcome {
  try {
    const { status, lines } = answer(options);
    return { status, stdout: lines.map((line) => `${line}\n`).join(""), stderr: "" };
  } catch (error) {
    return failed(error, error instanceof NothingFitsError ? 2 : 1, usage);
  }
}
