import { catalog as builtInCatalog, type Catalog } from "../../catalog/instances";
import type { Job } from "../job";
import type { Candidate } from "./candidate";
import { candidates } from "./candidates";
import { choose } from "./choose";
import type { Constraints } from "./constraints";
import { describeWouldFit, notesOn, reasonForAlternative, reasonForBest, reasonForNothing } from "./reasons";
import { whatWouldFit } from "./relaxations";

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
      /** What would fit if the user allowed more, cheapest first; `message` names the first of it. `words` end "It would fit". */
      readonly wouldFit: readonly { readonly words: string; readonly plan: Candidate }[];
    };

function nothingFits(job: Job, constraints: Constraints, catalog: Catalog): SearchResult {
  const found = whatWouldFit(job, constraints, catalog);
  return {
    fits: false,
    message: reasonForNothing(job, found),
    wouldFit: found.map((each) => ({ words: describeWouldFit(each), plan: each.plan })),
  };
}

/**
 * The cheapest plan per run that fits (or the fastest, if that is the objective), two alternatives that trade money for time
 * or simplicity, and the reason for each; or what would have to be allowed for anything to fit.
 *
 * @throws ConstraintError when a constraint names what the catalog does not have.
 */
export function search(job: Job, constraints: Constraints = {}, catalog: Catalog = builtInCatalog): SearchResult {
  const [first, ...others] = candidates(job, constraints, catalog);
  if (first === undefined) return nothingFits(job, constraints, catalog);
  const decision = choose([first, ...others], constraints.objective ?? "cheapest");
  const { best, alternatives } = decision;
  return {
    fits: true,
    best: { plan: best, reason: reasonForBest(decision) },
    alternatives: alternatives.map((each) => ({ plan: each.plan, reason: reasonForAlternative(each, best) })),
    notes: notesOn(best, job),
  };
}
