import type { Catalog } from "../../catalog/instances";
import type { Job } from "../job";
import { byObjective, type Candidate } from "./candidate";
import { candidates } from "./candidates";
import type { Constraints } from "./constraints";

/** Limits of the user that can be taken away one by one. */
const limits = [
  "families",
  "capacity",
  "maximumUsdPerRun",
  "maximumUsdPerHour",
  "maximumHours",
  "maximumNodes",
] as const satisfies readonly (keyof Constraints)[];

export type Limit = (typeof limits)[number];

/** A change to the job or its limits with which something may fit. */
export type Relaxation =
  | { readonly kind: "without-limit"; readonly limit: Limit }
  | { readonly kind: "offload" }
  | { readonly kind: "adapters" }
  | { readonly kind: "quantised-base" }
  | { readonly kind: "free-layout" }
  | { readonly kind: "without-limits" };

/** A relaxation with the cheapest plan that it allows. */
export interface WouldFit {
  readonly relaxation: Relaxation;
  readonly plan: Candidate;
}

interface Attempt {
  readonly relaxation: Relaxation;
  readonly job: Job;
  readonly constraints: Constraints;
}

function without<Whole extends object, Name extends keyof Whole>(
  whole: Whole,
  names: readonly Name[],
): Omit<Whole, Name> {
  const rest = { ...whole };
  for (const name of names) Reflect.deleteProperty(rest, name);
  return rest;
}

/** Each limit that the user has set, taken away. */
const withoutOneLimit = (job: Job, constraints: Constraints): Attempt[] =>
  limits
    .filter((limit) => constraints[limit] !== undefined)
    .map((limit) => ({
      relaxation: { kind: "without-limit", limit },
      job,
      constraints: without(constraints, [limit]),
    }));

/** The same job with less to train or to hold. */
function smallerJobs(job: Job, constraints: Constraints): Attempt[] {
  switch (job.trainable.kind) {
    case "full":
      return [
        {
          relaxation: { kind: "adapters" },
          job: {
            ...job,
            reference: job.reference === "separate" ? "adapter-off" : job.reference,
            trainable: { kind: "lora", rank: 16, targets: "all-linear", dropout: false, trainsEmbeddings: false },
          },
          constraints,
        },
      ];
    case "lora":
      return [
        {
          relaxation: { kind: "quantised-base" },
          job: { ...job, trainable: { ...job.trainable, kind: "qlora" } },
          constraints,
        },
      ];
    case "qlora":
      return [];
  }
}

/** What a recipe fixes of the layout, left to the planner. */
function freedLayout(job: Job, constraints: Constraints): Attempt[] {
  if (job.microBatch === undefined && job.sharding === undefined && job.checkpointing === undefined) return [];
  return [
    {
      relaxation: { kind: "free-layout" },
      job: without(job, ["microBatch", "sharding", "checkpointing"]),
      constraints,
    },
  ];
}

function attemptsFor(job: Job, constraints: Constraints): Attempt[] {
  const offload: Attempt[] =
    constraints.allowOffload === true
      ? []
      : [{ relaxation: { kind: "offload" }, job, constraints: { ...constraints, allowOffload: true } }];
  return [
    ...withoutOneLimit(job, constraints),
    ...offload,
    ...smallerJobs(job, constraints),
    ...freedLayout(job, constraints),
    { relaxation: { kind: "without-limits" }, job, constraints: without(constraints, limits) },
  ];
}

/** What would fit if the user allowed more, cheapest first. All limits go only where nothing less helps. */
export function whatWouldFit(job: Job, constraints: Constraints, catalog: Catalog): WouldFit[] {
  const found: WouldFit[] = [];
  for (const { relaxation, ...attempt } of attemptsFor(job, constraints)) {
    if (relaxation.kind === "without-limits" && found.length > 0) continue;
    const [plan] = candidates(attempt.job, attempt.constraints, catalog).sort(byObjective("cheapest"));
    if (plan !== undefined) found.push({ relaxation, plan });
  }
  return found.sort((one, other) => one.plan.usdPerRun - other.plan.usdPerRun);
}
