import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { type WrongConfiguration, wrongLocalStacks } from "./program/localConfigurations";
import { wrongPlatforms } from "./program/platformConfigurations";
import { machineOf, provideLocalStack, runProgram, runProgramWith } from "./program/program";

/** Whatever is wrong and can be known is refused before anything is registered, in one message that names every wrong field. */

/** Where the fields of recipes stand, which a path as `stages[0].recipe (sft-tiny) seed` does not say. */
const recipeHint = "The fields of a recipe stand in flows/recipes/<recipe>.yaml, or in the stage's `set`.";

/** Runs the program and gives the lines of its refusal: a reason by each field's path. */
async function refusalOf({ document, machine }: Pick<WrongConfiguration, "document" | "machine">): Promise<string[]> {
  const { failure, registered } = await runProgram(document, machineOf(machine));
  expect(registered).toEqual([]);
  expect(pulumi.RunError.isInstance(failure), String(failure)).toBe(true);
  const { message, stack } = failure as Error;
  // Pulumi has Node format the trace of an error even where it does not show it, which can take Node 20 a quarter of a minute.
  expect(stack).toBeUndefined();
  expect(message).not.toMatch(/^\s+at .*:\d+/m);
  const [title, ...lines] = message.split("\n");
  expect(title).toBe("The stack's configuration (posttraining:stack in stacks/Pulumi.test.yaml) is not valid:");
  return lines.filter((line) => line !== recipeHint);
}

async function expectRefusal(wrong: WrongConfiguration): Promise<void> {
  const lines = await refusalOf(wrong);
  for (const [path, text] of Object.entries(wrong.expected)) {
    const found = lines.filter((line) => line.startsWith(`  - ${path}: `) && line.includes(text));
    expect(found, `${path}: ${text}\n${lines.join("\n")}`).toHaveLength(1);
  }
  // Nothing that is right is refused beside it.
  expect(lines, lines.join("\n")).toHaveLength(Object.keys(wrong.expected).length);
}

describe("a local stack", () => {
  it.each(wrongLocalStacks)("refused: $title", expectRefusal);
});

describe("a platform", () => {
  it.each(wrongPlatforms)("refused: $title", expectRefusal);
});

const chain = [
  { name: "sft", recipe: "sft-tiny" },
  { name: "dpo", recipe: "dpo-tiny", from: "sft" },
];

describe("what is right", () => {
  it("shows where the program itself failed, without frames that Node 20 cannot format", async () => {
    const remove = provideLocalStack(() => {
      const error = new Error("a fault of the program");
      error.stack = [
        "Error: a fault of the program",
        "    at localStack (/checkout/stacks/local.ts:1:1)",
        "    at async Stack.initializeAndRegisterOutputs (/checkout/node_modules/@pulumi/resource.ts:1598:22)",
        "    at run (/checkout/node_modules/@pulumi/pulumi/cmd/run/run.js:1:1)",
      ].join("\n");
      throw error;
    });
    const { failure } = await runProgram({ kind: "local", stages: chain }, machineOf());
    remove();
    expect((failure as Error).stack?.split("\n").map((line) => line.trim())).toEqual([
      "Error: a fault of the program",
      "at localStack (/checkout/stacks/local.ts:1:1)",
      "at run (/checkout/node_modules/@pulumi/pulumi/cmd/run/run.js:1:1)",
    ]);
  });

  it("goes on to register its resources, and asks nobody anything where all is made here", async () => {
    const remove = provideLocalStack(() => ({ made: new pulumi.ComponentResource("test:index:Made", "made") }));
    const machine = machineOf({ askHub: () => Promise.reject(new Error("the hub was asked")) });
    const document = { kind: "local", stages: chain, endpoint: { serves: "dpo", modelName: "team/dpo-v1" } };
    const { failure, registered } = await runProgram(document, machine);
    remove();
    expect(failure).toBeUndefined();
    expect(registered).toEqual(["test:index:Made"]);
  });
});

describe("a file", () => {
  it.each([
    [{}, / below config:\.\nIt begins with:/],
    [{ "posttraining:stak": "{}" }, /It has posttraining:stak \(did you mean posttraining:stack\?\)/],
    [{ "aws:region": "eu-central-1" }, /It has aws:region\.\n/],
  ])("without a stack's configuration is named, with what to write: %j", async (configuration, expected) => {
    const { failure, registered } = await runProgramWith(configuration, machineOf());
    expect(registered).toEqual([]);
    const { message, stack } = failure as Error;
    expect(stack).toBeUndefined();
    expect(message).toMatch(/^The stack's configuration, stacks\/Pulumi\.test\.yaml, does not hold posttraining:stack/);
    expect(message).toMatch(expected);
  });

  it("of a recipe is named where one of its fields is wrong, and only there", async () => {
    const wrong = { kind: "local", stages: [{ name: "sft", recipe: "sft-tiny", set: { seed: "x" } }] };
    const { failure } = await runProgram(wrong, machineOf());
    expect((failure as Error).message.split("\n").at(-1)).toBe(recipeHint);
    const other = await runProgram({ kind: "local", stages: chain, store: { port: 1 } }, machineOf());
    expect((other.failure as Error).message).not.toContain(recipeHint);
  });
});

describe("the name of a stack", () => {
  it.each(["Local", "my stack", "../x", "a_b", "a".repeat(41)])("refused: %s", async (stack) => {
    const { failure, registered } = await runProgram({ kind: "local", stages: chain }, machineOf(), stack);
    expect(registered).toEqual([]);
    expect(pulumi.RunError.isInstance(failure)).toBe(true);
    expect((failure as Error).message).toBe(
      `The name of the stack, ${JSON.stringify(stack)}, must be 1 to 40 lower-case letters, digits and dashes, beginning with a letter and without a dash at the end.`,
    );
  });
});
