import { byObjective, gpusOf, type Candidate, type Objective } from "./candidate";

/** In what an alternative is better than the best plan. */
export type Advantage = "faster" | "cheaper" | "simpler" | "roomier" | "other-gpu" | "next-cheapest";

export interface Alternative {
  readonly plan: Candidate;
  readonly advantage: Advantage;
}

/** The plan to take, and what else there is. */
export interface Decision {
  readonly objective: Objective;
  readonly best: Candidate;
  readonly alternatives: readonly Alternative[];
  /** How many plans fit. */
  readonly considered: number;
  /** The best plan on another GPU. */
  readonly onOtherGpu: Candidate | undefined;
}

/** Alternatives that an answer holds at most. */
const mostAlternatives = 2;

/** Runs whose prices differ by less than this share cost the same as far as anybody can predict. */
const nearTie = 0.02;

/** Of the plans that cost practically the same a run, the one that costs least an hour: less is lost when it goes wrong. */
function leastHourlyOfNearTies(all: readonly Candidate[], cheapest: Candidate): Candidate {
  return all
    .filter((plan) => plan.usdPerRun <= cheapest.usdPerRun * (1 + nearTie))
    .reduce((least, plan) => (plan.usdPerHour < least.usdPerHour ? plan : least));
}

const keyOf = (plan: Candidate): string => `${plan.instance.name}/${String(plan.nodes)}`;

/** A third of the time less, for no more than two and a half times the money and four times the nodes. */
const fasterThan = (best: Candidate, all: readonly Candidate[]): Candidate | undefined =>
  all
    .filter((plan) => plan.hours.total < best.hours.total * 0.7)
    .filter((plan) => plan.usdPerRun <= best.usdPerRun * 2.5 && plan.nodes <= best.nodes * 4)
    .sort((one, other) => one.hours.total * one.usdPerRun - other.hours.total * other.usdPerRun)[0];

/** Fewer GPUs, or fewer nodes with no more GPUs. */
const simplerThan = (best: Candidate, all: readonly Candidate[]): Candidate | undefined =>
  all
    .filter((plan) => gpusOf(plan) < gpusOf(best) || (plan.nodes < best.nodes && gpusOf(plan) <= gpusOf(best)))
    .sort((one, other) => gpusOf(one) - gpusOf(other) || one.usdPerRun - other.usdPerRun)[0];

/** A tenth more of the GPU free, on another GPU. */
const roomierThan = (best: Candidate, all: readonly Candidate[]): Candidate | undefined =>
  all.find((plan) => plan.headroom > best.headroom + 0.1 && plan.instance.gpu !== best.instance.gpu);

/**
 * Chooses among plans that fit: the best for the objective, and alternatives that trade money for time, simplicity or room.
 *
 * @param candidates at least one
 */
export function choose(candidates: readonly [Candidate, ...Candidate[]], objective: Objective): Decision {
  const all = [...candidates].sort(byObjective(objective));
  const first = all[0] ?? candidates[0];
  const best = objective === "fastest" ? first : leastHourlyOfNearTies(all, first);
  const onOtherGpu = all.find((plan) => plan.instance.gpu !== best.instance.gpu);
  const proposals: readonly (readonly [Advantage, Candidate | undefined])[] = [
    ["faster", fasterThan(best, all)],
    ["cheaper", objective === "fastest" ? [...all].sort(byObjective("cheapest"))[0] : undefined],
    ["simpler", simplerThan(best, all)],
    ["roomier", roomierThan(best, all)],
    ["other-gpu", onOtherGpu],
    ["next-cheapest", all.find((plan) => plan !== best)],
  ];
  const taken = new Set([keyOf(best)]);
  const alternatives: Alternative[] = [];
  for (const [advantage, plan] of proposals) {
    if (plan === undefined || taken.has(keyOf(plan)) || alternatives.length >= mostAlternatives) continue;
    taken.add(keyOf(plan));
    alternatives.push({ plan, advantage });
  }
  return { objective, best, alternatives, considered: all.length, onOtherGpu };
}
