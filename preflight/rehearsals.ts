import { flowCode, rehearsalCodeHash } from "../components/run/flowCode";
import type { LocalReading } from "../configuration/local";
import { localStackMachine, planForThisMachine } from "../recipe/plan";
import { requirementProblem } from "../rehearsal/requirement";
import type { FieldError } from "../validation/explain";

/** @returns one entry for every stage whose recipe must have been rehearsed and was not; recipes that are wrong are passed over. */
export function rehearsalErrors({ stages }: LocalReading): FieldError[] {
  return stages.flatMap(({ index, rehearsal, complete: recipe }) => {
    if (rehearsal !== "required" || recipe === undefined) return [];
    const plan = planForThisMachine(recipe, localStackMachine);
    const reason = requirementProblem({ ...flowCode(recipe.method), recipe, plan }, rehearsalCodeHash());
    return reason === undefined ? [] : [{ path: `stages[${index}].rehearsal`, reason }];
  });
}
