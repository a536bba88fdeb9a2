"""What a rehearsal keeps of a recipe and its plan, and what it replaces."""

from copy import deepcopy
from typing import Any, cast

import pytest

from posttraining.checks import check_run
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_request import RehearsalRequest
from posttraining.recipe import read_recipe
from posttraining.rehearsal.scaling import CHECKPOINT_AT, INTERRUPTED_AT, STEPS, Scaled, scaled
from posttraining.run_document import RECIPES, read_run_document

RECIPE_NAMES = ("sft-3b", "sft-70b", "dpo-3b", "dpo-70b", "grpo-3b", "grpo-70b")
PLAN = {
    "nodes": 2,
    "generationNodes": 0,
    "gpusPerNode": 8,
    "microBatch": 4,
    "gradientAccumulation": 8,
    "sharding": "fsdp2",
    "activationCheckpointing": "full",
}


def real(name: str) -> Recipe:
    return read_run_document((RECIPES / f"{name}.yaml").read_text())["recipe"]


def rehearsed(name: str, planned: Any = None, change: Any = None) -> Scaled:
    recipe = real(name)
    if change is not None:
        change(recipe)
    request = cast("RehearsalRequest", {"recipe": recipe, "plan": PLAN | (planned or {}), "processes": 2})
    return scaled(request, "file:///base", "file:///rows.jsonl")


def replaced(made: Scaled) -> dict[str, str]:
    return {one["what"]: one["by"] for one in made.replaced}


@pytest.mark.parametrize("name", RECIPE_NAMES)
def test_a_scaled_recipe_is_one_that_its_flow_runs(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("posttraining.checks._file_problems", lambda _: [])
    made = rehearsed(name)
    recipe = read_recipe(made.recipe)
    document: Any = {
        "recipe": recipe,
        "plan": made.plan,
        "placement": None,
        "baseModelUri": None,
        "modelsRoot": "file:///models",
        "name": "rehearsal",
        "modelUri": None,
    }
    check_run(document, recipe["method"])


@pytest.mark.parametrize("name", RECIPE_NAMES)
def test_what_decides_how_it_learns_stays(name: str):
    before, after = real(name), rehearsed(name).recipe
    for field in ("method", "trainable", "precision", "activationCheckpointing"):
        assert after[field] == before[field]
    for field in ("name", "learningRate", "schedule", "weightDecay"):
        assert after["optimizer"][field] == before["optimizer"][field]
    assert after["sequence"]["packing"] == before["sequence"]["packing"]
    assert after["dataset"]["shuffle"] == before["dataset"]["shuffle"]


def test_it_is_killed_after_a_checkpoint_and_before_its_end():
    assert CHECKPOINT_AT < INTERRUPTED_AT < STEPS


def test_states_are_spread_over_two_processes_where_the_plan_spreads_them():
    plan = rehearsed("sft-70b").plan
    assert (plan["nodes"], plan["gpusPerNode"], plan.get("processesPerNode")) == (1, 0, 2)
    assert (plan["sharding"], plan["activationCheckpointing"]) == ("fsdp2", "full")
    assert plan["gradientAccumulation"] == 2


def test_one_process_stays_one():
    plan = rehearsed("sft-3b", {"nodes": 1, "gpusPerNode": 1, "sharding": "none"}).plan
    assert (plan.get("processesPerNode"), plan["sharding"]) == (1, "none")


def test_what_only_gpus_have_is_replaced_and_told():
    def ask_for_gpus(recipe: Any) -> None:
        recipe["model"]["attention"] = "flash_attention_2"
        recipe["trainable"] = {**recipe["trainable"], "kind": "qlora", "bits": 4}
        recipe["optimizer"]["name"] = "paged_adamw_8bit"

    made = rehearsed("sft-70b", {"sharding": "zero3"}, ask_for_gpus)
    told = replaced(made)
    assert told["model.attention: flash_attention_2"] == "sdpa"
    assert told["trainable.kind: qlora"] == "lora"
    assert told["optimizer.name: paged_adamw_8bit"] == "adamw_torch"
    assert told["sharding: zero3"] == "fsdp2"
    assert made.recipe["trainable"]["kind"] == "lora"
    assert "bits" not in made.recipe["trainable"]


def test_generation_and_tasks_of_the_hub_are_replaced_and_the_gate_keeps_its_conditions():
    made = rehearsed("grpo-70b")
    told = replaced(made)
    assert told["grpo.generation.kind: vllm-colocated"] == "transformers"
    assert told["evaluation.tasks: gsm8k"] == "tiny_sums"
    # A random model earns no reward of the recipe: that it gets one of its own is said.
    assert "differs from answer to answer" in told["the rewards' sum"]
    assert "the rewards' sum" not in replaced(rehearsed("dpo-70b"))
    assert made.recipe["evaluation"]["tasks"] == ["tiny_sums"]
    assert all("minimumGain" in condition for condition in made.recipe["gate"])


def test_a_batch_holds_whole_groups_of_completions():
    def seven(recipe: Any) -> None:
        recipe["grpo"]["generations"] = 7

    for change in (None, seven):
        made = rehearsed("grpo-3b", change=change)
        recipe = cast("Any", made.recipe)
        assert recipe["batch"]["global"] % recipe["grpo"]["generations"] == 0


def test_the_real_recipe_is_left_alone():
    recipe = real("dpo-70b")
    kept = deepcopy(recipe)
    scaled(cast("RehearsalRequest", {"recipe": recipe, "plan": PLAN, "processes": 2}), "file:///base", "file:///rows")
    assert recipe == kept
