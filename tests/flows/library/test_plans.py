"""How one machine carries a recipe out: the table that tests/unit/recipe/plan.test.ts holds the TypeScript side to as well."""

import json
from pathlib import Path

import pytest

from posttraining.checks import check_run
from posttraining.contracts.recipe import Recipe
from posttraining.plans import plan_for_this_machine
from posttraining.recipe import RecipeError, read_recipe
from recipes import PLACEMENT, document_of, run_document

TESTS = Path(__file__).resolve().parents[2]
TABLE = json.loads((TESTS / "contracts" / "plans.json").read_text())


def recipe_of(case: dict) -> Recipe:
    return read_recipe(document_of(case["method"], case["set"]))


def problems(case: dict) -> list[str]:
    recipe = recipe_of(case)
    try:
        plan = plan_for_this_machine(recipe, gpus=case["gpus"])
        check_run(run_document(recipe, plan, placement=PLACEMENT), case["method"])
    except RecipeError as error:
        return error.problems
    except ValueError as error:
        return str(error).splitlines()
    return []


def shown(case: dict) -> str:
    return f"{case['method']} {json.dumps(case['set'])} on {case['gpus']} GPUs"


@pytest.mark.parametrize("case", TABLE["planned"], ids=shown)
def test_a_recipe_is_planned(case: dict):
    plan = {"nodes": 1, "generationNodes": 0, "gpusPerNode": case["gpus"], **case["plan"]}
    assert plan_for_this_machine(recipe_of(case), gpus=case["gpus"]) == plan
    assert problems(case) == []


@pytest.mark.parametrize("case", TABLE["refused"], ids=shown)
def test_a_recipe_is_refused(case: dict):
    (problem,) = problems(case)
    assert problem.startswith(f"{case['path']}: ")
    assert case["text"] in problem
