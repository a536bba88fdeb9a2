import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planForThisMachine } from "../../../recipe/plan";
import { contentHash, partHashes, runContentHash, type RunContents, runKey } from "../../../recipe/runIdentity";
import { readRecipe } from "../../../recipe/read";

describe("the content hash", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        return contentHash(value) === contentHash(reversed);
      }),
    );
  });

  it("differs when any value differs", () => {
    expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
    expect(contentHash({ a: null })).not.toBe(contentHash({}));
  });
});

describe("a run's identity", () => {
  const recipe = readRecipe("sft-tiny");
  const contents: RunContents = {
    code: "code",
    packages: "packages",
    recipe,
    plan: planForThisMachine(recipe, { gpus: 0 }),
    baseModelUri: null,
    generation: 1,
  };
  const changed: { readonly [Part in keyof RunContents]: RunContents[Part] } = {
    code: "other",
    packages: "other",
    recipe: { ...recipe, seed: 1 },
    plan: { ...contents.plan, microBatch: 1, gradientAccumulation: 32 },
    baseModelUri: "s3://bucket/models/sft/1",
    generation: 2,
  };

  it.each(Object.keys(changed) as (keyof RunContents)[])("is another one with another %s", (part) => {
    const other = { ...contents, [part]: changed[part] };
    expect(runContentHash(other)).not.toBe(runContentHash(contents));
    const [before, after] = [partHashes(contents), partHashes(other)];
    const differing = (Object.keys(before) as (keyof typeof before)[]).filter((name) => before[name] !== after[name]);
    expect(differing).toEqual(part === "baseModelUri" ? [] : [part]);
  });

  it("names the run's record", () => {
    const hash = runContentHash(contents);
    expect(runKey({ name: "sft", contentHash: hash })).toBe(`sft-${hash.slice(0, 12)}`);
  });
});
