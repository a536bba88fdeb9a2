import { describe, expect, it } from "vitest";
import { readRecipe } from "../../../recipe/read";
import { rehearsalParts } from "../../../rehearsal/identity";
import { contents, identityOf } from "./records";

describe("what a rehearsal is of", () => {
  const changes = {
    code: { code: "0ther" },
    packages: { packages: "0ther" },
    recipe: { recipe: { ...readRecipe("sft-70b"), seed: 7 } },
    plan: { plan: { ...contents.plan, microBatch: 2 } },
  };

  it.each(rehearsalParts)("is another with another %s, which alone is told to have changed", (part) => {
    const [before, after] = [identityOf(), identityOf(changes[part])];
    expect(after.identity).not.toBe(before.identity);
    expect(rehearsalParts.filter((each) => after.parts[each] !== before.parts[each])).toEqual([part]);
  });

  it("is the same whatever the code that rehearses is", () => {
    expect(identityOf({}, "0ther").identity).toBe(identityOf().identity);
  });
});
