"""Refreshes `flows/posttraining/lm_eval_tasks.json`: the tasks of the installed lm-eval, and what each reports.

    .posttraining/python/train/bin/python dev/refresh-evaluation-tasks.py

A recipe names tasks and metrics; lm-eval itself would say that it knows neither only after the training. Nothing is run
and nothing downloaded: task files are read as YAML, their code is parsed. A task whose metrics only running code knows is
marked so. `tests/catalog` holds the file to the installed package.
"""

from __future__ import annotations

import ast
import datetime
import json
import logging
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import (
    PackageNotFoundError,
    distribution,
    packages_distributions,
    version,
)
from os.path import commonprefix
from pathlib import Path
from typing import Any

FACTS = Path(__file__).resolve().parent.parent / "flows" / "posttraining" / "lm_eval_tasks.json"

ABOUT = (
    "Tasks of lm-eval and the metrics that each reports, as posttraining/evaluation.py names them. Written by "
    "dev/refresh-evaluation-tasks.py, read by recipe/evaluationTasks.ts and posttraining/evaluation_tasks.py. "
    "`names`: sorted; each word is one digit in base 36, the number of letters it shares with the word before it, and the "
    "rest. Everything else names them by their places in that list, as ranges. `metrics`: the place of a task or group "
    "below what it reports; `*`: only running code knows. `groups` and `tags`: place, and the places of the tasks in it."
)

# Metrics of lm-eval's own loops (api/task.py, ConfigurableTask.process_results) by the kind of output; others are passed over.
_OWN_METRICS = {
    "loglikelihood": ("perplexity", "acc"),
    "loglikelihood_rolling": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    "multiple_choice": (
        *(
            "acc",
            "f1",
            "mcc",
            "acc_norm",
            "acc_bytes",
            "exact_match",
            "brier_score",
            "likelihood",
            "acc_mutual_info",
        ),
    ),
}
# Metrics of the library `evaluate` whose result has one value, of the metric's own name or none.
_SINGLE_VALUE_METRICS = ("f1", "accuracy", "wer")

ANY = "*"

Config = dict[str, Any]


class BrokenGroupError(ValueError):
    """A group that lm-eval cannot load: it names what is no task."""


class TaskFacts:
    """What is known of the tasks of one installation of lm-eval."""

    def __init__(self) -> None:
        from lm_eval.tasks import TaskManager
        from lm_eval.tasks._index import Kind

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        self._kinds = Kind
        self.manager = TaskManager()
        self.index = self.manager.task_index
        self.names = sorted(self.index)
        if spaced := [name for name in self.names if " " in name]:
            raise ValueError(f"names with a space cannot be written as words: {spaced}")
        self._places = {name: place for place, name in enumerate(self.names)}

    def document(self, date: datetime.date) -> dict[str, Any]:
        """The content of the facts file."""
        metrics: dict[str, list[int]] = defaultdict(list)
        needs: dict[str, list[int]] = defaultdict(list)
        datasets: dict[str, list[int]] = defaultdict(list)
        groups, tags, unsafe, multimodal, broken = {}, {}, [], [], []
        for place, name in enumerate(self.names):
            entry = self.index[name]
            config = entry.cfg or {}
            if entry.kind is self._kinds.TAG:
                tags[place] = sorted(self._places[task] for task in entry.tags if task in self._places)
                continue
            if entry.kind is self._kinds.GROUP:
                try:
                    leaves = list(self._leaves(name, config, {}))
                except BrokenGroupError:
                    broken.append(place)
                    continue
                groups[place] = sorted({self._places[leaf["task"]] for leaf in leaves if leaf["task"] in self._places})
                metrics[_joined(group_metrics(config, leaves))].append(place)
                continue
            metrics[_joined(task_metrics(config))].append(place)
            for module in modules_needed(config):
                needs[module].append(place)
            if config.get("unsafe_code"):
                unsafe.append(place)
            if config.get("doc_to_image") or config.get("doc_to_audio"):
                multimodal.append(place)
            if (path := dataset_of(config)) is not None:
                datasets[path].append(place)
        return {
            "about": ABOUT,
            "package": "lm-eval",
            "version": version("lm-eval"),
            "date": date.isoformat(),
            "names": _lines(front_coded(self.names)),
            "metrics": {key: ranges(places) for key, places in sorted(metrics.items())},
            "groups": {str(place): ranges(members) for place, members in groups.items()},
            "tags": {str(place): ranges(members) for place, members in tags.items()},
            "broken": ranges(broken),
            "unsafe": ranges(unsafe),
            "multimodal": ranges(multimodal),
            "modules": {key: ranges(places) for key, places in sorted(needs.items())},
            "datasets": {key: ranges(places) for key, places in sorted(datasets.items())},
        }

    def _leaves(self, name: str, config: Config, overrides: Config) -> Iterator[Config]:
        """Configurations of all tasks below a group, with what the group changes of them (lm_eval/tasks/_factory.py)."""
        from lm_eval.tasks._factory import GROUP_FIELD_NAMES

        members = config.get("task")
        overrides = {key: value for key, value in config.items() if key not in GROUP_FIELD_NAMES} | overrides
        for member in members if isinstance(members, list) else []:
            if isinstance(member, str):
                yield from self._below(member, overrides)
            elif "group" in member and member["group"] in self.index:
                changes = {key: value for key, value in member.items() if key != "group"}
                yield from self._leaves(
                    member["group"],
                    self.index[member["group"]].cfg or {},
                    overrides | changes,
                )
            elif "group" in member:
                yield from self._leaves(f"{name}::{member['group']}", member, overrides)
            elif member.get("task") in self.index:
                yield from self._below(member["task"], overrides | member)
            elif "task" in member and "dataset_path" in member:
                yield overrides | member | {"task": f"{name}::{member['task']}"}
            else:
                raise BrokenGroupError(name)

    def _below(self, name: str, overrides: Config) -> Iterator[Config]:
        entry = self.index.get(name)
        if entry is None:
            raise BrokenGroupError(name)
        if entry.kind is self._kinds.GROUP:
            yield from self._leaves(name, entry.cfg or {}, overrides)
        elif entry.kind is self._kinds.TAG:
            for task in sorted(entry.tags):
                yield from self._below(task, overrides)
        else:
            yield (entry.cfg or {}) | overrides | {"task": name}


def task_metrics(config: Config) -> frozenset[str] | None:
    """Metrics of one task, with `@<filter>` where the filter has a name; None where only running code knows them."""
    names = _metric_names(config)
    if names is None:
        return None
    filters = [entry["name"] for entry in config.get("filter_list") or [{"name": "none"}]]
    return frozenset(_with_filter(name, filter_name) for name in names for filter_name in filters)


def group_metrics(config: Config, leaves: list[Config]) -> frozenset[str] | None:
    """Metrics that a group makes of its tasks'; none for a group that only holds tasks together."""
    found: set[str] = set()
    reported = [task_metrics(leaf) for leaf in leaves]
    aggregates = config.get("aggregate_metric_list") or []
    for aggregate in [aggregates] if isinstance(aggregates, dict) else aggregates:
        name, filters = aggregate["metric"], aggregate.get("filter_list")
        filters = [filters] if isinstance(filters, str) else filters
        if any(metrics is None for metrics in reported):
            if filters is None:
                return None
            found |= {_with_filter(name, filter_name) for filter_name in filters}
            continue
        there = {metric for metrics in reported if metrics is not None for metric in metrics}
        wanted = {metric for metric in there if metric == name or metric.startswith(f"{name}@")}
        if filters is not None:
            wanted &= {_with_filter(name, filter_name) for filter_name in filters}
        found |= wanted
    return frozenset(found)


def _with_filter(metric: str, filter_name: str) -> str:
    return metric if filter_name == "none" else f"{metric}@{filter_name}"


def _metric_names(config: Config) -> set[str] | None:
    if "class" in config:
        return None
    if config.get("process_results"):
        return _returned_keys(str(config["process_results"]))
    output = config.get("output_type", "generate_until")
    listed = config.get("metric_list")
    if listed is None:
        from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY

        listed = [{"metric": name} for name in DEFAULT_METRIC_REGISTRY[output]]
    if output in _OWN_METRICS:
        return {entry["metric"] for entry in listed} & set(_OWN_METRICS[output])
    found: set[str] = set()
    for entry in listed:
        names = _names_of(entry)
        if names is None:
            return None
        found |= names
    return found


def _names_of(entry: Config) -> set[str] | None:
    """What one entry of `metric_list` gives for a generated answer."""
    name = entry["metric"]
    if "/" in name:
        # A function: a mapping that it returns has the names, any other value has the function's own.
        return _returned_keys(name, otherwise=name.rpartition(".")[2])
    if entry.get("hf_evaluate") and name not in _SINGLE_VALUE_METRICS:
        return None
    return {name}


@cache
def _parsed(file: Path) -> ast.Module | None:
    with warnings.catch_warnings():
        # Some tasks' code has escape sequences that are none.
        warnings.simplefilter("ignore")
        return ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else None


def _file_of(reference: str) -> tuple[Path, str]:
    """`/folder/module.function`, as the YAML loader gives a function that it does not resolve."""
    module, _, function = reference.rpartition(".")
    return Path(f"{module}.py"), function


def _returned_keys(reference: str, otherwise: str | None = None) -> set[str] | None:
    """Keys of the mappings that a function returns; None if they are not all written down.

    Args:
        reference: the function.
        otherwise: name of a value that is no mapping; None where it must be one.
    """
    file, name = _file_of(reference)
    tree = _parsed(file)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name] if tree else []
    if len(functions) != 1:
        return None
    parameters = {argument.arg for argument in functions[0].args.args}
    keys: set[str] = set()
    for value in _returned(functions[0]):
        if otherwise is not None and _is_plain(value, parameters):
            keys.add(otherwise)
            continue
        found = _keys(value, functions[0])
        if found is None:
            return None
        keys |= found
    return keys or None


def _returned(function: ast.FunctionDef) -> Iterator[ast.expr | None]:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Return):
            yield node.value
        pending.extend(ast.iter_child_nodes(node))


def _is_plain(value: ast.expr | None, parameters: set[str]) -> bool:
    """Whether an expression is surely no mapping: a parameter that is passed on, a number, a comparison, a calculation."""
    if isinstance(value, ast.Name):
        return value.id in parameters
    return isinstance(
        value,
        ast.Constant | ast.Compare | ast.BinOp | ast.BoolOp | ast.Tuple | ast.List,
    )


def _keys(value: ast.expr | None, function: ast.FunctionDef) -> set[str] | None:
    if isinstance(value, ast.Dict):
        return _constants(value.keys)
    if not isinstance(value, ast.Name):
        return None
    # A variable: a mapping that is written down once, to which entries with written keys may be added.
    keys: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found = _assigned(target, node.value, value.id)
                if found is None:
                    return None
                keys |= found
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == value.id:
            return None
    return keys or None


def _assigned(target: ast.expr, value: ast.expr | None, name: str) -> set[str] | None:
    """Keys that an assignment gives to the mapping `name`; none if it is to something else."""
    if isinstance(target, ast.Name) and target.id == name:
        return _constants(value.keys) if isinstance(value, ast.Dict) else None
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == name:
        return _constants([target.slice])
    return set()


def _constants(keys: Iterable[ast.expr | None]) -> set[str] | None:
    found = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return found if len(found) == len(list(keys)) else None


def dataset_of(config: Config) -> str | None:
    """Id on the hub of the task's dataset; None for one that is made, or read from files of some format."""
    path = config.get("dataset_path")
    if config.get("custom_dataset") or not isinstance(path, str) or not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?", path):
        return None
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    return None if path in _PACKAGED_DATASETS_MODULES else path


def modules_needed(config: Config) -> set[str]:
    """Modules that a task's code imports as it is loaded, beyond those that lm-eval brings."""
    needed: set[str] = set()
    for reference in _references(config):
        needed |= _imports(_file_of(reference)[0])
    return needed - _always_there()


def _references(value: object) -> Iterator[str]:
    """Every function that a configuration refers to."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, str) and value.startswith("/") and _file_of(value)[0].is_file():
        yield value


@cache
def _imports(file: Path, within: frozenset[Path] = frozenset()) -> frozenset[str]:
    """Top-level modules that a file imports unconditionally, and what those of them import that are tasks' own."""
    tree = _parsed(file)
    found: set[str] = set()
    if tree is None or file in within:
        return frozenset()
    for node in tree.body:
        for name in _imported(node, file):
            own = _tasks_folder().parent.parent.joinpath(*name.split(".")).with_suffix(".py")
            if name.startswith("lm_eval.tasks.") and own.is_file():
                found |= _imports(own, within | {file})
            found.add(name.partition(".")[0])
    return frozenset(found)


def _imported(node: ast.stmt, file: Path) -> Iterator[str]:
    """Dotted names of the modules that a statement imports; of `from a import b` both, since `b` may be one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = node.module or ""
        if node.level:
            folder = file.parents[node.level - 1].relative_to(_tasks_folder().parent.parent)
            package = ".".join([*folder.parts, *([package] if package else [])])
        yield package
        yield from (f"{package}.{alias.name}" for alias in node.names)


@cache
def _tasks_folder() -> Path:
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).parent


@cache
def _always_there() -> frozenset[str]:
    """Modules of Python, of lm-eval, and of the packages that training and lm-eval need without extras."""
    wanted, seen = ["lm-eval", "torch", "transformers", "datasets", "trl"], set()
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        wanted += [
            match.group() for text in requirements if "extra ==" not in text and (match := re.match(r"[\w.-]+", text))
        ]
    installed = packages_distributions()
    modules = {
        module for module, owners in installed.items() if {owner.lower().replace("_", "-") for owner in owners} & seen
    }
    return frozenset(modules | sys.stdlib_module_names | {"lm_eval", ""})


def front_coded(names: Iterable[str]) -> Iterator[str]:
    """Sorted words, each as what differs from the one before it."""
    before = ""
    for name in names:
        shared = min(len(commonprefix([before, name])), 35)
        yield f"{'0123456789abcdefghijklmnopqrstuvwxyz'[shared]}{name[shared:]}"
        before = name


def ranges(places: Iterable[int]) -> str:
    """`3 5-8`: ascending numbers in few characters."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _joined(metrics: frozenset[str] | None) -> str:
    return ANY if metrics is None else " ".join(sorted(metrics))


def _lines(words: Iterable[str]) -> list[str]:
    """Words in lines of about a hundred characters."""
    lines: list[str] = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 100:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines


def main() -> None:
    """Writes the file."""
    facts = TaskFacts()
    document = facts.document(datetime.datetime.now(datetime.UTC).date())
    FACTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(facts.names)} names of lm-eval {document['version']}, {FACTS.stat().st_size // 1000} kB: {FACTS}")


if __name__ == "__main__":
    main()
