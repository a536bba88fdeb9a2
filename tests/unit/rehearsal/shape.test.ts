import { describe, expect, it } from "vitest";
import { rehearsalShapeSchema } from "../../../contracts/rehearsal";
import { readRecipe, recipeNames } from "../../../recipe/read";
import { rehearsalShapeOf } from "../../../rehearsal/shape";

describe("the shape of a recipe's model", () => {
  it("is the planner's, by the name that the recipe gives it", () => {
    const recipe = readRecipe("sft-3b");
    const other = { ...recipe, model: { ...recipe.model, base: "owner/model", shape: "Qwen/Qwen2.5-32B" } };
    expect(rehearsalShapeOf(other)).toMatchObject({ layers: 64, hidden: 5120 });
    const unknown = { ...recipe, model: { ...recipe.model, base: "owner/unknown", shape: undefined } };
    expect(rehearsalShapeOf(unknown)).toBeNull();
  });

  it.each(recipeNames())("is none, or as its contract says: %s", (name) => {
    expect(() => rehearsalShapeSchema.nullable().parse(rehearsalShapeOf(readRecipe(name)))).not.toThrow();
  });
});
