"""Progress of a run as lines on standard output, which a driver follows, and as a file, which the live card follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from posttraining.contracts.progress import Progress

PREFIX = "POSTTRAINING_PROGRESS "
Phase = Literal["train", "evaluate"]


def progress_line(
    phase: Phase,
    step: int,
    total_steps: int,
    seconds_left: float | None,
    loss: float | None = None,
    metric: dict[str, float] | None = None,
) -> str:
    """One line for a driver: the prefix and a JSON object (contracts/progress.ts)."""
    event: Progress = {"phase": phase, "step": step, "totalSteps": total_steps}
    if loss is not None:
        event["loss"] = loss
    if metric:
        event["metric"] = metric
    event["secondsLeft"] = None if seconds_left is None else round(seconds_left, 1)
    return PREFIX + json.dumps(event)


def report(*arguments: Any, **named: Any) -> None:
    """Prints a progress line; arguments as in `progress_line`."""
    print(progress_line(*arguments, **named), flush=True)


def append_history(file: Path, entry: dict[str, float]) -> None:
    """Adds what the trainer logged at one step to the file that the live card reads."""
    with file.open("a") as stream:
        stream.write(json.dumps(entry) + "\n")


def read_history(file: Path) -> list[dict[str, float]]:
    """All entries so far, in order; a line that is still being written is left for the next time."""
    if not file.is_file():
        return []
    *lines, _partial = file.read_text().split("\n")
    return [json.loads(line) for line in lines]
