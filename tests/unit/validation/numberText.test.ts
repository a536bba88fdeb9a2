import { describe, expect, it } from "vitest";
import { gpuNouns, numbersIn, plainNumber, unitWords, type Units } from "../../../validation/numberText";

const valuesIn = (text: string, units: Units = {}, abbreviations: readonly string[] = []): (number | undefined)[] =>
  numbersIn(text, units, abbreviations).map(({ value }) => value);

describe("the numbers of a text", () => {
  it("are found each in its place", () => {
    const text = "prompt<=1k resp 2,048 (A100, 1e2)";
    const found = numbersIn(text, { k: 1024 });
    expect(found.map(({ start, end, value }) => [text.slice(start, end), value])).toEqual([
      ["1k", 1024],
      ["2,048", 2048],
      ["1e2", 100],
    ]);
  });

  it.each([
    ["1,000", 1000],
    ["1_000_000", 1_000_000],
    ["1'000", 1000],
    ["1 000", 1000],
    [".5", 0.5],
    ["1.5e-3", 0.0015],
    ["1E+2", 100],
    ["-4", -4],
    ["\u22124", -4],
  ])("are read with separators, fractions, exponents and signs: %s", (text, value) => {
    expect(valuesIn(text)).toEqual([value]);
  });

  it.each(["1e", "1.2.3", "12abc", "1,5", "1,00", "1,000_000", "8 GB", "8k"])("are not read in part: %s", (text) => {
    expect(valuesIn(text)[0]).toBeUndefined();
  });

  it("are scaled by one unit, and say so", () => {
    const units = { ...unitWords(["k"], 1024), ...unitWords(["million"], 1e6), ...gpuNouns };
    expect(numbersIn("8k", units)).toMatchObject([{ value: 8192, scaled: true, end: 2 }]);
    expect(numbersIn("8 k GPUs", units)).toMatchObject([{ value: 8192, scaled: true, end: 8 }]);
    expect(numbersIn("8 GPUs", units)).toMatchObject([{ value: 8, scaled: false, end: 6 }]);
    expect(valuesIn("8k million", units)).toEqual([undefined]);
  });

  it("are two around a sign of multiplication", () => {
    for (const text of ["2x8", "2 x 8", "2 × 8", "2*8"]) expect(valuesIn(text), text).toEqual([2, 8]);
  });

  it("are no digits of a word, but for an abbreviation before them", () => {
    expect(valuesIn("A100 and r16")).toEqual([]);
    expect(valuesIn("A100 and r16", {}, ["r"])).toEqual([16]);
  });

  it("have a dash before them, not a sign, behind a letter or a digit", () => {
    expect(valuesIn("4-8")).toEqual([4, 8]);
    expect(valuesIn("a -8")).toEqual([-8]);
  });
});

describe("a plain number", () => {
  it("is a text with nothing beside it", () => {
    expect(["1e3", "0.5", "1,000", ".25"].map(plainNumber)).toEqual([1000, 0.5, 1000, 0.25]);
    for (const text of ["", " ", "0x10", "1e", "-1", "5 h", "5%", "1 2", "1".repeat(100)])
      expect(plainNumber(text)).toBeUndefined();
  });
});
