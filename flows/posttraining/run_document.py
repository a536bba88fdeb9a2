"""The one document that a run is started with: recipe, plan, placement, base model and where models go (docs/contracts.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from posttraining.recipe import Recipe, read_recipe

RECIPES = Path(__file__).resolve().parent.parent / "recipes"

_KEYS = ("recipe", "plan", "placement", "baseModelUri", "modelsRoot", "name")
_OPTIONAL_KEYS = ("placement", "baseModelUri", "modelUri")
_PLAN_KEYS = (
    *("nodes", "generationNodes", "gpusPerNode", "microBatch", "gradientAccumulation"),
    *("sharding", "activationCheckpointing"),
)


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
        return json.loads(text, object_pairs_hook=_without_twice, parse_constant=_no_json)
    except json.JSONDecodeError:
        pass
    import yaml

    try:
        return yaml.load(text, _yaml_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"is neither JSON nor YAML: {error}") from error


def _without_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(_twice(next(key for key in found if keys.count(key) > 1)))
    return found


def _twice(key: str) -> str:
    return f"the key {key} is there twice in one mapping: which of the two counts is not clear"


def _no_json(constant: str) -> None:
    """Python takes `NaN` and `Infinity` for JSON, which has no such numbers; to YAML they are texts."""
    raise json.JSONDecodeError(f"{constant} is no JSON", constant, 0)


# Scalars of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#1032-tag-resolution), in the order in which they are tried.
_CORE_SCALARS = {
    "null": r"(?:~|[Nn]ull|NULL)?",
    "bool": r"[Tt]rue|TRUE|[Ff]alse|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN",
}


def _core_value(kind: str, text: str) -> object:
    """Returns what a scalar of the core schema means; `text` has the form of its kind."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text[2:], {"0o": 8, "0x": 16}[text[:2]]) if text[:2] in ("0o", "0x") else int(text)
    # Python spells infinity and NaN without a dot.
    return float(text.replace(".", "", 1) if text.lower().endswith(("inf", "nan")) else text)


def _key_text(key: object) -> str:
    """Returns a key as JSON and JavaScript have it, where every key is a text."""
    if isinstance(key, str):
        return key
    if isinstance(key, float) and key.is_integer():
        return str(int(key))
    return "" if key is None else json.dumps(key)


def _yaml_loader() -> Any:
    """Returns a loader for YAML 1.2, which the TypeScript side reads; PyYAML's own read YAML 1.1.

    To YAML 1.1 `040` is 32, `no` is false, `6:40` is 400, `3e-3` is a text, and the last of two equal keys counts.
    """
    import yaml

    prefix = "tag:yaml.org,2002:"

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 (a mapping that the base class has, too)
            None: [(prefix + kind, re.compile(rf"(?:{form})\Z")) for kind, form in _CORE_SCALARS.items()]
        }
        yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def scalar(kind: str) -> Any:
        def construct(loader: Any, node: yaml.Node) -> object:
            text = loader.construct_scalar(node)
            if re.fullmatch(_CORE_SCALARS[kind], text) is None:
                raise yaml.constructor.ConstructorError(None, None, f"{text!r} is no {kind}", node.start_mark)
            return _core_value(kind, text)

        return construct

    def mapping(loader: Any, node: yaml.Node) -> Iterator[dict[str, Any]]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "this is no mapping", node.start_mark)
        found: dict[str, Any] = {}
        # Given before it is filled, so that a mapping may hold itself, as PyYAML does it.
        yield found
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            key = _key_text(loader.construct_object(key_node))
            if key in found:
                raise ValueError(f"line {key_node.start_mark.line + 1}: {_twice(key)}")
            found[key] = loader.construct_object(value_node)

    for kind in _CORE_SCALARS:
        Loader.add_constructor(prefix + kind, scalar(kind))
    Loader.add_constructor(prefix + "map", mapping)
    Loader.add_constructor(prefix + "seq", yaml.SafeLoader.construct_yaml_seq)
    Loader.add_constructor(prefix + "str", yaml.SafeLoader.construct_yaml_str)
    Loader.add_constructor(None, yaml.SafeLoader.construct_undefined)
    return Loader


def _for_this_machine(recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "plan": plan_for_this_machine(recipe, gpus=_gpus()),
        "placement": None,
        "baseModelUri": None,
        "modelUri": None,
        "modelsRoot": _models_root(),
        "name": recipe["name"],
    }


def plan_for_this_machine(recipe: Recipe, gpus: int) -> dict[str, Any]:
    """The plan for one machine: one process without GPUs or with one, one process for each of several GPUs.

    The TypeScript side plans the same (`planForThisMachine` in recipe/plan.ts): tests/contracts/plans.json.

    Raises:
        ValueError: if the global batch cannot be divided over the processes.
    """
    processes = max(gpus, 1)
    batch = recipe["batch"]
    if batch["global"] % processes:
        raise ValueError(f"batch.global: must be a multiple of {processes}, the GPUs of this machine")
    micro = batch.get("micro", batch["global"] // processes)
    if batch["global"] % (micro * processes):
        raise ValueError(
            f"batch.global: must be a multiple of batch.micro ({micro}) times {processes}, the GPUs of this machine"
        )
    sharding = recipe["sharding"]
    if sharding == "auto":
        sharding = "fsdp2" if processes > 1 else "none"
    checkpointing = recipe["activationCheckpointing"]
    return {
        "nodes": 1,
        "generationNodes": 0,
        "gpusPerNode": gpus,
        "microBatch": micro,
        "gradientAccumulation": batch["global"] // (micro * processes),
        "sharding": sharding,
        "activationCheckpointing": ("full" if gpus else "none") if checkpointing == "auto" else checkpointing,
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
