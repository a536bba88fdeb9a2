import type { Plan } from "../../contracts/plan";
import type { Recipe } from "../../contracts/recipe";
import type { RehearsalRecord } from "../../contracts/rehearsal";

/** What a program says of a Rehearsal. */
export interface RehearsalInputs {
  /** Hash of what is rehearsed (rehearsal/identity.ts): another one is another rehearsal. */
  readonly identity: string;
  /** Hash of each part of that. */
  readonly parts: RehearsalRecord["parts"];
  /** Hash of the code that rehearses: with another one, the same is rehearsed again. */
  readonly rehearsalCode: string;
  readonly recipe: Recipe;
  readonly plan: Plan;
  /** Training processes where the plan spreads states over several. */
  readonly processes: number;
  /** Folder below which it works. */
  readonly folder: string;
  /** What rehearses in place of the project's own module, for tests of what is around it. */
  readonly command?: readonly string[];
}

/** What the stack keeps of a Rehearsal. */
export interface RehearsalState extends RehearsalInputs {
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
  /** What it took. */
  readonly seconds: number;
  /** How many invariants hold. */
  readonly invariants: number;
  /** File of the report. */
  readonly report: string;
}
