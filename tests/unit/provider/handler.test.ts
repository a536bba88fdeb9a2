import { expect, it } from "vitest";
import { changedProperties } from "../../../provider/handler";

it("a property has changed by what it says, and not by the order of its keys", () => {
  const state = { port: 1, nested: { a: 1, b: [1, 2] }, output: "x", optional: undefined };
  expect(changedProperties<object>(state, { port: 1, nested: { b: [1, 2], a: 1 } })).toEqual([]);
  expect(changedProperties<object>(state, { port: 2, nested: { a: 1, b: [2, 1] }, added: 1 })).toEqual([
    "port",
    "nested",
    "added",
  ]);
});
