import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../recipe/read";
import { planErrors } from "../../../recipe/plan";
import table from "../../recipes/documents.json";

/** The table that tests/flows/library/test_recipe_documents.py holds Python's checks to as well. */

type Tree = Record<string, unknown>;

function withValues(method: string, values: Readonly<Record<string, unknown>>): unknown {
  const document = structuredClone((table.documents as Record<string, Tree>)[method] ?? {});
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(".");
    let place: Tree = document;
    for (const key of keys.slice(0, -1)) place = (place[key] ??= {}) as Tree;
    place[keys.at(-1) ?? ""] = value;
  }
  return document;
}

function problemsOf(document: unknown): string[] {
  const result = parseRecipe(document);
  const reading = "recipe" in result ? result.recipe : result.reading;
  const errors = ["recipe" in result ? [] : result.errors, reading === undefined ? [] : planErrors(reading)].flat();
  return errors.map(({ path, reason }) => `${path}: ${reason}`);
}

describe("recipes that both sides judge", () => {
  it.each(table.valid)("accepted: $method with $set", ({ method, set }) => {
    expect(problemsOf(withValues(method, set))).toEqual([]);
  });

  it.each(table.refused)("refused: $method with $set", ({ method, set, path, text }) => {
    const problems = problemsOf(withValues(method, set));
    const found = problems.filter((problem) => problem.startsWith(`${path}: `) && problem.includes(text));
    expect(found, problems.join("\n")).toHaveLength(1);
  });
});
