import { describe, expect, it } from "vitest";
import { z } from "zod";
import { alternativeFor, schemaOf } from "../../../validation/schemaParts";

const full = z.strictObject({ kind: z.literal("full") });
const lora = z.strictObject({ kind: z.literal("lora"), rank: z.number() });
const trainable = z.discriminatedUnion("kind", [full, lora]);
const steps = z.strictObject({ steps: z.number() });
const epochs = z.strictObject({ epochs: z.number() });
const duration = z.union([steps, epochs]).default({ steps: 1 });

describe("the alternative that values laid over others choose", () => {
  it.each([
    ["by a fixed value", trainable, { kind: "full" }, { kind: "lora", rank: 8 }, lora, true],
    ["by a fixed value alone: another key is a slip", trainable, { kind: "full" }, { rank: 8 }, full, false],
    ["by a key that only the other has", duration, { steps: 5 }, { epochs: 1 }, epochs, true],
    ["not at all where they say nothing", duration, { steps: 5 }, {}, steps, false],
    ["not at all where they keep to it", duration, { steps: 5 }, { steps: 6 }, steps, false],
    ["not at all where there is but one", lora, { kind: "lora", rank: 8 }, { zebra: 1 }, lora, false],
  ])("%s", (_how, schema, base, overrides, expected, isOther) => {
    const chosen = alternativeFor(schema, base, overrides);
    expect(Object.keys(chosen?.shape ?? {})).toEqual(Object.keys(expected.shape));
    expect(chosen?.isOther).toBe(isOther);
  });

  it.each([
    ["what they lie over is none", trainable, { kind: "other" }, { kind: "full" }],
    ["they fit none", trainable, { kind: "full" }, { kind: "ful" }],
    ["they exclude each other", duration, { steps: 5 }, { steps: 1, epochs: 1 }],
  ])("cannot be told where %s", (_why, schema, base, overrides) => {
    expect(alternativeFor(schema, base, overrides)).toBeUndefined();
  });
});

it("a value is of the only alternative that knows its keys", () => {
  expect(schemaOf(duration, { epochs: 1 })).toBe(epochs);
  expect(schemaOf(duration, {})).toBeUndefined();
  expect(schemaOf(duration, { steps: 1, epochs: 1 })).toBeUndefined();
  // What every object has is no key of a schema.
  expect(schemaOf(steps, { toString: 1 })).toBeUndefined();
});
