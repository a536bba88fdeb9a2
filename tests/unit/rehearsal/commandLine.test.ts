import { describe, expect, it } from "vitest";
import { rehearseCommand } from "../../../cli/rehearseCommand";
import type { Plan } from "../../../contracts/plan";
import type { Recipe } from "../../../contracts/recipe";
import { loadRecipe, readRecipe } from "../../../recipe/read";
import { rehearsalRemedy, rehearseCommandLine } from "../../../rehearsal/commandLine";
import type { Rehearsal } from "../../../rehearsal/rehearse";
import { planRecipe } from "../../../sizing/planRecipe";
import { shellWords } from "./shellWords";
import { recordOf } from "./records";

function changed(overrides: Record<string, unknown>): Recipe {
  const read = loadRecipe("sft-70b", overrides);
  if ("errors" in read) throw new Error(JSON.stringify(read.errors));
  return read.recipe;
}

/** What a command line rehearses. */
async function rehearsedBy(line: string): Promise<Pick<Rehearsal, "recipe" | "plan"> | undefined> {
  const [npm, run, script, dashes, ...options] = shellWords(line);
  expect([npm, run, script, dashes]).toEqual(["npm", "run", "rehearse", "--"]);
  const asked: Rehearsal[] = [];
  await rehearseCommand(options, {
    rehearse: (rehearsal) => {
      asked.push(rehearsal);
      return Promise.resolve(recordOf(rehearsal.identity));
    },
    print: () => undefined,
    printError: (message) => {
      throw new Error(message);
    },
    prepare: () => Promise.resolve(),
    signal: new AbortController().signal,
  });
  return asked[0];
}

describe("the command that a refusal asks for", () => {
  it("is the recipe's name where nothing is laid over it and this machine runs it, and has the plan where GPUs do", () => {
    const tiny = readRecipe("sft-tiny");
    expect(rehearseCommandLine(tiny, planRecipe(tiny).plan)).toBe("npm run rehearse -- sft-tiny");
    const large = readRecipe("sft-70b");
    expect(rehearseCommandLine(large, planRecipe(large).plan)).toMatch(
      /^npm run rehearse -- sft-70b --plan '\{"nodes":1,.*\}'$/,
    );
  });

  const recipe = readRecipe("sft-70b");
  const ownPlan: Plan = { ...planRecipe(recipe).plan, activationCheckpointing: "none" };
  it.each<[string, Recipe, Plan | undefined]>([
    ["a number", changed({ optimizer: { learningRate: 1e-5 } }), undefined],
    ["another trainable part", changed({ trainable: { kind: "full" } }), undefined],
    [
      "a list, a text with blanks and one that looks like a number",
      changed({
        trainable: { targets: ["q_proj", "v_proj"] },
        description: "It's another one: 1e3",
        dataset: { subset: "007" },
      }),
      undefined,
    ],
    ["a plan of one's own", recipe, ownPlan],
  ])("rehearses just that run: %s", async (_what, wanted, plan = planRecipe(wanted).plan) => {
    const line = rehearseCommandLine(wanted, plan);
    expect(await rehearsedBy(line ?? "")).toMatchObject({ recipe: wanted, plan });
  });

  it("is none for a recipe that no file of the project makes", () => {
    const own = { ...recipe, name: "sft-own" };
    expect(rehearseCommandLine(own, ownPlan)).toBeUndefined();
    expect(rehearsalRemedy(own, ownPlan)).toBe(
      'write "first" to have `up` rehearse it, or "none" to start it without a rehearsal',
    );
    const { maxLength, ...fewer } = recipe.sequence;
    expect(maxLength).toBeGreaterThan(0);
    expect(rehearseCommandLine({ ...recipe, sequence: fewer as Recipe["sequence"] }, ownPlan)).toBeUndefined();
  });
});
