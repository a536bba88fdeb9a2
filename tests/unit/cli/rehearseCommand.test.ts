import { describe, expect, it } from "vitest";
import { rehearseCommand } from "../../../cli/rehearseCommand";
import type { RehearsalRecord } from "../../../contracts/rehearsal";
import { readRecipe } from "../../../recipe/read";
import { type Rehearsal, RehearsalError } from "../../../rehearsal/rehearse";
import { planRecipe } from "../../../sizing/planRecipe";
import { broken, recordOf } from "../rehearsal/records";

interface Outcome {
  readonly status: number;
  readonly asked: readonly Rehearsal[];
  readonly printed: string;
  readonly errors: string;
  readonly prepared: number;
}

/** What the command does where a rehearsal ends as `outcome` says. */
async function run(
  options: readonly string[],
  outcome: (rehearsal: Rehearsal) => RehearsalRecord = ({ identity }) => recordOf(identity),
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome> {
  const asked: Rehearsal[] = [];
  const printed: string[] = [];
  const errors: string[] = [];
  let prepared = 0;
  const status = await rehearseCommand(options, {
    rehearse: (rehearsal, { onLine }) => {
      asked.push(rehearsal);
      onLine("trains 2 of 4 steps");
      return Promise.resolve(rehearsal).then(outcome);
    },
    print: (line) => printed.push(line),
    printError: (line) => errors.push(line),
    prepare: () => {
      prepared += 1;
      return Promise.resolve();
    },
    signal,
  });
  return { status, asked, printed: printed.join("\n"), errors: errors.join("\n"), prepared };
}

describe("npm run rehearse", () => {
  it("rehearses a recipe as the planner plans it, says how far it is and what that proves", async () => {
    const { status, asked, printed } = await run(["sft-70b"]);
    expect(status).toBe(0);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ recipe: readRecipe("sft-70b"), processes: 2, fullShape: true });
    expect(asked[0]?.plan).toEqual(planRecipe(readRecipe("sft-70b")).plan);
    expect(printed).toContain("  | trains 2 of 4 steps");
    expect(printed).toContain("sft-70b: passed, 1 of 1 invariants hold");
  });

  it("takes other values, another trainable part, processes and constraints of the planner", async () => {
    const { asked } = await run([
      ...["sft-70b", "--trainable", "full", "--set", "optimizer.learningRate=2e-5", "--set", "seed=7"],
      ...["--processes", "4", "--families", "p5en", "--no-full-shape"],
    ]);
    expect(asked[0]).toMatchObject({
      recipe: { trainable: { kind: "full" }, optimizer: { learningRate: 2e-5 }, seed: 7 },
      processes: 4,
      fullShape: false,
    });
    const recipe = asked[0]?.recipe ?? readRecipe("sft-70b");
    expect(asked[0]?.plan).toEqual(planRecipe(recipe, { families: ["p5en"] }).plan);
  });

  it("takes another plan than the planner's", async () => {
    const recipe = readRecipe("sft-70b");
    const { plan } = planRecipe(recipe);
    const other = { ...plan, microBatch: 1, gradientAccumulation: plan.gradientAccumulation * plan.microBatch };
    const { asked } = await run(["sft-70b", "--plan", JSON.stringify(other)]);
    expect(asked[0]?.plan).toEqual(other);
  });

  it("is another rehearsal with each value and plan", async () => {
    const identities = await Promise.all(
      [[], ["--set", "seed=7"], ["--trainable", "full"]].map((more) => run(["sft-70b", ...more])),
    );
    expect(new Set(identities.map(({ asked }) => asked[0]?.identity.identity)).size).toBe(3);
  });

  it("names all that is wrong with options and fields in one message, and prepares and rehearses nothing", async () => {
    const { status, asked, errors, prepared } = await run([
      ...["sft-70b", "--set", "optimizer.learningRat=3", "--set", "batch.global=0", "--set", "seed"],
      ...[
        "--trainable",
        "lor",
        "--processes",
        "1",
        "--budget",
        "x",
        "--plan",
        '{"nodes": 0}',
        "--nodes",
        "2",
        "--nodes",
        "3",
      ],
    ]);
    expect([status, asked.length, prepared]).toEqual([2, 0, 0]);
    for (const part of [
      "--nodes: stands more than once",
      "sft-70b: optimizer.learningRat: is not a known key; did you mean learningRate?",
      "sft-70b: batch.global: ",
      '--set: "seed" must be a field and its value',
      '--trainable: got "lor"; allowed: lora, full (did you mean lora?)',
      '--processes: "1" must be a whole number from 2 to 16',
      '--budget: "x" must be a number of USD',
      "--plan: nodes: ",
    ]) {
      expect(errors).toContain(part);
    }
  });

  it.each([
    [[], "name a recipe, or say --all"],
    [["sft-71b"], 'no recipe "sft-71b"; there are'],
    [["sft-70b", "--all"], "--all: rehearses all recipes; leave out sft-70b"],
    [["--all", "--set", "seed=1"], "--set: is of one recipe; leave out --all"],
    [["sft-70b", "--plan", "two"], '--plan: "two" must be JSON'],
    [["sft-70b", "--set", "seed={"], '--set: the value in "seed={" is no YAML'],
    [["sft-70b", "--offload"], "Unknown option '--offload'"],
  ])("refuses %j", async (options, text) => {
    const { status, asked, errors } = await run(options);
    expect([status, asked.length]).toEqual([2, 0]);
    expect(errors).toContain(text);
  });

  it("refuses a plan that the recipe's batch does not fit, and what chooses a plan beside one", async () => {
    const { plan } = planRecipe(readRecipe("sft-70b"));
    const other = JSON.stringify({ ...plan, microBatch: 3 });
    const { errors } = await run(["sft-70b", "--plan", other, "--fastest"]);
    expect(errors).toContain("--plan: batch.global: got ");
    expect(errors).toContain("--fastest: is for the planner, which --plan leaves nothing to choose");
  });

  it("ends with 2 where nothing fits what is allowed", async () => {
    const { status, asked, errors } = await run(["sft-70b", "--budget", "1"]);
    expect([status, asked.length]).toEqual([2, 0]);
    expect(errors).not.toBe("");
  });

  it("ends with 1 where an invariant does not hold", async () => {
    const { status, printed } = await run(["sft-70b"], ({ identity }) => recordOf(identity, broken));
    expect(status).toBe(1);
    expect(printed).toContain("FAILED  the adapter is not empty: 0 tensors: write it whole");
  });

  it("ends with 2 where it could not be carried out, and says why", async () => {
    const { status, errors } = await run(["sft-70b"], () => {
      throw new RehearsalError("the rehearsal of sft-70b could not be carried out: no memory");
    });
    expect(status).toBe(2);
    expect(errors).toContain("could not be carried out: no memory");
  });

  it("ends with 130 where somebody ends it, and goes on with nothing", async () => {
    const ended = new AbortController();
    const { status, asked } = await run(
      ["--all"],
      () => {
        ended.abort();
        throw new Error("ended");
      },
      ended.signal,
    );
    expect([status, asked.length]).toEqual([130, 1]);
  });

  it("takes every recipe of the table with adapters and all weights, goes on after one that failed, and sums up", async () => {
    const { status, asked, printed } = await run(["--all"], ({ identity, recipe }) => {
      if (recipe.name === "grpo-3b") throw new RehearsalError("no memory");
      return recipe.name === "dpo-70b" ? recordOf(identity, broken) : recordOf(identity);
    });
    expect(status).toBe(2);
    expect(new Set(asked.map(({ recipe }) => `${recipe.name} ${recipe.trainable.kind}`)).size).toBe(12);
    expect(printed).toMatch(/^sft-3b LoRA +passed +80 s/m);
    expect(printed).toMatch(/^dpo-70b full +FAILED +80 s/m);
    expect(printed).toMatch(/^grpo-3b LoRA +NOT RUN +no memory/m);
  });

  it("shows its usage", async () => {
    const { status, printed } = await run(["--help"]);
    expect(status).toBe(0);
    expect(printed).toContain("--families g6e,p5");
  });
});
