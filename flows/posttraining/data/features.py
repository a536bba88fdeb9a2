"""The table that TRL reads, with types that are said, not guessed.

`Dataset.from_json` guesses them anew from each block of a file: a text such as 2024-01-01 becomes a date, and a column that is null for
long fails where it holds something later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posttraining.methods.method import Row

_SCALARS = ((bool, "bool"), (str, "string"), (int, "int64"), (float, "float64"))


def dataset_of(file: Path, cache: Path) -> Any:
    """A dataset of examples, in a file that processes of one machine share.

    Args:
        file: JSON lines, each with the columns of the first.
        cache: folder for the dataset's file.
    """
    from datasets import Dataset

    return Dataset.from_generator(
        _examples, features=_features(str(file)), cache_dir=str(cache), gen_kwargs={"file": str(file)}
    )


def _examples(file: str) -> Iterator[Row]:
    with Path(file).open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _features(file: str) -> Any:
    from datasets import Features

    kinds: dict[str, str] = {}
    for example in _examples(file):
        for column, value in example.items():
            kind = _kind(value)
            known = kinds.setdefault(column, kind)
            if known != kind and kind != "null":
                kinds[column] = kind if known == "null" else _common(known, kind)
    return Features({column: _feature(kind) for column, kind in kinds.items()})


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        plain = all(turn.keys() == {"role", "content"} for turn in value)
        return "turns" if plain else "turns with more"
    return next((kind for type_, kind in _SCALARS if isinstance(value, type_)), "json")


def _common(known: str, kind: str) -> str:
    if {known, kind} == {"turns", "turns with more"}:
        return "turns with more"
    return "float64" if {known, kind} == {"int64", "float64"} else "json"


def _feature(kind: str) -> Any:
    from datasets import Json, List, Value

    if kind == "turns":
        return List({"role": Value("string"), "content": Value("string")})
    if kind == "turns with more":
        # Keys differ from turn to turn: a table's own structure would give each turn all of them.
        return List(Json())
    return Json() if kind in ("json", "null") else Value(kind)
