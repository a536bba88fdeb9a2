"""Recipes: validation against their contract (`contracts/recipe.ts`), and defaults."""

from __future__ import annotations

import json

from posttraining.contracts.recipe import Recipe
from posttraining.recipe_relations import relation_problems
from posttraining.schema_problems import contract_schema, is_mapping, schema_problems, with_defaults


class RecipeError(ValueError):
    """A document that is no recipe; the message names every wrong field and what to write instead."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["The recipe is not valid:", *(f"  {problem}" for problem in problems)]))
        self.problems = problems


def read_recipe(document: object) -> Recipe:
    """Returns the recipe with every default filled in.

    Raises:
        RecipeError: naming every wrong field.
    """
    if not is_mapping(document):
        raise RecipeError([f"recipe: must be a mapping; it is {json.dumps(document, default=str)}"])
    schema = contract_schema("recipe")
    if problems := schema_problems(schema, document):
        raise RecipeError(problems)
    recipe: Recipe = with_defaults(schema, document)
    if problems := sorted(relation_problems(recipe)):
        raise RecipeError(problems)
    return recipe
