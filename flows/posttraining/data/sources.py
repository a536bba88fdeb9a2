"""Rows of a data set, one at a time and in any order, without holding them in memory."""

from __future__ import annotations

import json
import random
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from posttraining import storage
from posttraining.methods.columns import DatasetError

Row = dict[str, Any]


class RowSource(Protocol):
    """Rows by their numbers, from 0."""

    def count(self) -> int:
        """How many there are."""
        ...

    def row(self, number: int) -> Row:
        """One of them. Raises DatasetError if it is none."""
        ...


class Listed:
    """Rows that are made here."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def count(self) -> int:
        """How many there are."""
        return len(self._rows)

    def row(self, number: int) -> Row:
        """One of them."""
        return self._rows[number]


class JsonLines:
    """Rows of files with one JSON object a line; of each only its place in the file is held."""

    def __init__(self, files: Sequence[tuple[str, Path]]) -> None:
        """`files`: each with the name that messages have for it."""
        self._files = files
        self._places, self._lines, self._ends = array("Q"), array("Q"), array("Q")
        for _name, file in files:
            with file.open("rb") as lines:
                place = 0
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        self._places.append(place)
                        self._lines.append(number)
                    place += len(line)
            self._ends.append(len(self._places))

    def count(self) -> int:
        """How many there are."""
        return len(self._places)

    def row(self, number: int) -> Row:
        """One of them. Raises DatasetError if it is no JSON object."""
        name, file = self._files[bisect_right(self._ends, number)]
        with file.open("rb") as content:
            content.seek(self._places[number])
            line = content.readline()
        try:
            row = json.loads(line)
        # Thousands of brackets in each other are more than Python reads.
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"dataset.source: {name}, line {self._lines[number]} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DatasetError(f"dataset.source: {name}, line {self._lines[number]} is not a JSON object")
        return cast(Row, row)


def rows_of_store(uri: str, scratch: Path) -> JsonLines:
    """JSON lines of one file, or of all `.jsonl` files below a prefix in order of their names.

    Args:
        uri: `s3://` or `file:///` path.
        scratch: folder for what is not on this machine.

    Raises:
        DatasetError: if there is nothing.
    """
    if uri.endswith(".jsonl"):
        file = storage.local_file(uri, scratch)
        if file is None:
            raise DatasetError(f"dataset.source: there is no file {uri}")
        return JsonLines([(uri, file)])
    names = [name for name in storage.list_files(uri) if name.endswith(".jsonl")]
    if not names:
        raise DatasetError(f"dataset.source: there are no .jsonl files below {uri}")
    files = [(f"{uri}/{name}", storage.local_file(storage.join(uri, name), scratch / name)) for name in names]
    return JsonLines([(name, file) for name, file in files if file is not None])


def in_order(rows: RowSource, seed: int | None) -> Iterator[int]:
    """Numbers of rows, in their own order or shuffled by a seed: the same everywhere."""
    if seed is None:
        yield from range(rows.count())
        return
    # Eight bytes a row, where a list of numbers would take five times as much.
    numbers = array("Q", range(rows.count()))
    random.Random(seed).shuffle(numbers)
    yield from numbers
