import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { keepRecord } from "../../../rehearsal/records";
import { requirementProblem } from "../../../rehearsal/requirement";
import { broken, contents, identityOf, recordOf } from "./records";

/** A recipe of no file, so that no rehearsal of a person's is met. */
const own = { ...contents, recipe: { ...contents.recipe, name: "sft-requirement-test" } };
const identity = identityOf(own);

describe("a run whose rehearsal is required", () => {
  let files: string[] = [];
  const keep = (...records: Parameters<typeof keepRecord>[0][]): void => {
    files.push(...records.map((record) => keepRecord(record)));
  };
  afterEach(() => {
    for (const file of files) fs.rmSync(file, { force: true });
    files = [];
  });

  it("is refused where there is none, and told what to do", () => {
    expect(requirementProblem(own, identity.rehearsalCode)).toBe(
      'got "required", and sft-requirement-test has not been rehearsed: write "first" to have `up` rehearse it, or "none" to start it without a rehearsal',
    );
  });

  it("is told the command of a recipe of the project", () => {
    const unknown = { ...contents, code: "never rehearsed" };
    expect(requirementProblem(unknown, "abc1")).toMatch(/run `npm run rehearse -- sft-70b .*`, or write "first"/);
  });

  it("may start once that is kept, and is refused again where it failed or rehearses by other code", () => {
    keep(recordOf(identity));
    expect(requirementProblem(own, identity.rehearsalCode)).toBeUndefined();
    expect(requirementProblem(own, "0ther")).toContain("the code that rehearses has changed");
    keep(recordOf(identity, broken));
    expect(requirementProblem(own, identity.rehearsalCode)).toContain(
      "  - the adapter is not empty: 0 tensors: write it whole\n    write",
    );
  });
});
