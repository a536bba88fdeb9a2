import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../recipe/read";
import { localStackMachine, planErrors } from "../../../recipe/plan";
import { cases } from "../../recipes/tables";

/** The table that tests/flows/library/test_recipe_documents.py holds Python's checks to as well. */

function problemsOf(document: unknown): string[] {
  const result = parseRecipe(document);
  const reading = "recipe" in result ? result.recipe : result.reading;
  const errors = [
    "recipe" in result ? [] : result.errors,
    reading === undefined ? [] : planErrors(reading, localStackMachine),
  ].flat();
  return errors.map(({ path, reason }) => `${path}: ${reason}`);
}

describe("recipes that both sides judge", () => {
  it.each(cases.valid)("accepted: $method with $set", ({ document }) => {
    expect(problemsOf(document)).toEqual([]);
  });

  it.each(cases.refused)("refused: $method with $set", ({ document, path, text }) => {
    const problems = problemsOf(document);
    const found = problems.filter((problem) => problem.startsWith(`${path}: `) && problem.includes(text));
    expect(found, problems.join("\n")).toHaveLength(1);
  });
});
