import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { type WrongConfiguration, wrongLocalStacks } from "./localConfigurations";
import { wrongPlatforms } from "./platformConfigurations";
import { machineOf, provideLocalStack, runProgram } from "./program";

/** Whatever is wrong and can be known is refused before anything is registered, in one message that names every wrong field. */

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
  expect(title).toBe("The stack's configuration (posttraining:stack in stacks/Pulumi.<stack>.yaml) is not valid:");
  return lines;
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
