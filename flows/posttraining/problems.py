"""How a problem is worded: `path: what is there, and what to write instead`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence


def shown(value: object) -> str:
    """A value as a message quotes it."""
    return json.dumps(value, ensure_ascii=False)


def repeated(values: Sequence[object], path: str, field: str = "") -> Iterator[str]:
    """Values that are there twice, each named where it is there again."""
    for index, value in enumerate(values):
        first = values.index(value)
        if first < index:
            yield f"{path}[{index}]{field}: got {shown(value)}, which is {path}[{first}] already"
