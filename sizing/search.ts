import { catalog as builtInCatalog, type Catalog, type Instance } from "../catalog/instances";
import { gpuByKey, type Gpu } from "../catalog/gpus";
import { workloadOf, type Job, type Layout } from "./job";
import { estimateMemory, gib, type MemoryEstimate } from "./memory";
import { countAdapterParameters, countParameters } from "./shape";
import { estimateStepTime, type StepTime } from "./throughput";
import type { Checkpointing, Workload } from "./workload";

export type CapacityKind = "on-demand" | "capacity-block";

/** What the user allows. Everything left out is free. */
export interface Constraints {
  readonly region?: string;
  /** Instance families, for example `g6e` and `p5`. */
  readonly families?: readonly string[];
  /** Ways of buying; both when left out. */
  readonly capacity?: readonly CapacityKind[];
  readonly maximumUsdPerRun?: number;
  readonly maximumUsdPerHour?: number;
  readonly maximumHours?: number;
  readonly maximumNodes?: number;
  /** Part of a GPU's memory that a plan must leave free. */
  readonly headroom?: number;
  /** Keep sharded weights and optimizer states in host memory where that is cheaper. */
  readonly allowOffload?: boolean;
  readonly objective?: "cheapest" | "fastest";
}

/** Where the hours of a run go. */
export interface RunHours {
  /** Starting nodes and pulling images. */
  readonly provision: number;
  /** Reading the base model. */
  readonly load: number;
  readonly train: number;
  /** Writing checkpoints and the final model. */
  readonly checkpoints: number;
  readonly total: number;
}

/** A plan with its evidence. */
export interface Candidate {
  readonly instance: Instance;
  readonly gpu: Gpu;
  /** All nodes, those that only generate included. */
  readonly nodes: number;
  /** Of `nodes`, those that only generate (GRPO with a vLLM server). */
  readonly generationNodes: number;
  readonly layout: Layout;
  readonly memory: MemoryEstimate;
  readonly step: StepTime;
  readonly capacity: CapacityKind;
  readonly usdPerHour: number;
  readonly hours: RunHours;
  readonly usdPerRun: number;
  /** Host memory that one node needs, GiB. */
  readonly hostGib: number;
  /** Local disk that one node needs, GB. */
  readonly diskGb: number;
  /** Part of the GPU's memory that stays free at the peak. */
  readonly headroom: number;
}

export interface Choice {
  readonly plan: Candidate;
  readonly reason: string;
}

export type SearchResult =
  | {
      readonly fits: true;
      readonly best: Choice;
      readonly alternatives: readonly Choice[];
      readonly notes: readonly string[];
    }
  | {
      readonly fits: false;
      readonly message: string;
      /** What would fit if the user allowed more, cheapest first. */
      readonly wouldFit: readonly { readonly change: string; readonly plan: Candidate }[];
    };

export const defaultHeadroom = 0.1;

/** Starting a GPU node and pulling a training image of about 15 GB, hours. */
const provisionHours = 0.2;
/** Sustained write and read speed of a node's object-store client, bytes/s, at most; small nodes are bound by their network. */
const storeBytesPerSecond = 2.5e9;

const nodeCounts = [1, 2, 4, 8, 16, 32];
const microBatches = [1, 2, 4, 8, 16, 32, 64];

/** Constraints that name something that the catalog does not have. */
export class ConstraintError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConstraintError";
  }
}

function checkConstraints(constraints: Constraints, catalog: Catalog): void {
  const problems: string[] = [];
  if (constraints.region !== undefined && constraints.region !== catalog.region)
    problems.push(
      `region: the catalog holds prices of ${catalog.region}, not of ${constraints.region}; run \`npm run refresh-catalog -- --region ${constraints.region}\``,
    );
  const families = new Set(catalog.instances.map((instance) => instance.family));
  const unknown = (constraints.families ?? []).filter((family) => !families.has(family));
  if (unknown.length > 0) problems.push(`families: ${unknown.join(", ")} unknown; use ${[...families].join(", ")}`);
  const positives: readonly (readonly [string, number | undefined])[] = [
    ["maximumUsdPerRun", constraints.maximumUsdPerRun],
    ["maximumUsdPerHour", constraints.maximumUsdPerHour],
    ["maximumHours", constraints.maximumHours],
    ["maximumNodes", constraints.maximumNodes],
  ];
  for (const [name, value] of positives)
    if (value !== undefined && !(value > 0)) problems.push(`${name}: ${String(value)} must be above 0`);
  const headroom = constraints.headroom ?? defaultHeadroom;
  if (!(headroom >= 0 && headroom < 1)) problems.push(`headroom: ${String(headroom)} must be from 0 to below 1`);
  if (problems.length > 0) throw new ConstraintError(problems.join("; "));
}

interface Price {
  readonly capacity: CapacityKind;
  readonly usdPerHour: number;
}

function pricesOf(instance: Instance, constraints: Constraints): Price[] {
  const allowed = constraints.capacity ?? ["on-demand", "capacity-block"];
  const prices: Price[] = [];
  if (allowed.includes("on-demand") && instance.onDemandUsdPerHour !== null)
    prices.push({ capacity: "on-demand", usdPerHour: instance.onDemandUsdPerHour });
  if (allowed.includes("capacity-block") && instance.capacityBlock && instance.capacityBlockUsdPerHour !== null)
    prices.push({ capacity: "capacity-block", usdPerHour: instance.capacityBlockUsdPerHour });
  return prices;
}

/** Capacity Blocks are sold by the day, whole days up to 14 and then whole weeks. */
function billedHours(capacity: CapacityKind, hours: number): number {
  if (capacity === "on-demand") return hours;
  const days = Math.ceil(hours / 24);
  return 24 * (days <= 14 ? days : Math.ceil(days / 7) * 7);
}

/** Smallest share of the GPU that gives a colocated engine its weights and a cache for the sequences it works on. */
function engineSettings(
  job: Job,
  gpu: Gpu,
  gpusPerNode: number,
): { utilization: number; tensorParallel: number } | undefined {
  if (job.generation.kind !== "colocated") return { utilization: 0, tensorParallel: 1 };
  const weights = (countParameters(job.shape).total * 2) / gib;
  const cachePerSequence =
    (4 * job.shape.layers * job.shape.keyValueHeads * job.shape.headDimension * job.sequenceTokens) / gib;
  for (let tensorParallel = 1; tensorParallel <= gpusPerNode; tensorParallel *= 2) {
    const needed = (weights * 1.05 + 16 * cachePerSequence) / tensorParallel + 1.5;
    const share = Math.ceil((needed / gpu.memoryGib) * 20) / 20;
    const utilization = job.generation.utilization === "auto" ? Math.max(0.2, share) : job.generation.utilization;
    if (share <= utilization && utilization <= 0.85) return { utilization, tensorParallel };
  }
  return undefined;
}

interface Sized {
  readonly layout: Layout;
  readonly workload: Workload;
  readonly memory: MemoryEstimate;
}

interface Hosts {
  readonly hostGib: number;
  readonly diskGb: number;
}

function hostNeeds(job: Job, layout: Layout, memory: MemoryEstimate, nodes: number): Hosts {
  const counts = countParameters(job.shape);
  const weightsGib = (counts.total * 2) / gib;
  const local = Math.min(layout.gpus, layout.gpusPerNode);
  const trained =
    job.trainable.kind === "full"
      ? counts.total
      : countAdapterParameters(job.shape, job.trainable.rank, job.trainable.targets);
  // The first process reads the weights while the others wait for their shards; workers and pinned buffers of every process;
  // a sleeping engine keeps its weights in host memory.
  const engine = job.generation.kind === "colocated" && job.generation.sleep ? weightsGib : 0;
  // A separate reference is read while the policy waits for the trainer to shard it.
  const models = job.reference === "separate" ? 2 : 1;
  const loading = models * (layout.sharding === "ddp" ? weightsGib * Math.min(local, 2) : weightsGib);
  const hostGib = 6 + 3 * local + Math.max(loading, memory.hostGib * local) + engine;
  // Weights as downloaded, and two checkpoints: weights or adapters with the optimizer's two moments.
  const checkpoint =
    (trained * (2 + 2 * (job.weightBytes === 4 ? 4 : 2) + (job.trainable.kind === "full" ? 0 : 8))) / 1e9;
  const diskGb =
    30 +
    (counts.total * 2) / 1e9 +
    (2 * checkpoint) / (layout.sharding === "fsdp2" || layout.sharding === "zero3" ? nodes : 1);
  return { hostGib, diskGb };
}

function runHours(job: Job, instance: Instance, step: StepTime, nodes: number): RunHours {
  const counts = countParameters(job.shape);
  const bytesPerSecond = Math.min(storeBytesPerSecond, (instance.networkGbps / 8) * 1e9 * 0.5);
  const load = (counts.total * 2) / bytesPerSecond / 3600;
  const trained =
    job.trainable.kind === "full"
      ? counts.total
      : countAdapterParameters(job.shape, job.trainable.rank, job.trainable.targets);
  const saved = trained * (job.trainable.kind === "full" ? 6 : 12);
  const count = Math.floor(job.steps / job.checkpointEverySteps);
  const checkpoints = (count * (saved / nodes / bytesPerSecond) + (counts.total * 2) / bytesPerSecond) / 3600;
  const train = (job.steps * step.seconds) / 3600;
  return { provision: provisionHours, load, train, checkpoints, total: provisionHours + load + train + checkpoints };
}

/** Quantised weights that FSDP2 has sharded cannot be sent to vLLM: https://github.com/huggingface/trl/issues/5975 */
const canSendShards = ({ trainable, generation }: Job): boolean =>
  trainable.kind !== "qlora" || (generation.kind !== "colocated" && generation.kind !== "server");

/** Every layout of a job on this many GPUs that leaves the headroom, largest micro batch first per kind of layout. */
function layoutsThatFit(
  job: Job,
  gpu: Gpu,
  gpusPerNode: number,
  nodes: number,
  headroom: number,
  offloads: readonly Layout["offload"][],
): Sized[] {
  const gpus = gpusPerNode * nodes;
  if (job.globalBatch % gpus !== 0) return [];
  // TRL's first process alone writes what the reference says, to a file on its node (flows/posttraining/checks.py).
  if (job.reference === "precomputed" && nodes > 1) return [];
  const engine = engineSettings(job, gpu, gpusPerNode);
  if (engine === undefined) return [];
  const perGpu = job.globalBatch / gpus;
  const shardings: readonly Layout["sharding"][] =
    job.sharding !== undefined ? [job.sharding] : gpus === 1 ? ["none"] : ["ddp", "fsdp2"];
  const checkpointings: readonly Checkpointing[] =
    job.checkpointing !== undefined ? [job.checkpointing] : ["none", "full"];
  const budget = gpu.memoryGib * (1 - headroom);
  const found: Sized[] = [];
  for (const sharding of shardings) {
    if (sharding === "none" && gpus > 1) continue;
    if (sharding === "fsdp2" && !canSendShards(job)) continue;
    for (const offload of offloads) {
      if (offload === "parameters" && sharding !== "fsdp2" && sharding !== "zero3") continue;
      for (const checkpointing of checkpointings) {
        let previous: Sized | undefined;
        for (const microBatch of job.microBatch !== undefined ? [job.microBatch] : microBatches) {
          if (perGpu % microBatch !== 0) continue;
          const layout: Layout = {
            gpus,
            gpusPerNode,
            microBatch,
            gradientAccumulation: perGpu / microBatch,
            sharding,
            checkpointing,
            offload,
            utilization: engine.utilization,
            engineTensorParallel: engine.tensorParallel,
          };
          const workload = workloadOf(job, layout);
          const memory = estimateMemory(workload, gpu.memoryGib);
          if (memory.requiredGib > budget) break;
          if (previous !== undefined) found.push(previous);
          previous = { layout, workload, memory };
        }
        if (previous !== undefined) found.push(previous);
      }
    }
  }
  return found;
}

/** Nodes that only generate: the flows start one vLLM server, on one node. Undefined where the model is too large for that. */
function generationNodesFor(job: Job, instance: Instance, gpu: Gpu): number | undefined {
  if (job.generation.kind !== "server") return 0;
  const weights = (countParameters(job.shape).total * 2 * 1.2) / gib;
  return weights <= 0.85 * gpu.memoryGib * instance.gpus ? 1 : undefined;
}

/** Every instance type and number of nodes that fits, each with the layout and price that serve the objective best. */
export function candidates(job: Job, constraints: Constraints = {}, catalog: Catalog = builtInCatalog): Candidate[] {
  checkConstraints(constraints, catalog);
  const headroom = constraints.headroom ?? defaultHeadroom;
  const offloads: readonly Layout["offload"][] = constraints.allowOffload === true ? ["none", "parameters"] : ["none"];
  const sized = new Map<string, Sized[]>();
  const found: Candidate[] = [];
  const order = byObjective(constraints.objective ?? "cheapest");
  const better = (a: Candidate, b: Candidate): boolean => order(a, b) < 0;
  for (const instance of catalog.instances) {
    if (constraints.families !== undefined && !constraints.families.includes(instance.family)) continue;
    // Images are built for x86.
    if (instance.architecture !== "x86_64") continue;
    const prices = pricesOf(instance, constraints);
    if (prices.length === 0) continue;
    const gpu = gpuByKey(instance.gpu);
    const generationNodes = generationNodesFor(job, instance, gpu);
    if (generationNodes === undefined) continue;
    for (const trainingNodes of nodeCounts) {
      const nodes = trainingNodes + generationNodes;
      if (nodes > (constraints.maximumNodes ?? 16)) break;
      // More than one node needs the low-latency network.
      if (nodes > 1 && (instance.efaInterfaces === 0 || instance.gpus < 4)) break;
      const key = `${instance.gpu}/${String(instance.gpus)}/${String(trainingNodes)}`;
      let layouts = sized.get(key);
      if (layouts === undefined) {
        layouts = layoutsThatFit(job, gpu, instance.gpus, trainingNodes, headroom, offloads);
        sized.set(key, layouts);
      }
      let best: Candidate | undefined;
      for (const { layout, workload, memory } of layouts) {
        const hosts = hostNeeds(job, layout, memory, trainingNodes);
        if (hosts.hostGib > instance.allocatableMemoryGib || hosts.diskGb > instance.localDiskGb) continue;
        const step = estimateStepTime(workload, gpu, {
          fillShare: job.fillShare,
          packed: job.packed,
          interconnect: { gpusPerNode: instance.gpus, networkGbps: instance.networkGbps },
        });
        const hours = runHours(job, instance, step, trainingNodes);
        if (constraints.maximumHours !== undefined && hours.total > constraints.maximumHours) continue;
        for (const price of prices) {
          const usdPerHour = price.usdPerHour * nodes;
          if (usdPerHour > (constraints.maximumUsdPerHour ?? Infinity) * 1.000001) continue;
          const usdPerRun = billedHours(price.capacity, hours.total) * usdPerHour;
          if (usdPerRun > (constraints.maximumUsdPerRun ?? Infinity)) continue;
          const current: Candidate = {
            instance,
            gpu,
            nodes,
            generationNodes,
            layout,
            memory,
            step,
            capacity: price.capacity,
            usdPerHour,
            hours,
            usdPerRun,
            hostGib: hosts.hostGib,
            diskGb: hosts.diskGb,
            headroom: 1 - memory.requiredGib / gpu.memoryGib,
          };
          if (best === undefined || better(current, best)) best = current;
        }
      }
      if (best !== undefined) found.push(best);
    }
  }
  return found;
}

const dollars = (value: number): string =>
  value < 100 ? `$${value.toFixed(2)}` : `$${Math.round(value).toLocaleString("en-US")}`;
/** The difference between two prices in words. */
const costlier = (usd: number): string => (usd < 0 ? `${dollars(-usd)} less` : `${dollars(usd)} more`);
const duration = (hours: number): string =>
  hours < 1 ? `${String(Math.round(hours * 60))} min` : `${hours.toFixed(1)} h`;

/** A plan in words, for example `1 x g6e.xlarge (1 x NVIDIA L40S)`. */
export function describeMachines(plan: Candidate): string {
  const extra = plan.generationNodes > 0 ? ` + ${String(plan.generationNodes)} to generate` : "";
  const training = plan.nodes - plan.generationNodes;
  return `${String(training)} x ${plan.instance.name}${extra} (${String(plan.nodes * plan.instance.gpus)} x ${plan.gpu.name})`;
}

const byObjective =
  (objective: NonNullable<Constraints["objective"]>) =>
  (a: Candidate, b: Candidate): number =>
    objective === "fastest"
      ? a.hours.total - b.hours.total || a.usdPerRun - b.usdPerRun || a.nodes - b.nodes
      : a.usdPerRun - b.usdPerRun || a.nodes - b.nodes || a.hours.total - b.hours.total;

/**
 * The cheapest plan per run that fits (or the fastest, if that is the objective), two alternatives that trade money for time
 * or simplicity, and the reason for each; or what would have to be allowed for anything to fit.
 */
export function search(job: Job, constraints: Constraints = {}, catalog: Catalog = builtInCatalog): SearchResult {
  const objective = constraints.objective ?? "cheapest";
  const all = candidates(job, constraints, catalog).sort(byObjective(objective));
  const first = all[0];
  if (first === undefined) return nothingFits(job, constraints, catalog);
  const best = objective === "fastest" ? first : leastHourlyOfNearTies(all, first);
  const gpusOf = (plan: Candidate): number => plan.nodes * plan.instance.gpus;
  const alternatives: Choice[] = [];
  const taken = new Set([key(best)]);
  const take = (plan: Candidate | undefined, reason: (plan: Candidate) => string): void => {
    if (plan === undefined || taken.has(key(plan)) || alternatives.length >= 2) return;
    taken.add(key(plan));
    alternatives.push({ plan, reason: reason(plan) });
  };
  const faster = all
    .filter(
      (plan) =>
        plan.hours.total < best.hours.total * 0.7 &&
        plan.usdPerRun <= best.usdPerRun * 2.5 &&
        plan.nodes <= best.nodes * 4,
    )
    .sort((a, b) => a.hours.total * a.usdPerRun - b.hours.total * b.usdPerRun)[0];
  take(
    faster,
    (plan) =>
      `Done in ${duration(plan.hours.total)} instead of ${duration(best.hours.total)} for ${costlier(plan.usdPerRun - best.usdPerRun)}.`,
  );
  if (objective === "fastest") {
    const cheaper = [...all].sort(byObjective("cheapest"))[0];
    take(
      cheaper,
      (plan) =>
        `Costs ${dollars(plan.usdPerRun)} instead of ${dollars(best.usdPerRun)} and takes ${duration(plan.hours.total)}.`,
    );
  }
  const simpler = all
    .filter((plan) => gpusOf(plan) < gpusOf(best) || (plan.nodes < best.nodes && gpusOf(plan) <= gpusOf(best)))
    .sort((a, b) => gpusOf(a) - gpusOf(b) || a.usdPerRun - b.usdPerRun)[0];
  take(
    simpler,
    (plan) =>
      `${String(gpusOf(plan))} GPU${gpusOf(plan) === 1 ? "" : "s"} instead of ${String(gpusOf(best))}: less to go wrong, for ${costlier(plan.usdPerRun - best.usdPerRun)} and ${duration(plan.hours.total)}.`,
  );
  const roomier = all.find((plan) => plan.headroom > best.headroom + 0.1 && plan.instance.gpu !== best.instance.gpu);
  take(
    roomier,
    (plan) =>
      `Leaves ${String(Math.round(plan.headroom * 100))}% of the GPU free instead of ${String(Math.round(best.headroom * 100))}%, for ${costlier(plan.usdPerRun - best.usdPerRun)}, on ${plan.gpu.name}.`,
  );
  const otherGpu = all.find((plan) => plan.instance.gpu !== best.instance.gpu);
  take(
    otherGpu,
    (plan) =>
      `The cheapest on another GPU, for when ${best.instance.name} cannot be had: ${dollars(plan.usdPerRun)} a run.`,
  );
  take(
    all.find((plan) => plan !== best),
    (plan) => `The next cheapest: ${dollars(plan.usdPerRun)} a run.`,
  );
  const sorted = alternatives.slice(0, 2);
  const runnerUp = all.find((plan) => plan.instance.gpu !== best.instance.gpu);
  const sharded = best.layout.sharding === "fsdp2" ? ", its states sharded over all GPUs" : "";
  const reason =
    objective === "fastest"
      ? `The fastest of ${String(all.length)} plans that fit.`
      : `The cheapest of ${String(all.length)} plans that fit${sharded}${
          runnerUp === undefined ? "" : `; on ${runnerUp.gpu.name} the same run costs ${dollars(runnerUp.usdPerRun)}`
        }.`;
  return { fits: true, best: { plan: best, reason }, alternatives: sorted, notes: notesOn(best, job) };
}

/** Runs whose prices differ by less than this share cost the same as far as anybody can predict. */
const nearTie = 0.02;

/** Of the plans that cost practically the same a run, the one that costs least an hour: less is lost when it goes wrong. */
function leastHourlyOfNearTies(all: readonly Candidate[], cheapest: Candidate): Candidate {
  return all
    .filter((plan) => plan.usdPerRun <= cheapest.usdPerRun * (1 + nearTie))
    .reduce((a, b) => (b.usdPerHour < a.usdPerHour ? b : a));
}

const key = (plan: Candidate): string => `${plan.instance.name}/${String(plan.nodes)}`;

function notesOn(plan: Candidate, job: Job): string[] {
  const notes: string[] = [];
  if (plan.nodes > 1)
    notes.push("All nodes go into one Availability Zone and one cluster placement group, connected by EFA.");
  if (plan.capacity === "capacity-block")
    notes.push(
      "Bought as a Capacity Block: whole days, booked up to 8 weeks ahead; the price is that of the whole block.",
    );
  else if (/^p[456]/.test(plan.instance.family) && plan.instance.gpus > 1)
    notes.push("On-demand capacity of P instances is scarce: have a Capacity Block or a reservation ready.");
  if (plan.layout.offload !== "none")
    notes.push(`Weights and optimizer states live in host memory (${String(Math.round(plan.hostGib))} GiB a node).`);
  for (const assumption of job.assumed) notes.push(`Assumed ${assumption}.`);
  return notes;
}

function nothingFits(job: Job, constraints: Constraints, catalog: Catalog): SearchResult {
  const { families, capacity, maximumUsdPerRun, maximumUsdPerHour, maximumHours, maximumNodes, ...rest } = constraints;
  const base: Constraints = { ...rest, ...(constraints.region === undefined ? {} : { region: constraints.region }) };
  const given = {
    ...(families === undefined ? {} : { families }),
    ...(capacity === undefined ? {} : { capacity }),
    ...(maximumUsdPerRun === undefined ? {} : { maximumUsdPerRun }),
    ...(maximumUsdPerHour === undefined ? {} : { maximumUsdPerHour }),
    ...(maximumHours === undefined ? {} : { maximumHours }),
    ...(maximumNodes === undefined ? {} : { maximumNodes }),
  };
  const without = (name: keyof typeof given): Constraints => {
    const kept: Record<string, unknown> = { ...given };
    Reflect.deleteProperty(kept, name);
    return { ...base, ...kept };
  };
  const tries: { change: string; constraints: Constraints; job?: Job }[] = [];
  for (const name of Object.keys(given) as (keyof typeof given)[])
    tries.push({ change: `without ${name} (${JSON.stringify(given[name])})`, constraints: without(name) });
  if (constraints.allowOffload !== true)
    tries.push({ change: "with states offloaded to host memory", constraints: { ...constraints, allowOffload: true } });
  if (job.trainable.kind === "full") {
    tries.push({
      change: "training LoRA adapters instead of all weights",
      constraints,
      job: {
        ...job,
        reference: job.reference === "separate" ? "adapter-off" : job.reference,
        trainable: { kind: "lora", rank: 16, targets: "all-linear", dropout: false, trainsEmbeddings: false },
      },
    });
  } else if (job.trainable.kind === "lora")
    tries.push({
      change: "with a 4-bit base (QLoRA)",
      constraints,
      job: { ...job, trainable: { ...job.trainable, kind: "qlora" } },
    });
  if (job.microBatch !== undefined || job.sharding !== undefined || job.checkpointing !== undefined) {
    const free: Record<string, unknown> = { ...job };
    for (const fixed of ["microBatch", "sharding", "checkpointing"]) Reflect.deleteProperty(free, fixed);
    tries.push({
      change: "with micro batch, sharding and checkpointing left to the planner",
      constraints,
      job: free as unknown as Job,
    });
  }
  tries.push({ change: "without any limit", constraints: base });
  const wouldFit: { change: string; plan: Candidate }[] = [];
  for (const attempt of tries) {
    const plan = candidates(attempt.job ?? job, attempt.constraints, catalog).sort(byObjective("cheapest"))[0];
    if (plan !== undefined && (attempt.change !== "without any limit" || wouldFit.length === 0))
      wouldFit.push({ change: attempt.change, plan });
  }
  wouldFit.sort((a, b) => a.plan.usdPerRun - b.plan.usdPerRun);
  const first = wouldFit[0];
  const message =
    first === undefined
      ? `Nothing in the catalog fits ${job.name}: a batch of ${String(job.globalBatch)} must divide evenly over the GPUs, and one sequence of ${String(job.sequenceTokens)} tokens must fit on one.`
      : `Nothing that is allowed fits ${job.name}. It would fit ${first.change}: ${describeMachines(first.plan)}, ${dollars(first.plan.usdPerRun)} a run.`;
  return { fits: false, message, wouldFit };
}
