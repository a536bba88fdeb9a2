"""The table that tests/unit/recipe/documents.test.ts holds the TypeScript side to as well."""

import json
from typing import Any

import pytest

from posttraining.checks import check_run
from posttraining.methods import METHODS
from posttraining.plans import plan_for_this_machine
from posttraining.recipe import RecipeError, read_recipe
from recipes import document_of, read_table, run_document


def cases(kind: str) -> list[dict[str, Any]]:
    """Cases of all methods, and of each method its own."""
    own = [case | {"method": method.name} for method in METHODS for case in read_table(method.name)[kind]]
    return read_table("common")[kind] + own


def problems_of(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    # Whether something is installed, or lies on this machine, is no matter of the recipe.
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)
    monkeypatch.setattr("posttraining.checks._file_problems", lambda _: [])
    try:
        recipe = read_recipe(document)
        check_run(run_document(recipe, plan_for_this_machine(recipe, gpus=0)), recipe["method"])
    except RecipeError as error:
        return error.problems
    return []


@pytest.mark.parametrize("case", cases("valid"), ids=lambda case: f"{case['method']} {json.dumps(case['set'])}")
def test_accepted(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    assert problems_of(document_of(case["method"], case["set"]), monkeypatch) == []


@pytest.mark.parametrize("case", cases("refused"), ids=lambda case: f"{case['method']} {json.dumps(case['set'])}")
def test_refused(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    problems = problems_of(document_of(case["method"], case["set"]), monkeypatch)
    found = [problem for problem in problems if problem.startswith(f"{case['path']}: ") and case["text"] in problem]
    assert len(found) == 1, problems
