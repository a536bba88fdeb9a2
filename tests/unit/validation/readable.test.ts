import { expect, it } from "vitest";
import { z } from "zod";
import { readable } from "../../../validation/readable";

const schema = z.strictObject({
  seed: z.number().default(0),
  name: z.string().optional(),
  steps: z.number(),
  store: z.strictObject({ port: z.number().optional() }).prefault({}),
  stages: z.array(
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("a"), size: z.number() }),
      z.strictObject({ kind: z.literal("b") }),
    ]),
  ),
});

it("what is right is read with its defaults, although other parts are wrong", () => {
  const stages = [{ kind: "a", size: "x" }, { kind: "c" }, "text", { kind: "a", size: 1, zebra: 1 }];
  expect(readable(schema, { steps: 5, stages, zebra: 1 })).toEqual({
    seed: 0,
    steps: 5,
    store: {},
    // An entry of which nothing can be read keeps its place.
    stages: [{ kind: "a", size: undefined }, undefined, undefined, { kind: "a", size: 1 }],
  });
});

it("a key that was not written is absent, one that is wrong is there without a value", () => {
  const reading = readable(schema, { seed: "x", steps: null });
  expect(Object.keys(reading ?? {}).sort()).toEqual(["seed", "steps", "store"]);
  // The default would say what nobody wrote.
  expect(reading?.seed).toBeUndefined();
});

it.each([[undefined], [null], [[]], ["text"]])("nothing can be read of %j", (value) => {
  expect(readable(schema, value)).toBeUndefined();
  expect(readable(schema, { stages: value })?.stages).toEqual(Array.isArray(value) ? [] : undefined);
});
