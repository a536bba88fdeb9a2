"""Training examples: where they come from, what columns each method needs, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from posttraining import storage, tiny_task
from posttraining.contracts.recipe import Recipe
from posttraining.methods import method_of
from posttraining.methods.columns import DatasetError, usable_columns
from posttraining.methods.facts import method_facts
from posttraining.methods.method import Method, Row

# Columns of public datasets that become turns of a conversation where the method's own columns are missing.
_QUESTIONS = ("question", "problem")
_ANSWERS = ("answer", "response")


@dataclass(frozen=True)
class Examples:
    """Training examples as JSON lines: one format from every source, small enough to be a run's artifact."""

    lines: bytes
    count: int
    columns: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the examples: the same examples in the same order have the same fingerprint."""
        return hashlib.sha256(self.lines).hexdigest()

    def rows(self) -> list[Row]:
        """The examples, parsed."""
        return [json.loads(line) for line in self.lines.splitlines()]


def load_examples(recipe: Recipe) -> Examples:
    """Reads the examples that a recipe names: `tiny:`, `s3://` or `file:///` JSON lines, or a dataset on the hub.

    Columns are TRL's. Questions (`question`, `problem`) and answers (`answer`, `response`) become them where
    the method can learn from such.

    Raises:
        DatasetError: if there is no such dataset, a line is not JSON, or the method's columns are missing, be it in one example.
    """
    dataset, method = recipe["dataset"], method_of(recipe)
    source = dataset["source"]
    if source.startswith("tiny:"):
        if source != tiny_task.DATASET:
            raise DatasetError(f"dataset.source: {source} is not known; the project makes {tiny_task.DATASET}")
        rows = tiny_task.training_rows(method.name, method_facts(method.name)["tinyExamples"], method.tiny_row)
    elif source.startswith(("s3://", "file://")):
        rows = _rows_of_files(source)
    else:
        rows = _rows_of_hub(source, dataset.get("subset"), dataset["split"], dataset.get("limit"))
    rows = rows[: dataset.get("limit")]
    if not rows:
        raise DatasetError(f"dataset.source: {source} has no examples")
    rows = _with_turns(method, rows)
    columns = tuple(rows[0])
    _check_rows(method, rows, usable_columns(method.name, method.columns, columns, source), source)
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    return Examples(lines=lines, count=len(rows), columns=columns)


def _check_rows(method: Method[Any], rows: list[Row], columns: tuple[str, ...], source: str) -> None:
    """The first example says which columns are read; the trainer would fail at another that lacks one, much later."""
    for number, row in enumerate(rows, start=1):
        missing = next((name for name in columns if row.get(name) is None), None)
        if missing is not None:
            raise DatasetError(
                f"dataset.source: {source}: example {number} has no {missing}, which {method.name} needs"
            )
    if problem := method.rows_problem(rows):
        raise DatasetError(f"dataset.source: {source}: {problem}")


def _with_turns(method: Method[Any], rows: list[Row]) -> list[Row]:
    """Makes rows with the method's columns from questions (and answers), as turns of a conversation, where it can."""
    columns = rows[0].keys()
    question = next((name for name in _QUESTIONS if name in columns), None)
    answer = next((name for name in _ANSWERS if name in columns), None)
    make = method.row_of_turns
    if make is None or question is None or any(set(names) <= set(columns) for names in method.columns):
        return rows
    made = [
        make(row, _turn("user", row[question]), None if answer is None else _turn("assistant", row[answer]))
        for row in rows
    ]
    return [row if found is None else found for row, found in zip(rows, made, strict=True)]


def _turn(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def _rows_of_files(uri: str) -> list[Row]:
    """JSON lines of one file, or of all `.jsonl` files below a prefix in order of their names."""
    if uri.endswith(".jsonl"):
        content = storage.read_bytes(uri)
        if content is None:
            raise DatasetError(f"dataset.source: there is no file {uri}")
        return _parse(content, uri)
    names = [name for name in storage.list_files(uri) if name.endswith(".jsonl")]
    if not names:
        raise DatasetError(f"dataset.source: there are no .jsonl files below {uri}")
    return [
        row for name in names for row in _parse(storage.read_bytes(storage.join(uri, name)) or b"", f"{uri}/{name}")
    ]


def _parse(content: bytes, uri: str) -> list[Row]:
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"dataset.source: {uri}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DatasetError(f"dataset.source: {uri}, line {number} is not a JSON object")
        rows.append(row)
    return rows


def _rows_of_hub(name: str, subset: str | None, split: str, limit: int | None) -> list[Row]:
    from datasets import load_dataset

    try:
        dataset = load_dataset(name, subset, split=split)
    except (OSError, ValueError) as error:
        raise DatasetError(f"dataset.source: {name} cannot be read from the hub: {error}") from error
    return dataset.select(range(min(limit or len(dataset), len(dataset)))).to_list()
