import { describe, expect, it } from "vitest";
import { z } from "zod";
import { explainIssues } from "../../../validation/explainIssues";
import { keyPlaces } from "../../../validation/keyPlaces";

/** What is wrong with a value, as a person reads it. */
function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const parsed = schema.safeParse(value);
  if (parsed.success) return [];
  return explainIssues(parsed.error.issues, value, keyPlaces(schema)).map(({ path, reason }) => `${path}: ${reason}`);
}

describe("one wrong value", () => {
  it.each([
    [z.number(), "5", 'got "5"; must be a number'],
    [z.number(), undefined, "is missing; must be a number"],
    [z.number().int(), 1.5, "got 1.5; must be a whole number"],
    [z.string(), 5, "got 5; must be text"],
    [z.boolean(), "yes", 'got "yes"; must be true or false'],
    [z.array(z.string()), "a", 'got "a"; must be a list'],
    [z.record(z.string(), z.number()), [], "got []; must be a mapping"],
    [z.strictObject({}), null, "got null; must be a mapping"],
    [z.number().positive(), 0, "got 0; must be greater than 0"],
    [z.number().min(2), 1, "got 1; must be at least 2"],
    [z.number().lt(1), 1, "got 1; must be less than 1"],
    [z.number().max(1), 2, "got 2; must be at most 1"],
    [z.string().min(1), "", 'got ""; must not be empty'],
    [z.string().min(3), "ab", 'got "ab"; must have at least 3 characters'],
    [z.string().max(2), "abc", 'got "abc"; must have at most 2 characters'],
    [z.array(z.number()).min(1), [], "got []; must not be empty"],
    [z.array(z.number()).min(2), [1], "got [1]; must have at least 2 entries"],
    [z.array(z.number()).max(1), [1, 2], "got [1,2]; must have at most 1 entries"],
    [z.enum(["cosine", "linear"]), "cosin", 'got "cosin"; allowed: cosine, linear (did you mean cosine?)'],
    [z.string().refine(() => false, "must rhyme"), "x", 'got "x"; must rhyme'],
    // The bound of the field, and not the one that numbers have in JavaScript.
    [z.number().int().max(9), 2e18, "got 2000000000000000000; must be at most 9"],
    [z.number().int().min(0), -2e18, "got -2000000000000000000; must be at least 0"],
    [z.number().int(), 2e18, "got 2000000000000000000; must be at most 9007199254740991"],
  ] as const)("$2", (schema, value, reason) => {
    expect(
      problemsOf(z.strictObject({ list: z.array(z.strictObject({ field: schema })) }), { list: [{ field: value }] }),
    ).toEqual([`list[0].field: ${reason}`]);
  });
});

describe("a value of several forms", () => {
  const duration = z.strictObject({
    duration: z.union([z.strictObject({ steps: z.number() }), z.strictObject({ epochs: z.number() })]),
  });

  it("is held to the one that is meant", () => {
    expect(problemsOf(duration, { duration: { steps: "ten" } })).toEqual([
      'duration.steps: got "ten"; must be a number',
    ]);
    const targets = z.strictObject({ targets: z.union([z.literal("all"), z.array(z.string())]) });
    expect(problemsOf(targets, { targets: ["a", 5] })).toEqual(["targets[1]: got 5; must be text"]);
  });

  it("is told with all of them where none is meant", () => {
    expect(problemsOf(duration, {})).toEqual(["duration: is missing"]);
    expect(problemsOf(duration, { duration: "long" })).toEqual([
      'duration: got "long"; write one of: a mapping with steps or epochs',
    ]);
    expect(problemsOf(duration, { duration: { steps: 1, epochs: 1 } })).toEqual([
      'duration: got {"steps":1,"epochs":1}; its keys exclude each other: write one of them',
    ]);
    const targets = z.strictObject({ targets: z.union([z.literal("all"), z.array(z.string())]) });
    expect(problemsOf(targets, { targets: 5 })).toEqual(["targets: got 5; write one of: all | a list"]);
  });

  it("that a key decides between is told with what the key may be", () => {
    const kinds = z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("full") }),
      z.strictObject({ kind: z.literal("lora"), rank: z.number() }),
    ]);
    const schema = z.strictObject({ trainable: kinds });
    expect(problemsOf(schema, { trainable: { kind: "ful" } })).toEqual([
      'trainable.kind: got "ful"; allowed: full, lora (did you mean full?)',
    ]);
    expect(problemsOf(schema, { trainable: {} })).toEqual(["trainable.kind: got nothing; allowed: full, lora"]);
    expect(problemsOf(schema, { trainable: "full" })).toEqual(['trainable: got "full"; must be a mapping']);
  });
});

it("every key that is not known is named by itself, beside what else is wrong", () => {
  const schema = z.strictObject({ seed: z.number(), optimizer: z.strictObject({ rate: z.number() }) });
  expect(problemsOf(schema, { seed: "x", sed: 1, optimizer: { rate: 1, "a b": 2, zebra: 3 } })).toEqual([
    'seed: got "x"; must be a number',
    'optimizer["a b"]: is not a known key; the keys here are rate',
    "optimizer.zebra: is not a known key; the keys here are rate",
    "sed: is not a known key; did you mean seed?",
  ]);
});

it("a key that is no name is told what names are like, and its value is not the matter", () => {
  const schema = z.strictObject({ names: z.record(z.string().regex(/^[a-z]+$/, "must be lower case"), z.number()) });
  expect(problemsOf(schema, { names: { A: 1, b: 2 } })).toEqual(["names.A: must be lower case"]);
});
