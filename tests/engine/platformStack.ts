import * as fs from "node:fs";
import * as path from "node:path";
import { root } from "../../machine/checkout.mjs";
import { Journal, type Operation } from "./doubles/journal";
import { journalVariable, type Rule, scenarioVariable } from "./doubles/scenario";
import { TestStack } from "./pulumi";

/** A resource as the engine keeps it in its state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly custom: boolean;
  readonly protect?: boolean;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** The real engine and this project's program, with doubles in the place of the providers `aws` and `kubernetes`. */
export class PlatformStack extends TestStack {
  readonly journal: Journal;

  /** @param projectDirectory folder with another program than the checkout's */
  constructor(name: string, projectDirectory?: string) {
    super(name, projectDirectory === undefined ? {} : { projectDirectory });
    const file = path.join(this.directory, "journal.jsonl");
    this.journal = new Journal(file);
    this.environment[journalVariable] = file;
    const bin = path.join(root, "tests", "engine", "doubles", "bin");
    this.environment.PATH = [bin, this.environment.PATH].join(path.delimiter);
  }

  /** Runs the function while the doubles follow the rules; gives what they did meanwhile. */
  async during(run: () => Promise<unknown>, rules: readonly Rule[] = []): Promise<readonly Operation[]> {
    const before = this.journal.operations().length;
    this.environment[scenarioVariable] = JSON.stringify(rules);
    try {
      await run();
    } finally {
      this.environment[scenarioVariable] = "[]";
    }
    return this.journal.operations().slice(before);
  }

  async resources(): Promise<readonly StateResource[]> {
    const state = JSON.parse(await this.ok("stack export")) as { deployment: { resources?: StateResource[] } };
    return (state.deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
  }

  /** Every file of the backend, as it lies on disk. */
  stateText(): string {
    const directory = path.join(this.directory, "state");
    return fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .map((file) => path.join(directory, file))
      .filter((file) => fs.statSync(file).isFile())
      .map((file) => fs.readFileSync(file, "utf8"))
      .join("\n");
  }
}
