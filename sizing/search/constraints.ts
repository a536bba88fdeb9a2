import type { Catalog } from "../../catalog/instances";

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

export const defaultHeadroom = 0.1;

/** Constraints that name something that the catalog does not have. */
export class ConstraintError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConstraintError";
  }
}

function regionProblems(region: string | undefined, catalog: Catalog): string[] {
  if (region === undefined || region === catalog.region) return [];
  return [
    `region: the catalog holds prices of ${catalog.region}, not of ${region}; run \`npm run refresh-catalog -- --region ${region}\``,
  ];
}

function familyProblems(wanted: readonly string[], catalog: Catalog): string[] {
  const families = new Set(catalog.instances.map((instance) => instance.family));
  const unknown = wanted.filter((family) => !families.has(family));
  return unknown.length === 0 ? [] : [`families: ${unknown.join(", ")} unknown; use ${[...families].join(", ")}`];
}

const limits = ["maximumUsdPerRun", "maximumUsdPerHour", "maximumHours", "maximumNodes"] as const;

/**
 * Checks constraints against the catalog.
 * @throws ConstraintError that names all that is wrong.
 */
export function checkConstraints(constraints: Constraints, catalog: Catalog): void {
  const problems = [
    ...regionProblems(constraints.region, catalog),
    ...familyProblems(constraints.families ?? [], catalog),
  ];
  for (const name of limits) {
    const value = constraints[name];
    if (value !== undefined && !(value > 0)) problems.push(`${name}: ${String(value)} must be above 0`);
  }
  const headroom = constraints.headroom ?? defaultHeadroom;
  if (!(headroom >= 0 && headroom < 1)) problems.push(`headroom: ${String(headroom)} must be from 0 to below 1`);
  if (problems.length > 0) throw new ConstraintError(problems.join("; "));
}
