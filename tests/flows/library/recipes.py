"""Small valid documents that tests change one thing of."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from posttraining.contracts.placement import Placement
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.run_document import RunDocument
from posttraining.plans import plan_for_this_machine
from posttraining.recipe import read_recipe

_TABLES = Path(__file__).parents[2] / "recipes"

_SHARED: dict[str, Any] = {
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

PLACEMENT: Placement = {
    "image": "example/training:1",
    "imagePullSecrets": [],
    "namespace": "jobs",
    "serviceAccount": "runner",
    "secrets": [],
    "labels": {},
    "annotations": {},
    "nodeSelector": {"pool": "dpo-70b"},
    "tolerations": [],
    "cpu": 90,
    "memory": 900_000,
    "disk": 500_000,
    "extendedResources": {"vpc.amazonaws.com/efa": "32"},
}
"""Where the pods of a run on a cluster go."""


def read_table(name: str) -> dict[str, Any]:
    """A table of recipes that both languages judge: `common`, or a method's own."""
    return json.loads((_TABLES / f"{name}.json").read_text(encoding="utf-8"))


def document_of(method: str, values: dict[str, Any]) -> dict[str, Any]:
    """The tables' document of a method with values laid over it, by their paths."""
    document = {"method": method, "name": f"{method}-test"} | deepcopy(read_table("common")["document"])
    _lay(document, read_table(method)["document"])
    _lay(document, values)
    return document


def _lay(document: dict[str, Any], values: dict[str, Any]) -> None:
    """Lays values over a document, by their paths."""
    for path, value in values.items():
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = deepcopy(value)


def document(method: str = "sft", **changes: Any) -> dict[str, Any]:
    """A recipe as a person writes it; keys of `changes` are paths, with two underscores for the dots."""
    recipe = {"method": method, "name": f"{method}-test"} | deepcopy(_SHARED)
    _lay(recipe, read_table(method)["document"])
    _lay(recipe, {path.replace("__", "."): value for path, value in changes.items()})
    return recipe


def recipe(method: str = "sft", **changes: Any) -> Recipe:
    """The same with defaults filled in."""
    return read_recipe(document(method, **changes))


def plan(of: Recipe, **changes: Any) -> Plan:
    """The plan for one process without a GPU; with other processes the batch is shared among them."""
    planned = _changed(plan_for_this_machine(of, gpus=0), changes)
    processes = (planned["nodes"] - planned["generationNodes"]) * max(planned["gpusPerNode"], 1)
    share = of["batch"]["global"] // (processes * planned["gradientAccumulation"]) if processes else 1
    return _changed(planned, {"microBatch": share} | changes)


def _changed(planned: Plan, changes: dict[str, Any]) -> Plan:
    # A test may ask for a plan that no planner makes, to see it refused.
    return cast("Plan", {**planned, **changes})


def run_document(
    of: Recipe,
    planned: Plan,
    placement: Placement | None = None,
    baseModelUri: str | None = None,
    modelsRoot: str = "file:///models",
    name: str = "test",
) -> RunDocument:
    """The document of a run, on this machine unless there is a placement."""
    return {
        "recipe": of,
        "plan": planned,
        "placement": placement,
        "baseModelUri": baseModelUri,
        "modelsRoot": modelsRoot,
        "name": name,
        "modelUri": None,
    }
