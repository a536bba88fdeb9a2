from pathlib import Path
from typing import Any

import pytest

from posttraining.methods import METHODS
from posttraining.recipe import RecipeError, read_recipe
from posttraining.run_document import RECIPES, read_run_document
from recipes import document


def problems(**arguments: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read_recipe(document(**arguments))
    return caught.value.problems


@pytest.mark.parametrize(
    "reference",
    [
        *("owner/name", "_owner/_name", "o/n", "owner/name.v2", "a.b/c-d_e.f", "owner/.git.x", "owner/git"),
        *("owner/name.git", "owner.git/name", "owner/a--b", "owner/a..b", "a--b/name", "a..b/name"),
        *("-owner/name", ".owner/name", "owner-/name", "owner./name", "owner/-name", "owner/name.", "owner/name-"),
        *(f"{'o' * 96}/{'n' * 96}", f"{'o' * 97}/name", f"owner/{'n' * 97}", "owner/na\u00efve", "owner/na me"),
        *("owner/name/more", "owner/", "/name", "owner/name\n", "owner//name"),
    ],
)
def test_ids_of_the_hub_are_those_that_its_client_takes(reference: str):
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(reference)
        expected = []
    except HFValidationError:
        expected = ["model.base"]
    try:
        read_recipe(document(model__base=reference))
        found = []
    except RecipeError as error:
        found = [problem.partition(":")[0] for problem in error.problems]
    assert found == expected


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_recipes_of_the_project_are_valid_and_named_as_their_file(file: Path):
    assert read_run_document(file.read_text())["recipe"]["name"] == file.stem


def test_defaults_are_filled_in_at_every_depth():
    recipe = read_recipe(document("grpo"))
    assert recipe["method"] == "grpo"
    assert recipe["optimizer"]["schedule"] == "cosine"
    assert recipe["grpo"]["generation"] == {"kind": "transformers"}
    assert recipe["grpo"]["rewards"] == [{"name": "tiny_sums_exact", "weight": 1}]
    assert recipe["checkpointEverySteps"] == 100


def test_defaults_come_from_the_chosen_kind():
    recipe = read_recipe(document(trainable={"kind": "lora", "rank": 8, "alpha": 16}))
    assert recipe["trainable"] == {
        "kind": "lora",
        "rank": 8,
        "alpha": 16,
        "dropout": 0,
        "targets": "all-linear",
        "saves": "both",
    }


def test_every_wrong_field_is_named_in_one_error():
    found = problems(optimizer__learningRate=3, sequence__maxLength="64", batch={"globl": 3})
    assert found == [
        "batch.global: is missing",
        "batch.globl: is not known; the keys here are global, micro",
        "optimizer.learningRate: must be at most 1; it is 3",
        'sequence.maxLength: must be a whole number; it is "64"',
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"trainable__kind": "lorra"}, 'trainable.kind: must be one of full, lora, qlora; it is "lorra"'),
        ({"trainable": {"rank": 8}}, "trainable.kind: must be one of full, lora, qlora; it is missing"),
        ({"trainable": "full"}, 'trainable: must be a mapping; it is "full"'),
        ({"trainable": {"kind": "full", "rank": 8}}, "trainable.rank: is not known; the keys here are kind"),
        ({"duration": {"stepz": 3}}, 'duration: must be { steps } or { epochs }; it is {"stepz": 3}'),
        ({"duration": {"steps": 0}}, "duration.steps: must be at least 1; it is 0"),
        (
            {"precision": "float8"},
            'precision: must be one of float32, bfloat16-mixed, bfloat16-stochastic, bfloat16; it is "float8"',
        ),
        ({"optimizer__learningRate": 0}, "optimizer.learningRate: must be greater than 0; it is 0"),
        ({"gate": []}, "gate: must not be empty; it is []"),
        ({"description": ""}, 'description: must be a sentence, without control characters; it is ""'),
        ({"gate": [{"metric": "train/loss"}]}, "gate[0]: needs at least one of minimum, maximum, minimumGain"),
        ({"optimizer__learningRate": float("nan")}, "optimizer.learningRate: must be a number; it is NaN"),
        ({"optimizer__learningRate": float("inf")}, "optimizer.learningRate: must be a number; it is Infinity"),
        ({"optimizer__learningRate": True}, "optimizer.learningRate: must be a number; it is true"),
    ],
)
def test_a_wrong_field_is_explained(change: dict, problem: str):
    assert problems(**change) == [problem]


def test_conditions_over_several_fields_hold():
    assert problems(method="dpo", dpo={"lossTypes": ["sigmoid", "sft"]}) == [
        "dpo.lossWeights: got [1]; must have one weight for each of dpo.lossTypes (2)"
    ]
    changed = document("grpo", batch={"global": 12})
    del changed["sequence"]["maxCompletionLength"]
    with pytest.raises(RecipeError) as caught:
        read_recipe(changed)
    assert caught.value.problems == [
        "batch.global: got 12; must be a multiple of grpo.generations (8)",
        "sequence.maxCompletionLength: is missing; GRPO needs it: the longest answer in tokens",
    ]


def test_a_whole_number_with_a_point_is_one():
    duration = read_recipe(document(duration={"steps": 4.0}))["duration"]
    assert "steps" in duration
    assert repr(duration["steps"]) == "4"


def test_the_method_must_be_one_of_the_registry():
    with pytest.raises(RecipeError) as caught:
        read_recipe(document() | {"method": "ppo"})
    known = ", ".join(method.name for method in METHODS)
    assert caught.value.problems == [f'method: must be one of {known}; it is "ppo"']


def test_what_is_no_mapping_is_refused():
    with pytest.raises(RecipeError, match="recipe: must be a mapping"):
        read_recipe(["sft"])
