"""What is known of the tasks that a recipe may be evaluated on, without importing lm-eval.

The project's own are read from `tasks/`; lm-eval's facts from `lm_eval_tasks.json`, whose `about` says how it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

TASKS = Path(__file__).with_name("tasks")
FACTS_FILE = Path(__file__).with_name("lm_eval_tasks.json")


@dataclass(frozen=True)
class EvaluationTask:
    """A task, a group of tasks, or a tag: a name for several tasks under which none is reported."""

    kind: Literal["task", "group", "tag", "broken"]
    """`broken`: lm-eval itself cannot load it."""
    is_own: bool
    metrics: frozenset[str] | None
    """What it reports, as `evaluation.flatten_results` names it without the task; None where only running code knows."""
    places: frozenset[int] = field(default_factory=frozenset)
    """Places in lm-eval's list of the tasks that are run for it."""
    is_unsafe: bool = False
    """It runs code that a model has written."""
    is_multimodal: bool = False
    """It asks about images or sounds."""
    modules: tuple[str, ...] = ()
    """Modules that it needs beyond those of training and evaluation."""


def find_task(name: str) -> EvaluationTask | None:
    """What is known of a task, a group or a tag; None where there is none of this name."""
    if (TASKS / f"{name}.yaml").is_file():
        return EvaluationTask(kind="task", is_own=True, metrics=frozenset(_own_metrics(name)))
    return _library_task(name)


def task_names() -> list[str]:
    """Every name of lm-eval and of the project's tasks."""
    return [*(file.stem for file in sorted(TASKS.glob("*.yaml"))), *_facts()["names"]]


def library_version() -> str:
    """Version of lm-eval that the facts are of."""
    return _facts()["version"]


def names_at(places: frozenset[int], most: int) -> list[str]:
    """Names of the tasks at some places, the first few of them."""
    return [_facts()["names"][place] for place in sorted(places)[:most]]


def _own_metrics(name: str) -> Iterator[str]:
    """The project's tasks list in `metric_list` all that their code reports."""
    task = _task_file(f"{name}.yaml")
    filters = [entry["name"] for entry in task.get("filter_list") or [{"name": "none"}]]
    for entry in task.get("metric_list") or []:
        for filter_name in filters:
            yield entry["metric"] if filter_name == "none" else f"{entry['metric']}@{filter_name}"


def _task_file(name: str) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Functions are tagged values, which nothing here looks at."""

    Loader.add_constructor("!function", lambda _loader, node: node.value)
    task = yaml.load((TASKS / name).read_text(encoding="utf-8"), Loader)
    return {**_task_file(task["include"]), **task} if "include" in task else task


@cache
def _facts() -> dict[str, Any]:
    facts = json.loads(FACTS_FILE.read_text(encoding="utf-8"))
    return facts | {"names": list(_decoded(" ".join(facts["names"]).split(" ")))}


def _decoded(words: list[str]) -> Iterator[str]:
    """Words of which each says only how it differs from the one before it."""
    before = ""
    for word in words:
        before = before[: int(word[0], 36)] + word[1:]
        yield before


def _places(text: str) -> frozenset[int]:
    """`3 5-8`"""
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _library_task(name: str) -> EvaluationTask | None:
    facts = _facts()
    if name not in facts["names"]:
        return None
    place = facts["names"].index(name)
    tag, group = facts["tags"].get(str(place)), facts["groups"].get(str(place))
    places = _places(tag or group or str(place))
    metrics = next((key for key, text in facts["metrics"].items() if place in _places(text)), "*")
    kind = "tag" if tag is not None else "broken" if place in _places(facts["broken"]) else None
    return EvaluationTask(
        kind=kind or ("task" if group is None else "group"),
        is_own=False,
        metrics=None if metrics == "*" else frozenset(metrics.split()),
        places=places,
        is_unsafe=bool(places & _places(facts["unsafe"])),
        is_multimodal=bool(places & _places(facts["multimodal"])),
        modules=tuple(key for key, text in facts["modules"].items() if places & _places(text)),
    )
