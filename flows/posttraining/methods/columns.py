"""Which columns of the examples a trainer reads."""

from __future__ import annotations

Columns = tuple[tuple[str, ...], ...]
"""Sets of columns that one of TRL's trainers accepts; the first that is complete wins."""


class DatasetError(ValueError):
    """A dataset that cannot be read or lacks columns; the message names it and says what is needed."""


def usable_columns(
    method: str, accepted: Columns, columns: tuple[str, ...], source: str = "the dataset"
) -> tuple[str, ...]:
    """The set of columns that the method's trainer will read.

    Raises:
        DatasetError: if none of the method's sets is complete.
    """
    for names in accepted:
        if set(names) <= set(columns):
            return names
    needed = ", or ".join(" and ".join(names) for names in accepted)
    raise DatasetError(f"dataset.source: {source} has columns {', '.join(columns)}; {method} needs {needed}")
