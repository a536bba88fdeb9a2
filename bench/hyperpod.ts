import { catalog, type Instance } from "../catalog/instances";
import { gpuByKey } from "../catalog/gpus";
import { workloadOf, type Job } from "../sizing/job";
import { estimateMemory } from "../sizing/memory";
import { search, type Candidate } from "../sizing/search";
import { findShape } from "../sizing/shape";
import { tools } from "../sizing/tools";
import type { LossImplementation, Trainable, Workload } from "../sizing/workload";
import { hyperpodRows } from "./measurements";

/** One published recipe, predicted on one of the instances that it names. */
export interface HyperpodCase {
  readonly recipe: string;
  readonly method: string;
  readonly model: string;
  readonly instance: Instance;
  readonly nodes: number;
  readonly requiredGib: number;
  readonly fits: boolean;
  /** The recipe's limit to a sample's length. */
  readonly limitTokens: number;
  /** The longest samples, in steps of 128 tokens up to the recipe's limit, with which it fits. */
  readonly fittingTokens: number;
}

/** Our plan for the same job against the cheapest instance that the recipe names. */
export interface HyperpodCost {
  readonly recipe: string;
  readonly theirUsdPerHour: number;
  /** The plan that the search prefers: the cheapest per run. */
  readonly ours: Candidate | undefined;
  /** The plan that it prefers when it may not cost more an hour than theirs. */
  readonly within: Candidate | undefined;
}

const moe = /gpt-oss|A3B|A12B|Scout|17B-16E/i;
/** Architectures that the table of shapes does not hold (hybrid attention, per-layer embeddings). */
const otherArchitecture = /Qwen3\.[56]|gemma-4/i;

const flag = (text: string | undefined): boolean => text === "True";
const value = (text: string | undefined, otherwise: number): number =>
  text === undefined || text === "" ? otherwise : Number(text);

type Method = "sft" | "dpo" | "grpo";

function trainableOf(row: Record<string, string>, method: Method): Trainable {
  const rank = method === "grpo" ? value(row.lora_rank, 0) : (row.peft ?? "").includes("lora") ? 16 : 0;
  return rank > 0
    ? { kind: "lora", rank, targets: "all-linear", dropout: method !== "grpo", trainsEmbeddings: false }
    : { kind: "full" };
}

/** Of these methods only DPO's configurations compare with a reference model. */
function referenceOf(method: Method, trainable: Trainable): Job["reference"] {
  if (method !== "dpo") return "none";
  return trainable.kind === "full" ? "separate" : "adapter-off";
}

function jobOf(row: Record<string, string>): Job | undefined {
  const model = row.model ?? "";
  if (model === "" || moe.test(model) || otherArchitecture.test(model)) return undefined;
  const shape = findShape(model);
  if (shape === undefined) return undefined;
  const method = row.trainer_type as Method;
  const trainable = trainableOf(row, method);
  const completion = value(row.resp, 0);
  const sequence = method === "grpo" ? value(row.prompt, 0) + completion : value(row.max_len, 4096);
  return {
    name: row.path ?? "",
    method,
    shape,
    trainable,
    weightBytes: 2,
    mixedPrecision: true,
    optimizer: "adamw-fused",
    sequenceTokens: sequence,
    completionTokens: method === "grpo" ? completion : sequence,
    fillShare: 0.5,
    packed: false,
    globalBatch: value(row.gbs, 8) * (method === "grpo" ? value(row.n, 1) : 1),
    attention: "sdpa",
    loss: "full",
    reference: referenceOf(method, trainable),
    generation: method === "grpo" ? { kind: "colocated", utilization: "auto", sleep: true } : { kind: "none" },
    steps: 500,
    checkpointEverySteps: 100,
    assumed: [],
  };
}

/** The workload as the recipe sets it up, on this instance. */
function workloadOn(
  row: Record<string, string>,
  job: Job,
  instance: Instance,
  nodes: number,
  loss: LossImplementation,
): Workload {
  const gpus = instance.gpus * nodes;
  const grpo = job.method === "grpo";
  // The actor packs sequences up to a number of tokens per GPU.
  const microBatch = grpo
    ? Math.max(1, Math.floor(value(row.max_tok_gpu, job.sequenceTokens) / job.sequenceTokens))
    : value(row.mbs, 1);
  const base = workloadOf(job, {
    gpus,
    gpusPerNode: instance.gpus,
    microBatch,
    gradientAccumulation: Math.max(1, Math.round(job.globalBatch / (gpus * microBatch))),
    sharding: "fsdp2",
    checkpointing: flag(row.gc) ? "full" : "none",
    offload: flag(row.cpu_offload) || flag(row.param_offload) ? "parameters" : "none",
    utilization: value(row.vllm_util, 0.6),
    engineTensorParallel: Math.min(instance.gpus, value(row.vllm_tp, 1)),
  });
  return {
    ...base,
    tool: grpo ? tools.verl : tools.openrlhf,
    loss,
    completionTokens: job.sequenceTokens,
    sharding: { ...base.sharding, degree: row.sharding === "HYBRID_SHARD" ? instance.gpus : gpus },
    offload: { ...base.offload, optimizer: base.offload.optimizer || flag(row.opt_offload) },
  };
}

const instancesOf = (row: Record<string, string>): Instance[] =>
  (row.instance_types ?? "")
    .split(" ")
    .map((name) => name.replace(/^ml\./, ""))
    .flatMap((name) => catalog.instances.filter((instance) => instance.name === name));

const withTokens = (job: Job, tokens: number): Job => ({
  ...job,
  sequenceTokens: tokens,
  completionTokens: Math.min(job.completionTokens, tokens),
});

/**
 * Every dense SFT, DPO and GRPO recipe on every instance that it names. The recipes name no loss kernel; those of OpenRLHF
 * and verl write gradients over the logits.
 */
export function hyperpodCases(loss: LossImplementation = "in-place"): HyperpodCase[] {
  const cases: HyperpodCase[] = [];
  for (const row of hyperpodRows()) {
    if (!["sft", "dpo", "grpo"].includes(row.trainer_type ?? "")) continue;
    const job = jobOf(row);
    if (job === undefined) continue;
    const nodes = value(row.num_nodes, 1);
    for (const instance of instancesOf(row)) {
      const gpu = gpuByKey(instance.gpu);
      const requiredGib = (tokens: number): number =>
        estimateMemory(workloadOn(row, withTokens(job, tokens), instance, nodes, loss), gpu.memoryGib).requiredGib;
      let fittingTokens = job.sequenceTokens;
      while (fittingTokens > 0 && requiredGib(fittingTokens) > gpu.memoryGib) fittingTokens -= 128;
      cases.push({
        recipe: row.path ?? "",
        method: job.method,
        model: row.model ?? "",
        instance,
        nodes,
        requiredGib: requiredGib(job.sequenceTokens),
        fits: fittingTokens === job.sequenceTokens,
        limitTokens: job.sequenceTokens,
        fittingTokens,
      });
    }
  }
  return cases;
}

/** What our plan for the same job costs an hour beside the cheapest instances that the recipe names. */
export function hyperpodCosts(): readonly HyperpodCost[] {
  return (knownCosts ??= comparedCosts());
}

/** Hundreds of searches: seconds, and the same answer each time. */
let knownCosts: readonly HyperpodCost[] | undefined;

function comparedCosts(): HyperpodCost[] {
  const costs: HyperpodCost[] = [];
  for (const row of hyperpodRows()) {
    if (!["sft", "dpo", "grpo"].includes(row.trainer_type ?? "")) continue;
    const job = jobOf(row);
    if (job === undefined) continue;
    const nodes = value(row.num_nodes, 1);
    const prices = instancesOf(row).flatMap((instance) =>
      instance.onDemandUsdPerHour === null ? [] : [instance.onDemandUsdPerHour * nodes],
    );
    if (prices.length === 0) continue;
    const theirUsdPerHour = Math.min(...prices);
    const result = search(job, { capacity: ["on-demand"] });
    const capped = search(job, { capacity: ["on-demand"], maximumUsdPerHour: theirUsdPerHour });
    costs.push({
      recipe: row.path ?? "",
      theirUsdPerHour,
      ours: result.fits ? result.best.plan : undefined,
      within: capped.fits ? capped.best.plan : undefined,
    });
  }
  return costs;
}
