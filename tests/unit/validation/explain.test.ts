import fc from "fast-check";
import { expect, it } from "vitest";
import { nearest } from "../../../validation/explain";
import { catalog } from "../../../catalog/instances";
import { rowFields } from "../../../sizing/rows/fields";

/** Levenshtein's distance as its definition says, for words of a few letters. */
function distance(a: string, b: string): number {
  const known = new Map<string, number>();
  const of = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = `${i},${j}`;
    const value =
      known.get(key) ??
      Math.min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1));
    known.set(key, value);
    return value;
  };
  return of(a.length, b.length);
}

const words = [...rowFields, ...catalog.instances.slice(0, 20).map(({ name }) => name)];
const slipped = fc
  .tuple(
    fc.constantFrom(...words),
    fc.array(fc.tuple(fc.nat(20), fc.constantFrom("", "x", "XX", "_")), { maxLength: 5 }),
  )
  .map(([word, edits]) => edits.reduce((text, [at, put]) => `${text.slice(0, at)}${put}${text.slice(at + 1)}`, word));

it("the nearest word is the first of those with the fewest slips, if these are few", () => {
  fc.assert(
    fc.property(fc.oneof(slipped, fc.string({ maxLength: 8 })), (word) => {
      const distances = words.map((candidate) => distance(word.toLowerCase(), candidate.toLowerCase()));
      const least = Math.min(...distances);
      const slips = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
      expect(nearest(word, words)).toBe(least <= slips ? words[distances.indexOf(least)] : undefined);
    }),
    { numRuns: 60 },
  );
});

it("a word of any length is only compared with words nearly as long", () => {
  // Compared letter by letter with all of them, this word would keep the test busy for minutes.
  const long = "seq_len".repeat(1_000_000);
  expect(nearest(long, words)).toBeUndefined();
  expect(nearest(`${"a".repeat(99)}b`, [...words, "a".repeat(100)])).toBe("a".repeat(100));
});

it("a near word is offered, and nothing for a far one", () => {
  expect(nearest("learningrate", ["learningRate", "schedule"])).toBe("learningRate");
  expect(nearest("zebra", ["learningRate", "schedule"])).toBeUndefined();
});
