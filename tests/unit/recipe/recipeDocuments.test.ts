import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../recipe/read";
import { localStackMachine, planErrors } from "../../../recipe/plan";
import table from "../../recipes/documents.json";
import { documentWith } from "./recipes";

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
  it.each(table.valid)("accepted: $method with $set", ({ method, set }) => {
    expect(problemsOf(documentWith(method, set))).toEqual([]);
  });

  it.each(table.refused)("refused: $method with $set", ({ method, set, path, text }) => {
    const problems = problemsOf(documentWith(method, set));
    const found = problems.filter((problem) => problem.startsWith(`${path}: `) && problem.includes(text));
    expect(found, problems.join("\n")).toHaveLength(1);
  });
});
