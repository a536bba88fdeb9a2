import { describe, expect, it } from "vitest";
import { z } from "zod";
import { allPlaces, keyPlaces, keysIn, unknownKey } from "../../../validation/keyPlaces";

const trainable = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("full") }),
  z.strictObject({ kind: z.literal("lora"), rank: z.number() }),
  z.strictObject({ kind: z.literal("qlora"), rank: z.number(), bits: z.number() }),
]);
const recipe = z.strictObject({
  seed: z.number(),
  trainable,
  optimizer: z.strictObject({ learningRate: z.number(), momentum: z.strictObject({ decay: z.number() }) }),
  gate: z.array(z.strictObject({ metric: z.string(), minimum: z.number() })),
});
const methods = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("sft"), packing: z.boolean() }),
  z.strictObject({ method: z.literal("dpo"), beta: z.number() }),
]);
const places = keyPlaces(recipe);

describe("a key that is not known where it stands", () => {
  it.each([
    ["rank", [], 'is not a key here; it belongs to trainable of kind "lora" or "qlora"'],
    // Its own mapping has it, if it is of another kind.
    ["bits", ["trainable"], 'is not a key here; it belongs to trainable of kind "qlora"'],
    ["learningRate", [], "is not a key here; it belongs to optimizer"],
    ["seed", ["optimizer"], "is not a key here; it belongs to the top"],
    ["metric", [], "is not a key here; it belongs to gate[]"],
    ["learnigRate", ["optimizer"], "is not a known key; did you mean learningRate?"],
    ["minimun", ["gate", 3], "is not a known key; did you mean minimum?"],
    ["learnigRate", [], "is not a known key; did you mean learningRate, which belongs to optimizer?"],
    ["optimizer.learningRate", [], "is not a known key; keys are nested: write optimizer: { learningRate: ... }"],
    [
      "optimizer.momentum.decay",
      [],
      "is not a known key; keys are nested: write optimizer: { momentum: { decay: ... } }",
    ],
    ["zebra", ["optimizer"], "is not a known key; the keys here are learningRate, momentum"],
    ["zebra", ["seed"], "is not a known key"],
  ])("%s in %j", (key, path, reason) => {
    expect(unknownKey(key, path, places)).toBe(reason);
  });

  it("belongs to recipes of another method, or to one of several documents", () => {
    expect(unknownKey("beta", [], keyPlaces(methods))).toBe('is not a key here; it belongs to recipes of method "dpo"');
    const all = allPlaces(places, keyPlaces(z.strictObject({ seed: z.number(), beta: z.number() }), "stages[]"));
    expect(unknownKey("beta", [], all)).toBe("is not a key here; it belongs to stages[]");
    expect(unknownKey("seed", ["gate", 0], all)).toBe("is not a key here; it belongs to the top, or to stages[]");
  });
});

it("the keys of an entry of a list are those of every entry", () => {
  expect(keysIn(places, "gate[12]")).toEqual(["metric", "minimum"]);
  expect(keysIn(places, "trainable")).toEqual(["kind", "rank", "bits"]);
  expect(keysIn(places, "nowhere")).toEqual([]);
});
