"""Small valid documents that tests change one thing of."""

from copy import deepcopy
from typing import Any

from posttraining.recipe import read_recipe
from posttraining.run_document import plan_for_this_machine

_RECIPES: dict[str, dict[str, Any]] = {
    method: {
        "method": method,
        "name": f"{method}-test",
        "description": "A recipe for tests.",
        "model": {"base": "tiny:llama"},
        "dataset": {"source": "tiny:sums"},
        "sequence": {"maxLength": 64},
        "trainable": {"kind": "full"},
        "precision": "float32",
        "optimizer": {"learningRate": 1e-3},
        "batch": {"global": 16},
        "duration": {"steps": 4},
        "evaluation": {"tasks": ["tiny_sums"], "headline": "tiny_sums/number"},
        "gate": [{"metric": "tiny_sums/number", "minimum": 0.5}],
    }
    for method in ("sft", "dpo", "grpo")
}
_RECIPES["dpo"]["dpo"] = {}
_RECIPES["grpo"]["sequence"]["maxCompletionLength"] = 12
_RECIPES["grpo"]["grpo"] = {"rewards": [{"name": "tiny_sums_exact"}]}


def document(method: str = "sft", **changes: Any) -> dict[str, Any]:
    """A recipe as a person writes it; keys of `changes` are paths, with two underscores for the dots."""
    recipe = deepcopy(_RECIPES[method])
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = recipe
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return recipe


def recipe(method: str = "sft", **changes: Any) -> dict[str, Any]:
    """The same with defaults filled in."""
    return read_recipe(document(method, **changes))


def plan(of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The plan for one process without a GPU; with other processes the batch is shared among them."""
    planned = plan_for_this_machine(of, gpus=0) | changes
    processes = (planned["nodes"] - planned["generationNodes"]) * max(planned["gpusPerNode"], 1)
    share = of["batch"]["global"] // (processes * planned["gradientAccumulation"]) if processes else 1
    return planned | {"microBatch": share} | changes
