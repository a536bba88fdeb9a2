import { createHash } from "node:crypto";
import { canonical } from "../contracts/canonical";
import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";

/**
 * What makes a run the run that it is: where nothing of it changes, nothing runs. The one place that says so; where a run is placed, and
 * what it is estimated to take, are no part of it. Loaded before anything is made, so it needs little.
 */

/** What a run is made of. */
export interface RunContents {
  /** Hash of the flow's code. */
  readonly code: string;
  /** Hash of the packages that the run is locked to. */
  readonly packages: string;
  readonly recipe: Recipe;
  readonly plan: Plan;
  /** Prefix of the base model; null: the recipe's own. */
  readonly baseModelUri: string | null;
  /** A new number is a new run of the same contents. */
  readonly generation: number;
}

/** The parts of a run's contents that can change by themselves, in the order in which they are told. */
export const runParts = ["code", "packages", "recipe", "plan", "baseModel", "generation"] as const;

export type RunPart = (typeof runParts)[number];

/** Hash of each part. */
export type RunPartHashes = Readonly<Record<RunPart, string>>;

/** Hash of a value: the same for equal values, whatever the order of their keys. */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

/** Hash of one part: enough to tell one value from the next. */
export const partHash = (value: RunContents[keyof RunContents]): string => contentHash(value).slice(0, 12);

/** Hashes of the parts but the base model, which is often not known yet. By them a later preview says why a run is a new one. */
export function partHashes({
  code,
  packages,
  recipe,
  plan,
  generation,
}: Omit<RunContents, "baseModelUri">): Omit<RunPartHashes, "baseModel"> {
  return {
    code: partHash(code),
    packages: partHash(packages),
    recipe: partHash(recipe),
    plan: partHash(plan),
    generation: partHash(generation),
  };
}

/** Hash of all of a run's contents: another hash is another run. */
export const runContentHash = (contents: RunContents): string => contentHash(contents);

/** Name of a run that is the same for the same content: an `up` that was interrupted finds its run again by it. */
export function runKey({ name, contentHash: hash }: { readonly name: string; readonly contentHash: string }): string {
  return `${name}-${hash.slice(0, 12)}`;
}
