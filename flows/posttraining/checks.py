"""What must hold for a run before any hardware is used, beyond what the recipe itself says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from posttraining.evaluation_checks import evaluation_problems
from posttraining.evaluation_tasks import find_task
from posttraining.recipe import RecipeError

_8_BIT = ("adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit")
# The hub's kernels stand in for the package: transformers loads them where `flash_attn` is not installed.
_FLASH = {"flash_attention_2": ("flash_attn", "kernels"), "flash_attention_3": ("flash_attn_interface", "kernels")}


def check_run(document: dict[str, Any], method: str) -> None:
    """Checks a run document against the flow that is to run it.

    Raises:
        RecipeError: naming every wrong field.
    """
    recipe, plan = document["recipe"], document["plan"]
    if recipe["method"] != method:
        wrong = f"method: this flow trains with {method}; {recipe['name']} is a recipe for {recipe['method']}"
        raise RecipeError([wrong])
    problems = [*evaluation_problems(recipe), *_plan_problems(recipe, plan)]
    # Tasks on Kubernetes run in an image of their own, which has what this machine need not have.
    if plan.get("kubernetes") is None:
        problems += [*_package_problems(recipe, plan), *_file_problems(document)]
    if problems:
        raise RecipeError(problems)


def _plan_problems(recipe: dict[str, Any], plan: dict[str, Any]) -> Iterator[str]:
    trainable, sharding = recipe["trainable"]["kind"], plan["sharding"]
    processes = plan["nodes"] * max(plan["gpusPerNode"], 1)
    if sharding != "none" and processes == 1:
        yield f"sharding: {sharding} spreads states over several processes; the plan has one; write auto"
    if plan["gpusPerNode"] == 0:
        yield from _gpu_problems(recipe)
    if recipe["method"] == "dpo" and recipe["dpo"]["precomputeReferenceLogProbabilities"] and plan["nodes"] > 1:
        # TRL 1.16: the first process alone writes them, to a file on its node.
        yield (
            "dpo.precomputeReferenceLogProbabilities: only the first of several nodes would have them; "
            "set it to false, or plan one node"
        )
    if recipe["method"] != "grpo":
        return
    kind = recipe["grpo"]["generation"]["kind"]
    if kind == "vllm-server" and plan["nodes"] < 2:
        yield "grpo.generation.kind: vllm-server takes one node for generation; the plan has no other to train on"
    if kind != "transformers" and trainable == "qlora" and sharding == "fsdp2":
        # https://github.com/huggingface/trl/issues/5975
        yield "trainable.kind: quantised weights sharded with FSDP2 cannot be sent to vLLM; write lora"


def _gpu_problems(recipe: dict[str, Any]) -> Iterator[str]:
    """What a recipe asks for that only GPUs can do."""
    optimizer, attention = recipe["optimizer"]["name"], recipe["model"]["attention"]
    if recipe["trainable"]["kind"] == "qlora":
        yield "trainable.kind: qlora needs GPUs; the plan has none; write lora"
    if optimizer in _8_BIT:
        yield f"optimizer.name: {optimizer} needs GPUs; the plan has none; write adamw_torch"
    if attention in _FLASH:
        yield f"model.attention: {attention} needs GPUs; the plan has none; write sdpa"
    if recipe["method"] == "grpo" and (kind := recipe["grpo"]["generation"]["kind"]) != "transformers":
        yield f"grpo.generation.kind: {kind} needs GPUs; the plan has none; write transformers"


def _package_problems(recipe: dict[str, Any], plan: dict[str, Any]) -> Iterator[str]:
    """Packages that the run would import later than now, where they are not installed."""
    wanted = [
        (f"evaluation.tasks[{index}]", name, (module,))
        for index, name in enumerate(recipe["evaluation"]["tasks"])
        if (task := find_task(name)) is not None
        for module in task.modules
    ]
    if plan["gpusPerNode"] > 0:
        optimizer, attention = recipe["optimizer"]["name"], recipe["model"]["attention"]
        if recipe["trainable"]["kind"] == "qlora":
            wanted.append(("trainable.kind", "qlora", ("bitsandbytes",)))
        if optimizer in _8_BIT:
            wanted.append(("optimizer.name", optimizer, ("bitsandbytes",)))
        if attention in _FLASH:
            wanted.append(("model.attention", attention, _FLASH[attention]))
        if plan["sharding"] in ("zero2", "zero3"):
            wanted.append(("sharding", plan["sharding"], ("deepspeed",)))
        if recipe["method"] == "grpo" and (kind := recipe["grpo"]["generation"]["kind"]) != "transformers":
            wanted.append(("grpo.generation.kind", kind, ("vllm",)))
    for path, value, modules in wanted:
        if not any(find_spec(module) for module in modules):
            yield f"{path}: {value} needs the package {' or '.join(modules)}, which is not installed here"


def _file_problems(document: dict[str, Any]) -> Iterator[str]:
    """Folders and files of this machine that a recipe names and that are not there."""
    recipe = document["recipe"]
    base, source = document.get("baseModelUri") or recipe["model"]["base"], recipe["dataset"]["source"]
    field = "baseModelUri" if document.get("baseModelUri") else "model.base"
    if base.startswith("file://"):
        config = _path_of(base) / "config.json"
        if not config.is_file():
            yield f"{field}: {base} is no folder with a model: there is no {config.name} in it"
        else:
            yield from _context_problems(recipe, base, config)
    if source.startswith("file://") and not _path_of(source).exists():
        yield f"dataset.source: {source} does not exist"


def _path_of(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))


def _context_problems(recipe: dict[str, Any], base: str, config: Path) -> Iterator[str]:
    try:
        positions = json.loads(config.read_text(encoding="utf-8")).get("max_position_embeddings")
    except (ValueError, AttributeError):
        return
    longest = recipe["sequence"]["maxLength"]
    if isinstance(positions, int) and longest > positions:
        yield f"sequence.maxLength: got {longest}; {base} has a context of {positions} tokens: write that or less"
