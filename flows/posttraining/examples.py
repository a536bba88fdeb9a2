"""Training examples: where they come from, what columns each method needs, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from posttraining import storage, tiny_task
from posttraining.recipe import Recipe

Row = dict[str, Any]

# Column sets that TRL's trainers accept, the first that fits wins.
_COLUMNS = {
    "sft": (("prompt", "completion"), ("messages",), ("text",)),
    "dpo": (("prompt", "chosen", "rejected"), ("chosen", "rejected")),
    "grpo": (("prompt",),),
}

# Columns of public datasets that become turns of a conversation where the method's own columns are missing.
_QUESTIONS = ("question", "problem")
_ANSWERS = ("answer", "response")


class DatasetError(ValueError):
    """A dataset that cannot be read or lacks columns; the message names it and says what is needed."""


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

    Columns are TRL's. Questions (`question`, `problem`) become prompts, for SFT with answers (`answer`, `response`).

    Raises:
        DatasetError: if there is no such dataset, a line is not JSON, or the method's columns are missing.
    """
    dataset, method = recipe["dataset"], recipe["method"]
    source = dataset["source"]
    if source.startswith("tiny:"):
        if source != tiny_task.DATASET:
            raise DatasetError(f"dataset.source: {source} is not known; the project makes {tiny_task.DATASET}")
        rows = tiny_task.training_rows(method)
    elif source.startswith(("s3://", "file://")):
        rows = _rows_of_files(source)
    else:
        rows = _rows_of_hub(source, dataset.get("subset"), dataset["split"], dataset.get("limit"))
    rows = rows[: dataset.get("limit")]
    if not rows:
        raise DatasetError(f"dataset.source: {source} has no examples")
    rows = _with_turns(method, rows)
    columns = tuple(rows[0])
    usable_columns(method, columns, source)
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    return Examples(lines=lines, count=len(rows), columns=columns)


def usable_columns(method: str, columns: tuple[str, ...], source: str = "the dataset") -> tuple[str, ...]:
    """The set of columns that the method's trainer will read.

    Raises:
        DatasetError: if none of the method's sets is complete.
    """
    for names in _COLUMNS[method]:
        if set(names) <= set(columns):
            return names
    needed = ", or ".join(" and ".join(names) for names in _COLUMNS[method])
    raise DatasetError(f"dataset.source: {source} has columns {', '.join(columns)}; {method} needs {needed}")


def _with_turns(method: str, rows: list[Row]) -> list[Row]:
    """Adds prompt (and for SFT completion) as turns of a conversation from questions (and answers).

    Other columns stay: rewards read them.
    """
    columns = rows[0].keys()
    question = next((name for name in _QUESTIONS if name in columns), None)
    answer = next((name for name in _ANSWERS if name in columns), None)
    if question is None or any(set(names) <= set(columns) for names in _COLUMNS[method]):
        return rows
    if method == "grpo":
        return [{"prompt": _turn("user", row[question]), **row} for row in rows]
    if method == "sft" and answer is not None:
        return [{"prompt": _turn("user", row[question]), "completion": _turn("assistant", row[answer])} for row in rows]
    return rows


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
