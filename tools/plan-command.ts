import { parseArgs } from "node:util";
import { catalog } from "../sizing/data/instances";
import { jobFromRecipe, type Job } from "../sizing/job";
import type { MemoryParts } from "../sizing/memory";
import { planRecipe, NothingFitsError } from "../sizing/planRecipe";
import { readRecipe } from "../sizing/recipeFiles";
import { describeMachines, search, type Candidate, type CapacityKind, type Constraints } from "../sizing/search";
import { cellText, planTable } from "../sizing/table";
import { type CommandOutcome, failed } from "./command-outcome";

const usage = `npm run plan [-- <recipe>] [options]

  <recipe>                 a recipe of flows/recipes, for example sft-70b; without it: the table of all six
  --json                   print JSON
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

function positiveOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UsageError(`--${name}: ${JSON.stringify(text)} must be a number of at least 0`);
  return value;
}

interface Options {
  readonly recipe: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly constraints: Constraints;
}

function readOptions(options: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
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
      help: { type: "boolean", default: false },
    },
  });
  if (positionals.length > 1) throw new UsageError(`one recipe at a time, not ${positionals.join(", ")}`);
  const capacity = values.capacity?.split(",");
  const wrong = (capacity ?? []).filter((kind) => kind !== "on-demand" && kind !== "capacity-block");
  if (wrong.length > 0) throw new UsageError(`--capacity: ${wrong.join(", ")} must be on-demand or capacity-block`);
  const budget = positiveOption("budget", values.budget);
  const perHour = positiveOption("usd-per-hour", values["usd-per-hour"]);
  const deadline = positiveOption("deadline", values.deadline);
  const nodes = positiveOption("nodes", values.nodes);
  const headroom = positiveOption("headroom", values.headroom);
  return {
    recipe: positionals[0],
    json: values.json,
    help: values.help,
    constraints: {
      ...(values.region === undefined ? {} : { region: values.region }),
      ...(values.families === undefined ? {} : { families: values.families.split(",") }),
      ...(capacity === undefined ? {} : { capacity: capacity as CapacityKind[] }),
      ...(budget === undefined ? {} : { maximumUsdPerRun: budget }),
      ...(perHour === undefined ? {} : { maximumUsdPerHour: perHour }),
      ...(deadline === undefined ? {} : { maximumHours: deadline }),
      ...(nodes === undefined ? {} : { maximumNodes: nodes }),
      ...(headroom === undefined ? {} : { headroom }),
      ...(values.offload ? { allowOffload: true } : {}),
      ...(values.fastest ? { objective: "fastest" as const } : {}),
    },
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
function describeJob(job: Job): string {
  const format = job.weightBytes === 4 ? "float32" : "bf16";
  const part =
    job.trainable.kind === "full"
      ? `all weights, which with gradients and optimizer states are in ${format}`
      : `${job.trainable.kind === "qlora" ? "QLoRA" : "LoRA"} of rank ${String(job.trainable.rank)} on ${format} weights`;
  const items = { pretrain: "sequences", sft: "sequences", dpo: "pairs", grpo: "completions" }[job.method];
  return `  ${job.shape.name}: ${part}; ${job.optimizer}; ${String(job.sequenceTokens)} tokens, ${String(job.globalBatch)} ${items} a step`;
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
  const job = jobFromRecipe(recipe);
  const result = search(job, constraints);
  if (!result.fits) {
    const changes = result.wouldFit.map(
      ({ change, plan }) => `  ${change}: ${describeMachines(plan)}, $${plan.usdPerRun.toFixed(2)} a run`,
    );
    return { status: 2, lines: [result.message, ...changes] };
  }
  const { plan, reason } = result.best;
  const peak = plan.memory.requiredGib.toFixed(1);
  const limit = plan.gpu.memoryGib.toFixed(1);
  const lines = [
    `${recipe.name}: ${recipe.description}`,
    describeJob(job),
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
  const { recipe, json, help, constraints } = readOptions(options);
  if (help) return { status: 0, lines: [usage] };
  if (json) {
    const found =
      recipe === undefined ? planTable(readRecipe, constraints) : planRecipe(readRecipe(recipe), constraints);
    return { status: 0, lines: [JSON.stringify(found, null, 2)] };
  }
  return recipe === undefined ? { status: 0, lines: tableLines(constraints) } : recipeOutcome(recipe, constraints);
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
