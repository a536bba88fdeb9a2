"""The table that tests/unit/recipe/recipeDocuments.test.ts holds the TypeScript side to as well."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from posttraining.checks import check_run
from posttraining.recipe import RecipeError, read_recipe
from posttraining.run_document import plan_for_this_machine

TABLE = json.loads((Path(__file__).parents[2] / "recipes" / "documents.json").read_text(encoding="utf-8"))


def with_values(method: str, values: dict[str, Any]) -> dict[str, Any]:
    document = deepcopy(TABLE["documents"][method])
    for path, value in values.items():
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return document


def problems_of(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    # Whether something is installed, or lies on this machine, is no matter of the recipe.
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)
    monkeypatch.setattr("posttraining.checks._file_problems", lambda _: [])
    try:
        recipe = read_recipe(document)
        check_run({"recipe": recipe, "plan": plan_for_this_machine(recipe, gpus=0)}, recipe["method"])
    except RecipeError as error:
        return error.problems
    return []


@pytest.mark.parametrize("case", TABLE["valid"], ids=lambda case: f"{case['method']} {json.dumps(case['set'])}")
def test_accepted(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    assert problems_of(with_values(case["method"], case["set"]), monkeypatch) == []


@pytest.mark.parametrize("case", TABLE["refused"], ids=lambda case: f"{case['method']} {json.dumps(case['set'])}")
def test_refused(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    problems = problems_of(with_values(case["method"], case["set"]), monkeypatch)
    found = [problem for problem in problems if problem.startswith(f"{case['path']}: ") and case["text"] in problem]
    assert len(found) == 1, problems
