import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import type { RunDocument } from "../contracts/runDocument";
import { methodOf } from "../methods";
import type { Method } from "../methods/method";
import { catalog } from "../catalog/instances";
import { isTiny, jobFromRecipe, type Job } from "../sizing/job";
import type { MemoryParts } from "../sizing/memory";
import { planRecipe, NothingFitsError } from "../sizing/planRecipe";
import { readRecipe } from "../recipe/read";
import { describeMachines, search, type Candidate, type Constraints } from "../sizing/search";
import { shownValue } from "../validation/shownValue";
import { cellText, planTable } from "../sizing/table";
import { type CommandOutcome, failed } from "./commandOutcome";
import { constraintOptions, constraintUsage, readConstraints, recipeProblems, repeatedOptions } from "./planOptions";

const usage = `npm run plan [-- <recipe>] [options]

  <recipe>                 a recipe of flows/recipes, for example sft-70b; without it: the table of suggestions
  --json                   print JSON
  --document               print the run document that the recipe's flow takes: flow.py --config run <file>
  --models <prefix>        with --document: where models go, s3://bucket/prefix or file:///folder
                           (.metaflow/models here, as for a flow that is given a recipe)
${constraintUsage}
  --offload                allow sharded states in host memory`;

class UsageError extends Error {}

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
      ...constraintOptions,
      offload: { type: "boolean", default: false },
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
  const problems = [...repeatedOptions(tokens), ...recipeProblems(positionals), ...documentProblems(recipe, values)];
  const constraints = {
    ...readConstraints(values, problems),
    ...(values.offload ? { allowOffload: true } : {}),
  };
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
