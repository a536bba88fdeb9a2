import { setTimeout as sleep } from "node:timers/promises";

/** What a test lets go wrong, or take long. */
export interface Rule {
  readonly operation: "create" | "update" | "delete";
  readonly type: string;
  /** Name of the resource in the program; left out: any. */
  readonly name?: string;
  /** Counted in one run of the engine, from 1; left out: every one. */
  readonly nth?: number;
  /** The operation fails with this message, and has done nothing. */
  readonly failure?: string;
  /** The operation takes this long. */
  readonly milliseconds?: number;
}

/** Variable with the rules, as JSON. */
export const scenarioVariable = "POSTTRAINING_DOUBLES_SCENARIO";
/** Variable with the path of the journal. */
export const journalVariable = "POSTTRAINING_DOUBLES_JOURNAL";

export class Scenario {
  private readonly seen = new Map<Rule, number>();

  constructor(private readonly rules: readonly Rule[]) {}

  static fromEnvironment(environment: NodeJS.ProcessEnv): Scenario {
    return new Scenario(JSON.parse(environment[scenarioVariable] ?? "[]") as Rule[]);
  }

  /** Waits, or throws, as the rules say. */
  async play(operation: Rule["operation"], type: string, name: string): Promise<void> {
    const matching = this.rules.filter((rule) => {
      if (rule.operation !== operation || rule.type !== type) return false;
      if (rule.name !== undefined && rule.name !== name) return false;
      const count = (this.seen.get(rule) ?? 0) + 1;
      this.seen.set(rule, count);
      return rule.nth === undefined || rule.nth === count;
    });
    for (const { milliseconds } of matching) if (milliseconds !== undefined) await sleep(milliseconds);
    for (const { failure } of matching) if (failure !== undefined) throw new Error(failure);
  }
}
