import type { Plan } from "../contracts/plan";
import type { Recipe } from "../contracts/recipe";
import type { RehearsalRecord } from "../contracts/rehearsal";
import { contentHash, partHash, type RunPart } from "../recipe/runIdentity";

/** What is rehearsed: all of a run but its base model, which is scaled down, and its generation. */
export interface RehearsalContents {
  /** Hash of the flow's code. */
  readonly code: string;
  /** Hash of the packages that the run is locked to. */
  readonly packages: string;
  readonly recipe: Recipe;
  readonly plan: Plan;
}

/** The parts of it, in the order in which they are told. */
export const rehearsalParts = ["code", "packages", "recipe", "plan"] as const satisfies readonly RunPart[];

/** What a report is of. */
export interface RehearsalIdentity {
  /** Name of the recipe. */
  readonly recipe: string;
  /** Hash of all parts. */
  readonly identity: string;
  readonly parts: RehearsalRecord["parts"];
  /** Hash of the code that rehearses. */
  readonly rehearsalCode: string;
}

/** @param rehearsalCode hash of the code that rehearses. */
export function rehearsalIdentity(contents: RehearsalContents, rehearsalCode: string): RehearsalIdentity {
  const { code, packages, recipe, plan } = contents;
  return {
    recipe: recipe.name,
    identity: contentHash({ code, packages, recipe, plan }),
    parts: { code: partHash(code), packages: partHash(packages), recipe: partHash(recipe), plan: partHash(plan) },
    rehearsalCode,
  };
}
