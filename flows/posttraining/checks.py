"""What must hold for a run before any hardware is used, beyond what the recipe's schema says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posttraining.recipe import RecipeError
from posttraining.rewards import reward_functions


def check_run(document: dict[str, Any], method: str) -> None:
    """Checks a run document against the flow that is to run it.

    Raises:
        RecipeError: naming every wrong field.
    """
    problems = list(_problems(document["recipe"], document["plan"], method))
    if problems:
        raise RecipeError(problems)


def _problems(recipe: dict[str, Any], plan: dict[str, Any], method: str) -> Iterator[str]:
    if recipe["method"] != method:
        yield f"method: this flow trains with {method}; {recipe['name']} is a recipe for {recipe['method']}"
        return
    yield from _unmeasured(recipe)
    if recipe["trainable"]["kind"] == "qlora" and plan["gpusPerNode"] == 0:
        yield "trainable.kind: qlora needs GPUs; the plan has none"
    if method == "dpo" and recipe["dpo"]["precomputeReferenceLogProbabilities"] and plan["nodes"] > 1:
        # TRL 1.16: the first process alone writes them, to a file on its node.
        yield (
            "dpo.precomputeReferenceLogProbabilities: only the first of several nodes would have them; "
            "set it to false, or plan one node"
        )
    if method == "grpo":
        yield from _grpo_problems(recipe, plan)


def _unmeasured(recipe: dict[str, Any]) -> Iterator[str]:
    tasks = recipe["evaluation"]["tasks"]
    named = [("evaluation.headline", recipe["evaluation"]["headline"])]
    named += [(f"gate.{index}.metric", condition["metric"]) for index, condition in enumerate(recipe["gate"])]
    for field, metric in named:
        if metric.partition("/")[0] not in ("train", *tasks):
            allowed = f"train/<metric>, or <task>/<metric> with a task of {', '.join(tasks)}"
            yield f"{field}: {metric} is not measured; write {allowed}"


def _grpo_problems(recipe: dict[str, Any], plan: dict[str, Any]) -> Iterator[str]:
    try:
        reward_functions([reward["name"] for reward in recipe["grpo"]["rewards"]])
    except ValueError as error:
        yield str(error)
    kind = recipe["grpo"]["generation"]["kind"]
    if kind != "transformers" and plan["gpusPerNode"] == 0:
        yield f"grpo.generation.kind: {kind} needs GPUs; the plan has none; write transformers"
    if kind == "vllm-server" and plan["nodes"] < 2:
        yield "grpo.generation.kind: vllm-server takes one node for generation; the plan has no other to train on"
    if kind != "transformers" and recipe["trainable"]["kind"] == "qlora" and plan["sharding"] == "fsdp2":
        # https://github.com/huggingface/trl/issues/5975
        yield "trainable.kind: quantised weights sharded with FSDP2 cannot be sent to vLLM; write lora"
