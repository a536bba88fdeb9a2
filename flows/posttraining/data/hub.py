"""Rows of data sets on the hub."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from posttraining.data.sources import JsonLines, Row, RowSource
from posttraining.methods.columns import DatasetError

_COMMIT_DIGITS = 40


def commit_of(name: str, revision: str | None) -> str | None:
    """The commit that a revision of a data set is now; None where the hub cannot be asked."""
    if (
        revision is not None
        and len(revision) == _COMMIT_DIGITS
        and all(digit in "0123456789abcdef" for digit in revision)
    ):
        return revision
    from huggingface_hub import HfApi

    try:
        return HfApi().dataset_info(name, revision=revision).sha
    except (OSError, ValueError):
        # Requests that fail, and those that HF_HUB_OFFLINE forbids, are OSErrors.
        return None


def licence_of(kind: str, name: str) -> str | None:
    """What the hub says of the licence of a `model` or `dataset`, as a sentence; None where it cannot be asked."""
    from huggingface_hub import HfApi

    try:
        hub = HfApi()
        tags = (hub.model_info(name) if kind == "model" else hub.dataset_info(name)).tags or []
    except (OSError, ValueError):
        return None
    found = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    return f"{name} has the licence {', '.join(found)}" if found else f"{name} states no licence"


def rows_of_hub(
    name: str, subset: str | None, split: str, revision: str | None, first: int | None, scratch: Path
) -> RowSource:
    """Rows of a data set on the hub.

    JSON files are read as they are written: `datasets` takes a text such as 2024-01-01 for a date, and fails where a column that was
    null for long holds something later.

    Args:
        name: hub id.
        subset: hub configuration.
        split: split, or a part of one.
        revision: branch, tag or commit.
        first: no more rows than the first so many are needed: then no more are fetched; None: all.
        scratch: folder for what is written on the way.

    Raises:
        DatasetError: if it cannot be read.
    """
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetsError

    try:
        builder = load_dataset_builder(name, subset, revision=revision)
        files = _json_files(builder, split, scratch)
        if files is not None:
            return JsonLines(files)
        if first is not None and "[" not in split:
            stream: Any = load_dataset(name, subset, split=split, revision=revision, streaming=True)
            return _written(islice(stream, first), scratch)
        return _Table(load_dataset(name, subset, split=split, revision=revision))
    except (OSError, ValueError, DatasetsError) as error:
        cause = error.__cause__ or error
        raise DatasetError(f"dataset.source: {name} cannot be read from the hub: {cause}") from error


class _Table:
    """Rows of a table that lies in a file on this machine (Arrow)."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def count(self) -> int:
        """How many there are."""
        return len(self._table)

    def row(self, number: int) -> Row:
        """One of them."""
        return self._table[number]


def _json_files(builder: Any, split: str, scratch: Path) -> list[tuple[str, Path]] | None:
    """A split's files, where it is made of JSON lines; None where it is not."""
    config = builder.config
    data_files = getattr(config, "data_files", None)
    from datasets import DownloadConfig, DownloadManager
    from datasets.packaged_modules.json.json import Json

    if not isinstance(builder, Json) or not data_files or split not in data_files or config.field is not None:
        return None
    origins = list(data_files[split])
    manager = DownloadManager(
        dataset_name=builder.dataset_name, download_config=DownloadConfig(extract_compressed_file=True)
    )
    found = [Path(file) for file in manager.download_and_extract(origins)]
    if not all(file.is_file() for file in found):
        return None
    files = [(str(origin), file) for origin, file in zip(origins, found, strict=True)]
    return [(name, _as_lines(file, scratch / f"{place}.jsonl")) for place, (name, file) in enumerate(files)]


def _as_lines(file: Path, lines: Path) -> Path:
    """A file of JSON lines; of one JSON list, what it holds as lines."""
    with file.open("rb") as content:
        if not content.read(64).lstrip().startswith(b"["):
            return file
    _write(json.loads(file.read_bytes()), lines)
    return lines


def _written(rows: Any, scratch: Path) -> JsonLines:
    file = scratch / "streamed.jsonl"
    _write(rows, file)
    return JsonLines([("the stream of the hub", file)])


def _write(rows: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
