"""From what the trainer wrote to what is registered: whole weights, an adapter, or both; checked before it leaves the node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TypedDict

from posttraining.contracts.lineage import SavedAdapter
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.models import ADAPTER_CONFIGURATION, ADAPTER_FOLDER
from posttraining.trainers.precision import numbers_of

SavedAs = SavedAdapter | None


class Finished(TypedDict):
    """What of a finished model the steps after it need to know."""

    adapter: SavedAs
    """How an adapter was saved; None where all weights were trained."""
    files: dict[str, int]
    """Bytes of the files that were checked, by name."""
    problems: list[str]
    """Why it may not be registered; none for a model that may."""


def finish_model(recipe: Recipe, plan: Plan, reference: str, base: Path, trained: Path, folder: Path) -> Finished:
    """Puts a trained model into `folder` as it is registered, and checks it.

    Nothing that is wrong with it raises an error, so that what was trained can be kept.

    Args:
        recipe: the run's.
        plan: the run's.
        reference: what the base is known by, for those who load an adapter.
        base: folder of the base.
        trained: what the trainer wrote: whole weights, or an adapter.
        folder: where the finished model is put.
    """
    from posttraining.registration_checks import adapter_problems, model_problems
    from posttraining.trainers.chat_template import template_of
    from posttraining.trainers.merging import copy_processor_files

    template, trainable = template_of(recipe, base).text, recipe["trainable"]
    copy_processor_files(base, trained)
    if trainable["kind"] == "full":
        trained.rename(folder)
        return _finished(folder, None, model_problems(base, folder, template))
    saves = trainable["saves"]
    saved: SavedAdapter = {"saves": saves, "kept": None, "error": None}
    _name_base(trained, reference, recipe["model"].get("revision"))
    problems = [] if saves == "merged" else adapter_problems(base, trained, template)
    if saves != "adapter":
        try:
            saved |= _merge(recipe, plan, base, trained, folder)
            problems += model_problems(base, folder, template)
        except ValueError as error:
            problems.append(str(error))
    if problems or saves != "merged":
        # What a merge that failed has left is of no use; the adapter is what was trained.
        kept_alone = saves == "adapter" or not (folder / "config.json").is_file()
        shutil.copytree(trained, folder if kept_alone else folder / ADAPTER_FOLDER, dirs_exist_ok=True)
    return _finished(folder, saved, problems)


def _merge(recipe: Recipe, plan: Plan, base: Path, trained: Path, folder: Path) -> SavedAdapter:
    from posttraining.trainers.merging import merge_adapter

    trainable = recipe["trainable"]
    assert trainable["kind"] != "full"
    rounding = merge_adapter(base, trained, folder, numbers_of(recipe, plan).saved)
    if rounding.advice is not None:
        print(rounding.advice, flush=True)
    return {"saves": trainable["saves"], "kept": rounding.kept, "error": rounding.error}


def _name_base(adapter: Path, reference: str, revision: str | None) -> None:
    """Has an adapter name its base as everybody knows it; the trainer knows the folder on its node."""
    file = adapter / ADAPTER_CONFIGURATION
    content = json.loads(file.read_text(encoding="utf-8"))
    content |= {"base_model_name_or_path": reference, "revision": revision}
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _finished(folder: Path, saved: SavedAs, problems: list[str]) -> Finished:
    files = {
        file.relative_to(folder).as_posix(): file.stat().st_size for file in sorted(folder.rglob("*")) if file.is_file()
    }
    return {"adapter": saved, "files": files, "problems": problems}
