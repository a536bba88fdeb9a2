"""The one document that a run is started with: recipe, plan, base model and where models go (docs/contracts.md)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from posttraining.recipe import Recipe, read_recipe

RECIPES = Path(__file__).resolve().parent.parent / "recipes"

_KEYS = ("recipe", "plan", "baseModelUri", "modelsRoot", "name")
_OPTIONAL_KEYS = ("baseModelUri", "modelUri")
_PLAN_KEYS = ("nodes", "gpusPerNode", "microBatch", "gradientAccumulation", "sharding", "activationCheckpointing")


def read_run_document(text: str) -> dict[str, Any]:
    """Reads a run document, or a bare recipe (YAML or JSON) that is to run on this machine.

    Raises:
        ValueError: naming every wrong field.
    """
    document = _parse(text)
    if not isinstance(document, dict):
        raise ValueError("must be a mapping: a recipe, or a run document with " + ", ".join(_KEYS))
    if "recipe" not in document:
        return _for_this_machine(read_recipe(document))
    known = {*_KEYS, *_OPTIONAL_KEYS}
    problems = [f"{key}: is not known; the keys are {', '.join(_KEYS)}" for key in sorted(document.keys() - known)]
    problems += [f"{key}: is missing" for key in _KEYS if key not in document and key not in _OPTIONAL_KEYS]
    plan = document.get("plan")
    if isinstance(plan, dict):
        problems += [f"plan.{key}: is missing" for key in _PLAN_KEYS if key not in plan]
    elif "plan" in document:
        problems.append("plan: must be a mapping")
    if problems:
        raise ValueError("\n".join(["The run document is not valid:", *(f"  {problem}" for problem in problems)]))
    recipe = read_recipe(document["recipe"])
    return {**document, "recipe": recipe} | {key: document.get(key) for key in _OPTIONAL_KEYS}


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML 1.1 reads `3e-3` as a string; YAML 1.2, which the TypeScript side reads, as a number."""

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
    )
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"is neither JSON nor YAML: {error}") from error


def _for_this_machine(recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "plan": plan_for_this_machine(recipe, gpus=_gpus()),
        "baseModelUri": None,
        "modelUri": None,
        "modelsRoot": _models_root(),
        "name": recipe["name"],
    }


def plan_for_this_machine(recipe: Recipe, gpus: int) -> dict[str, Any]:
    """The plan for one machine: one process without GPUs or with one, one process for each of several GPUs.

    Raises:
        ValueError: if the global batch cannot be divided over the processes.
    """
    processes = max(gpus, 1)
    batch = recipe["batch"]
    if batch["global"] % processes:
        raise ValueError(f"batch.global: must be a multiple of {processes}, the GPUs of this machine")
    micro = batch.get("micro", batch["global"] // processes)
    if batch["global"] % (micro * processes):
        raise ValueError(f"batch.global: must be a multiple of batch.micro ({micro}) times {processes} processes")
    sharding = recipe["sharding"]
    if sharding == "auto":
        sharding = "fsdp2" if processes > 1 else "none"
    checkpointing = recipe["activationCheckpointing"]
    return {
        "nodes": 1,
        "gpusPerNode": gpus,
        "microBatch": micro,
        "gradientAccumulation": batch["global"] // (micro * processes),
        "sharding": sharding,
        "activationCheckpointing": ("full" if gpus else "none") if checkpointing == "auto" else checkpointing,
        "kubernetes": None,
    }


def _gpus() -> int:
    """GPUs that the NVIDIA driver lists; asking torch would cost its import before anything else has happened."""
    folder = Path("/proc/driver/nvidia/gpus")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def _models_root() -> str:
    """Beside Metaflow's own data, in the store that Metaflow is configured for."""
    from metaflow.metaflow_config import DATASTORE_SYSROOT_LOCAL, DATASTORE_SYSROOT_S3, DEFAULT_DATASTORE

    if DEFAULT_DATASTORE == "s3" and DATASTORE_SYSROOT_S3:
        return DATASTORE_SYSROOT_S3.rstrip("/") + "/models"
    root = Path(DATASTORE_SYSROOT_LOCAL) if DATASTORE_SYSROOT_LOCAL else Path.cwd() / ".metaflow"
    return (root.resolve() / "models").as_uri()
