"""The one document that a run is started with: recipe, plan, placement, base model and where models go (docs/contracts.md)."""

from __future__ import annotations

from pathlib import Path

from posttraining.contracts.recipe import Recipe
from posttraining.contracts.run_document import RunDocument
from posttraining.document_text import parse_document
from posttraining.plans import plan_for_this_machine
from posttraining.recipe import read_recipe
from posttraining.schema_problems import contract_schema, is_mapping, schema_problems, with_defaults

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def read_run_document(text: str) -> RunDocument:
    """Reads a run document, or a bare recipe (YAML or JSON) that is to run on this machine.

    Raises:
        ValueError: naming every wrong field.
    """
    document, schema = parse_document(text), contract_schema("run_document")
    if not is_mapping(document):
        raise ValueError("must be a mapping: a recipe, or a run document with " + ", ".join(schema["properties"]))
    if "recipe" not in document:
        return _for_this_machine(read_recipe(document))
    if problems := schema_problems(schema, document):
        raise ValueError("\n".join(["The run document is not valid:", *(f"  {problem}" for problem in problems)]))
    read: RunDocument = with_defaults(schema, document)
    return {**read, "recipe": read_recipe(document["recipe"])}


def _for_this_machine(recipe: Recipe) -> RunDocument:
    return {
        "recipe": recipe,
        "plan": plan_for_this_machine(recipe, gpus=_gpus()),
        "placement": None,
        "baseModelUri": None,
        "modelUri": None,
        "modelsRoot": _models_root(),
        "name": recipe["name"],
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
