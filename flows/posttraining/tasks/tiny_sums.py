"""Data and scores of the `tiny_sums` tasks, for lm-eval's `!function`."""

from __future__ import annotations

from typing import Any

from datasets import Dataset

from posttraining import tiny_task


def sums(**_: Any) -> dict[str, Dataset]:
    """All sums as split `test`."""
    return {"test": Dataset.from_list(tiny_task.evaluation_rows())}


def preferences(**_: Any) -> dict[str, Dataset]:
    """One pair of answers for every sum as split `test`."""
    return {"test": Dataset.from_list(tiny_task.preference_rows())}


def score(document: dict[str, str], results: list[str]) -> dict[str, float]:
    """Scores one generated answer."""
    return {
        "exact_match": float(tiny_task.is_exact(results[0], document["answer"])),
        "number": float(tiny_task.is_right(results[0], document["answer"])),
    }
