import type { Job } from "../job";
import { gpusOf, type Candidate } from "./candidate";
import type { Alternative, Decision } from "./choose";
import type { Limit, Relaxation, WouldFit } from "./relaxations";

const dollars = (value: number): string =>
  value < 100 ? `$${value.toFixed(2)}` : `$${Math.round(value).toLocaleString("en-US")}`;
/** The difference between two prices in words. */
const costlier = (usd: number): string => (usd < 0 ? `${dollars(-usd)} less` : `${dollars(usd)} more`);
const duration = (hours: number): string =>
  hours < 1 ? `${String(Math.round(hours * 60))} min` : `${hours.toFixed(1)} h`;
const percent = (share: number): string => `${String(Math.round(share * 100))}%`;

/** A plan in words, for example `1 x g6e.xlarge (1 x NVIDIA L40S)`. */
export function describeMachines(plan: Candidate): string {
  const extra = plan.generationNodes > 0 ? ` + ${String(plan.generationNodes)} to generate` : "";
  const training = plan.nodes - plan.generationNodes;
  return `${String(training)} x ${plan.instance.name}${extra} (${String(gpusOf(plan))} x ${plan.gpu.name})`;
}

/** Why the best plan is the best. */
export function reasonForBest({ objective, best, considered, onOtherGpu }: Decision): string {
  if (objective === "fastest") return `The fastest of ${String(considered)} plans that fit.`;
  const sharded = best.layout.sharding === "fsdp2" ? ", its states sharded over all GPUs" : "";
  const other =
    onOtherGpu === undefined ? "" : `; on ${onOtherGpu.gpu.name} the same run costs ${dollars(onOtherGpu.usdPerRun)}`;
  return `The cheapest of ${String(considered)} plans that fit${sharded}${other}.`;
}

/** What an alternative has that the best plan has not, and what it costs. */
export function reasonForAlternative({ plan, advantage }: Alternative, best: Candidate): string {
  const hours = duration(plan.hours.total);
  const difference = costlier(plan.usdPerRun - best.usdPerRun);
  switch (advantage) {
    case "faster":
      return `Done in ${hours} instead of ${duration(best.hours.total)} for ${difference}.`;
    case "cheaper":
      return `Costs ${dollars(plan.usdPerRun)} instead of ${dollars(best.usdPerRun)} and takes ${hours}.`;
    case "simpler":
      return `${String(gpusOf(plan))} GPU${gpusOf(plan) === 1 ? "" : "s"} instead of ${String(gpusOf(best))}: less to go wrong, for ${difference} and ${hours}.`;
    case "roomier":
      return `Leaves ${percent(plan.headroom)} of the GPU free instead of ${percent(best.headroom)}, for ${difference}, on ${plan.gpu.name}.`;
    case "other-gpu":
      return `The cheapest on another GPU, for when ${best.instance.name} cannot be had: ${dollars(plan.usdPerRun)} a run.`;
    case "next-cheapest":
      return `The next cheapest: ${dollars(plan.usdPerRun)} a run.`;
  }
}

/** What to know before a plan is run, and what the recipe left open. */
export function notesOn(plan: Candidate, job: Job): string[] {
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

/** Being without a limit; who asked, by whatever option, knows its value. */
const withoutLimit: Readonly<Record<Limit, string>> = {
  families: "on other instance families",
  capacity: "on capacity that is bought another way",
  maximumUsdPerRun: "at a higher price for the run",
  maximumUsdPerHour: "at a higher price an hour",
  maximumHours: "with a later deadline",
  maximumNodes: "on more nodes",
};

/** A relaxation alone. */
function describeRelaxation(relaxation: Relaxation): string {
  switch (relaxation.kind) {
    case "without-limit":
      return withoutLimit[relaxation.limit];
    case "offload":
      return "with states offloaded to host memory";
    case "adapters":
      return "training LoRA adapters instead of all weights";
    case "quantised-base":
      return "with a 4-bit base (QLoRA)";
    case "free-layout":
      return "with micro batch, sharding and checkpointing left to the planner";
    case "without-limits":
      return "without any limit";
  }
}

/** With two digits, rounded up: whoever takes it for a limit gets the plan that has it. */
const atMost = (value: number): string => (Math.ceil(value * 100) / 100).toFixed(2);

/** A change with the plan that it allows as the end of "It would fit": whatever of it has a limit, since one of them was too low. */
export function describeWouldFit({ relaxation, plan }: WouldFit): string {
  const { usdPerRun, usdPerHour, hours } = plan;
  return `${describeRelaxation(relaxation)}: ${describeMachines(plan)}, $${atMost(usdPerRun)} a run, $${atMost(usdPerHour)} an hour, ${atMost(hours.total)} h`;
}

/** Why there is no plan, and the cheapest change that helps. */
export function reasonForNothing(job: Job, [cheapest]: readonly WouldFit[]): string {
  if (cheapest === undefined)
    return `Nothing in the catalog fits ${job.name}: a batch of ${String(job.globalBatch)} must divide evenly over the GPUs, and one sequence of ${String(job.sequenceTokens)} tokens must fit on one.`;
  return `Nothing that is allowed fits ${job.name}. It would fit ${describeWouldFit(cheapest)}.`;
}
