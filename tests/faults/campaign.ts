import { type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { isAlive, type ProcessIdentity, startTimeOf } from "../../machine/processes.mjs";
import { IsolatedCheckout, type Outcome } from "./isolatedCheckout";

/** A stack of this machine that faults are tried on, one after the other, and what was seen of each. */

/** What a fault did, what the next command made of it, and how that ended. */
export interface Observation {
  readonly fault: string;
  readonly next: string;
  /** The line of the next command that tells of it. */
  readonly said: string;
  readonly end: string;
  /** Of the next command. */
  readonly seconds: number;
}

export interface Stage {
  readonly name: string;
  readonly status: string;
  readonly pathspec: string;
  readonly modelUri: string;
  readonly cards: readonly string[];
}

export interface Outputs {
  readonly stages: readonly Stage[];
  readonly endpoint: { readonly url: string; readonly model: string; readonly modelUri: string } | null;
  readonly endpointEnvironment: Readonly<Record<string, string>> | null;
}

const stack = "local";

/** A short training, a short evaluation, and a gate that any model passes: what is tried here is not whether it learns. */
const quick = {
  evaluation: { tasks: ["tiny_sums"], limit: 8, headline: "tiny_sums/number" },
  gate: [{ metric: "tiny_sums/number", minimum: 0 }],
};
const short = { ...quick, duration: { steps: 4 }, loggingSteps: 1, optimizer: { warmupSteps: 0 } };

/** A stage that trains for half a minute, to be interrupted. */
export const longStage = {
  name: "long",
  recipe: "sft-tiny",
  set: { ...quick, duration: { steps: 300 }, checkpointEverySteps: 20, loggingSteps: 5 },
};

export class Campaign {
  readonly checkout: IsolatedCheckout;
  readonly observations: Observation[] = [];
  private commands: string[] = [];
  private said = "";
  private seconds = 0;

  constructor(
    name: string,
    private readonly hasEndpoint: boolean,
  ) {
    this.checkout = new IsolatedCheckout(name);
  }

  /** The stack's configuration: two short stages, and the endpoint of the second. */
  configure(change: Readonly<Record<string, unknown>> = {}): void {
    const stages = [
      { name: "sft", recipe: "sft-tiny", set: short },
      { name: "dpo", recipe: "dpo-tiny", from: "sft", set: short },
    ];
    this.checkout.configure(stack, {
      kind: "local",
      store: { removal: "remove" },
      stages,
      ...(this.hasEndpoint ? { endpoint: { serves: "dpo" } } : {}),
      ...change,
    });
  }

  /** The same with one more stage. */
  configureWith(stage: Readonly<Record<string, unknown>>): void {
    this.configure({
      stages: [
        { name: "sft", recipe: "sft-tiny", set: short },
        { name: "dpo", recipe: "dpo-tiny", from: "sft", set: short },
        stage,
      ],
    });
  }

  /** Tries one fault and keeps what was seen. */
  async observe(fault: string, action: () => Promise<string>): Promise<void> {
    this.commands = [];
    this.said = "";
    this.seconds = 0;
    const end = await action();
    this.observations.push({ fault, next: this.commands.join("; "), said: this.said, end, seconds: this.seconds });
  }

  /** Runs a command that a person would run next. */
  async next(script: string, ...parameters: readonly string[]): Promise<Outcome> {
    return this.nextIn({}, script, ...parameters);
  }

  /** The same from a shell with other variables. */
  async nextIn(environment: NodeJS.ProcessEnv, script: string, ...parameters: readonly string[]): Promise<Outcome> {
    const outcome = await this.checkout.run(script, parameters, environment);
    this.commands.push([script, ...parameters.filter((each) => !quiet.has(each))].join(" "));
    this.seconds += outcome.seconds;
    // A person is never shown a stack trace.
    expect(outcome.output).not.toMatch(/^\s+at .*\((?:node:|\/).*:\d+:\d+\)/m);
    return outcome;
  }

  /** The same in a copy of the checkout. */
  async nextInCopy(root: string, script: string, ...parameters: readonly string[]): Promise<Outcome> {
    const outcome = await this.checkout.run(script, parameters, {}, root);
    this.commands.push(`${script} ${parameters.join(" ")} (in the copy)`);
    this.seconds += outcome.seconds;
    return outcome;
  }

  /** `pulumi <verb>` on the stack, which must succeed. */
  async pulumi(verb: string, ...parameters: readonly string[]): Promise<string> {
    const { status, output } = await this.tryPulumi(verb, ...parameters);
    if (status !== 0) throw new Error(`${verb} ended with ${String(status)}:\n${output}`);
    return output;
  }

  async tryPulumi(verb: string, ...parameters: readonly string[]): Promise<Outcome> {
    return this.next("pulumi", verb, "-s", stack, ...(verb === "preview" ? [] : [...quiet]), ...parameters);
  }

  /** Expects a command to have said something, and keeps the line that says it. */
  says(output: string, pattern: RegExp): void {
    expect(output).toMatch(pattern);
    const line = output.split("\n").find((each) => pattern.test(each)) ?? pattern.exec(output)?.[0] ?? "";
    this.said = line.replaceAll(this.checkout.root, "…").replaceAll(/\s+/g, " ").trim();
  }

  async outputs(): Promise<Outputs> {
    const { output } = await this.checkout.run("pulumi", ["stack", "output", "-s", stack, "--json", "--show-secrets"]);
    return JSON.parse(output.slice(output.indexOf("{"))) as Outputs;
  }

  /** Asks the endpoint, with its key unless told otherwise; the status, or why there is none. */
  async ask({ endpoint, endpointEnvironment }: Outputs, withKey = true): Promise<number | string> {
    try {
      const response = await fetch(`${endpoint?.url ?? ""}/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(withKey ? { authorization: `Bearer ${endpointEnvironment?.OPENAI_API_KEY ?? ""}` } : {}),
        },
        body: JSON.stringify({
          model: endpoint?.model,
          messages: [{ role: "user", content: "What is 3 plus 4?" }],
          max_tokens: 4,
        }),
        signal: AbortSignal.timeout(60_000),
      });
      await response.text();
      return response.status;
    } catch (error) {
      return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    }
  }

  path(...parts: readonly string[]): string {
    return this.checkout.file(".posttraining", "stacks", stack, ...parts);
  }

  /** File in the store behind an `s3://posttraining/…` address. */
  stored(uri: string, ...parts: readonly string[]): string {
    return this.path("store", "objects", uri.replace("s3://", ""), ...parts);
  }

  stateFile(name: string = stack): string {
    return this.checkout.file(".posttraining/pulumi/state/.pulumi/stacks/posttraining", `${name}.json`);
  }

  /** Leaves the first bytes of a file. */
  cutOff(file: string): void {
    fs.truncateSync(file, Math.min(20, Math.floor(fs.statSync(file).size / 2)));
  }

  recordOf(server: string): { pid: number; startTime: string; port: number } {
    return JSON.parse(fs.readFileSync(this.path("processes", server, "process.json"), "utf8")) as {
      pid: number;
      startTime: string;
      port: number;
    };
  }

  /** Directory of the newest run of a stage. */
  runOf(stage: string): string {
    const runs = fs.existsSync(this.path("runs")) ? fs.readdirSync(this.path("runs")) : [];
    const [newest] = runs
      .filter((key) => key.startsWith(`${stage}-`))
      .map((key) => this.path("runs", key))
      .sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
    if (newest === undefined) throw new Error(`no run of ${stage} is recorded`);
    return newest;
  }

  statusOf(stage: string): { status: string; runId: string | null } {
    return JSON.parse(fs.readFileSync(path.join(this.runOf(stage), "status.json"), "utf8")) as {
      status: string;
      runId: string | null;
    };
  }

  supervisorOf(stage: string): ProcessIdentity {
    const text = fs.readFileSync(path.join(this.runOf(stage), "supervisor.json"), "utf8");
    const { pid, started } = JSON.parse(text) as { pid: number; started: string };
    return { pid, startTime: started };
  }

  /** How many runs Metaflow has ever started in this stack. */
  metaflowRuns(): number {
    const root = this.path("metaflow", ".metaflow");
    return fs
      .readdirSync(root)
      .filter((flow) => flow.endsWith("Flow"))
      .flatMap((flow) => fs.readdirSync(path.join(root, flow)).filter((run) => /^\d+$/.test(run))).length;
  }

  /** Kills exactly one process. */
  async kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const startTime = startTimeOf(pid) ?? "";
    process.kill(pid, signal);
    if (signal === "SIGKILL") await this.until(() => !isAlive({ pid, startTime }));
  }

  /** The stack's processes whose command matches. */
  processes(pattern = /./): { pid: number; command: string }[] {
    return this.checkout
      .users(stack)
      .filter(({ isOurs, process: found }) => isOurs && pattern.test(found.command))
      .map(({ process: { pid, command } }) => ({ pid, command }));
  }

  async until(holds: () => boolean, what = "something"): Promise<void> {
    const limit = Date.now() + 180_000;
    while (!holds()) {
      if (Date.now() > limit) throw new Error(`waited in vain for ${what}`);
      await sleep(50);
    }
  }

  /** Starts `up` and waits until what it prints matches; its process, to be killed. */
  async upUntil(pattern: RegExp): Promise<ChildProcess> {
    const child = this.checkout.start("pulumi", ["up", "-s", stack, ...quiet]);
    let seen = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (seen += text));
    }
    await this.until(() => pattern.test(seen) || child.exitCode !== null, String(pattern));
    if (!pattern.test(seen)) throw new Error(seen);
    return child;
  }

  /** Kills a command with all that it has started and that has no session of its own: terminal and engine at once. */
  async killGroup(child: ChildProcess): Promise<void> {
    const ended = new Promise((resolve) => child.once("close", resolve));
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await ended;
  }

  /** What every stack that is whole looks like: one store, one endpoint, no run, and nothing beside them. */
  expectWhole(): void {
    expect(this.processes(/^versitygw/)).toHaveLength(1);
    expect(this.processes(/vllm\.entrypoints/)).toHaveLength(this.hasEndpoint ? 1 : 0);
    expect(this.processes(/EngineCore/)).toHaveLength(this.hasEndpoint ? 1 : 0);
    expect(this.processes(/flow\.py|driver\.supervisor/)).toEqual([]);
  }
}

/** What is the same in every command that changes the stack. */
const quiet: ReadonlySet<string> = new Set(["--yes", "--skip-preview", "--suppress-outputs", "--non-interactive"]);
