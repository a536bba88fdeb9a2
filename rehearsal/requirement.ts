import { rehearsalRemedy } from "./commandLine";
import { rehearsalIdentity, type RehearsalContents } from "./identity";
import { rehearsalProblem } from "./judge";
import { recordsOf } from "./records";

/** What `up` demands of a run's rehearsal. */
export type RehearsalDemand = "required" | "first" | "none";

/**
 * Why a run whose rehearsal is required must not start, and what to do about it.
 *
 * @param rehearsalCode hash of the code that rehearses.
 * @returns undefined where it may start.
 */
export function requirementProblem(contents: RehearsalContents, rehearsalCode: string): string | undefined {
  const { recipe, plan } = contents;
  const problem = rehearsalProblem(rehearsalIdentity(contents, rehearsalCode), recordsOf(recipe.name));
  if (problem === undefined) return undefined;
  return `got "required", and ${problem}${problem.includes("\n") ? "\n    " : ": "}${rehearsalRemedy(recipe, plan)}`;
}
