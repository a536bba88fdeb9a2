import { expect, it } from "vitest";
import { catalog } from "../../../../catalog/instances";
import { search } from "../../../../sizing/search";
import { checkConstraints, ConstraintError, type Constraints } from "../../../../sizing/search/constraints";
import { job } from "./candidates";

it("constraints that name what the catalog does not have are refused, all in one message", () => {
  const wrong = (): unknown =>
    search(job("sft-3b"), { families: ["g99"], region: "mars-north-1", maximumHours: 0, headroom: 1.2 });
  expect(wrong).toThrow(ConstraintError);
  expect(wrong).toThrow(/mars-north-1.*refresh-catalog.*g99 unknown; use g5.*maximumHours.*headroom/s);
});

it.each<Constraints>([
  { maximumUsdPerRun: -1 },
  { maximumUsdPerHour: Number.NaN },
  { maximumNodes: 0 },
  { headroom: 1 },
  { headroom: -0.1 },
])("a limit out of range is refused by its name: %j", (constraints) => {
  expect(() => {
    checkConstraints(constraints, catalog);
  }).toThrow(`${Object.keys(constraints)[0] ?? ""}: `);
});

it("constraints that the catalog can meet pass", () => {
  expect(() => {
    checkConstraints({ region: catalog.region, families: ["g6e"], headroom: 0, maximumNodes: 1 }, catalog);
  }).not.toThrow();
});
