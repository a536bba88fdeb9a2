import { describe, expect, it } from "vitest";
import { rehearsalProblem } from "../../../rehearsal/judge";
import { broken, contents, identityOf, recordOf } from "./records";

describe("whether a run may start", () => {
  const wanted = identityOf();
  const other = identityOf({ code: "0ther", plan: { ...contents.plan, microBatch: 2 } });

  it("it may once its own rehearsal has passed, whatever others did", () => {
    expect(rehearsalProblem(wanted, [recordOf(other, broken), recordOf(wanted)])).toBeUndefined();
  });

  it.each([
    ["there is none", [], "sft-70b has not been rehearsed"],
    [
      "an invariant does not hold",
      [recordOf(wanted, broken)],
      "the rehearsal of sft-70b failed:\n  - the adapter is not empty: 0 tensors: write it whole",
    ],
    [
      "a half of it was left out",
      [recordOf(wanted, {}, ["the dry run at full size"])],
      "the rehearsal of sft-70b left out the dry run at full size",
    ],
    [
      "it is of another code and plan",
      [recordOf(other)],
      "sft-70b was rehearsed (2026-11-29 12:00) as another run than this: the flow's code, the plan changed",
    ],
    [
      "what rehearses has changed since",
      [recordOf({ ...wanted, rehearsalCode: "0ther" })],
      "the code that rehearses has changed since sft-70b was rehearsed (2026-11-29 12:00)",
    ],
  ])("it may not where %s", (_when, records, problem) => {
    expect(rehearsalProblem(wanted, records)).toBe(problem);
  });

  it("says what has changed since the rehearsal that is nearest to it", () => {
    const near = identityOf({ packages: "0ther" });
    expect(rehearsalProblem(wanted, [recordOf(other), recordOf(near)])).toMatch(/this: its packages changed$/);
  });
});
