"""Reads the log that Metaflow's scheduler writes: steps, progress and the cause of a failure.

The forms are those of Metaflow 2.19 (metaflow/runtime.py, `Worker` and `Task.log`):

    2025-01-31 12:00:00.000 [<run>/<step>/<task> (pid <pid>)] <what the task printed, or a message about the task>

Metaflow strips each line that it passes on, so the indentation of tracebacks is lost.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeGuard

from posttraining.contracts.driver_event import ProgressEvent, StepEvent
from posttraining.contracts.progress import Progress
from posttraining.driver.record import RunError
from posttraining.progress import PREFIX as PROGRESS_PREFIX
from posttraining.schema_problems import is_mapping

_TASK_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} "
    r"\[[^/\]]+/(?P<step>[^/\]]+)/(?P<task>[^/\] ]+)(?: \(pid (?P<pid>\d+)\))?\] ?(?P<text>.*)"
)
_FLOW_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?P<text>[^\[].*)")
_STATES: dict[str, Literal["started", "finished", "failed", "retrying"]] = {
    "Task is starting.": "started",
    "Task is starting (retry).": "retrying",
    "Task fallback is starting to handle the failure.": "retrying",
    "Task finished successfully.": "finished",
    "Task failed.": "failed",
    "Task failed with a segmentation fault.": "failed",
}
_STEP_FAILED = re.compile(r"<flow \S+ step \S+> failed:$")
_RANK = re.compile(r"^\[rank\d+\]: ?")
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line \d+')
_CARETS = re.compile(r"[\^~ ]+$")
_EXCEPTION = re.compile(r"(?:\w+\.)*[A-Za-z_]\w*(?::.*)?$")
_METAFLOW_FILE = re.compile(r"/site-packages/metaflow/")
# These only say that a child process failed; the child's own exception is above them.
_OF_A_CHILD = re.compile(r"(?:\w+\.)*(?:CalledProcessError|ChildFailedError)\b")


@dataclass(frozen=True)
class TaskLine:
    """One line of the log that belongs to a task. `attempt` differs between a task's attempts."""

    step: str
    task: str
    attempt: str
    text: str


def parse_line(line: str) -> TaskLine | None:
    """Returns the parts of a line that belongs to a task, or None for any other line."""
    found = _TASK_LINE.fullmatch(line.rstrip("\n"))
    if found is None:
        return None
    # A progress bar redraws its line with carriage returns; only the last drawing is of use.
    text = found["text"].rpartition("\r")[2]
    return TaskLine(step=found["step"], task=found["task"], attempt=found["pid"] or "", text=text)


def parse_progress(text: str) -> Progress | None:
    """Returns what a progress line says, or None if there is none in `text` or it is not as contracts/progress.ts has it.

    What stands before and after the line does not matter. Numbers that are not finite are None, in `metric` left out.
    """
    _, prefix, rest = text.partition(PROGRESS_PREFIX)
    if not prefix:
        return None
    try:
        document, _ = json.JSONDecoder().raw_decode(rest.lstrip())
    except json.JSONDecodeError:
        return None
    if not is_mapping(document):
        return None
    phase, step, total_steps = document.get("phase"), document.get("step"), document.get("totalSteps")
    if phase not in ("train", "evaluate") or not _is_count(step) or not _is_count(total_steps):
        return None
    progress: Progress = {"phase": phase, "step": step, "totalSteps": total_steps}
    if "loss" in document:
        progress["loss"] = document["loss"] if _is_finite(document["loss"]) else None
    metric = document.get("metric")
    if is_mapping(metric):
        progress["metric"] = {name: value for name, value in metric.items() if _is_finite(value)}
    if "secondsLeft" in document:
        progress["secondsLeft"] = document["secondsLeft"] if _is_finite(document["secondsLeft"]) else None
    return progress


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class LogEvents:
    """Turns log lines into the events that `watch` streams.

    A step is `started` with its first task and `finished` when none of its tasks is under way any more; `failed` and
    `retrying` are told for each task.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, set[str]] = {}

    def read(self, lines: Iterable[str]) -> list[ProgressEvent | StepEvent]:
        """Returns the events of some lines, in order; of several progress lines of one task and phase only the last."""
        events: list[ProgressEvent | StepEvent | None] = []
        newest: dict[tuple[str, str, str], int] = {}
        for line in lines:
            parsed = parse_line(line)
            if parsed is None:
                continue
            progress = parse_progress(parsed.text)
            if progress is not None:
                place = (parsed.step, parsed.task, progress["phase"])
                if place in newest:
                    events[newest[place]] = None
                newest[place] = len(events)
                events.append({"event": "progress", **progress})
                continue
            state = _STATES.get(parsed.text)
            if state is not None and self._changes(parsed, state):
                events.append({"event": "step", "step": parsed.step, "state": state})
        return [event for event in events if event is not None]

    def _changes(self, line: TaskLine, state: str) -> bool:
        tasks = self._under_way.setdefault(line.step, set())
        first = not tasks
        if state in ("started", "retrying"):
            tasks.add(line.task)
            return state == "retrying" or first
        tasks.discard(line.task)
        return state == "failed" or not tasks


def read_tail(file: Path, size: int = 4 * 1024 * 1024) -> list[str]:
    """Returns the last lines of a file, at most `size` bytes of them; none if there is no such file."""
    try:
        with file.open("rb") as stream:
            end = stream.seek(0, 2)
            stream.seek(max(0, end - size))
            lines = stream.read().decode("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    return lines[1:] if end > size else lines


def find_error(lines: Iterable[str], limit: int = 40) -> RunError:
    """Finds out from the log of a failed run which step failed and why.

    Args:
        lines: the log, or its end.
        limit: the greatest number of lines to return.
    """
    lines = list(lines)
    tasks: list[TaskLine] = []
    failed: TaskLine | None = None
    over = False
    for line in lines:
        flow_line = _FLOW_LINE.fullmatch(line.rstrip("\n"))
        # After this line tasks fail only because Metaflow ends them.
        over = over or (flow_line is not None and flow_line["text"] == "Workflow failed.")
        parsed = parse_line(line)
        if parsed is None:
            continue
        tasks.append(parsed)
        if not over and _STATES.get(parsed.text) == "failed":
            failed = parsed
    if failed is not None:
        printed = [line.text for line in tasks if (line.task, line.attempt) == (failed.task, failed.attempt)]
        cause = _find_cause(printed)
        message = cause.message or (
            "the process of this step was ended from outside, for example by the kernel because memory ran out"
        )
        return RunError(step=failed.step, message=message, lines=cause.lines[-limit:])
    unfinished = _unfinished(tasks)
    if unfinished is not None:
        printed = [line.text for line in tasks if (line.task, line.attempt) == (unfinished.task, unfinished.attempt)]
        cause = _find_cause(printed)
        return RunError(step=unfinished.step, message="the flow ended during this step", lines=cause.lines[-limit:])
    outside = [line.rstrip() for line in lines if parse_line(line) is None and not _FLOW_LINE.fullmatch(line.rstrip())]
    outside = [line for line in outside if line.strip()]
    cause = _find_cause(outside)
    message = cause.message or (outside[-1].strip() if outside else "the flow ended without a message")
    return RunError(step=None, message=message, lines=outside[-limit:])


def _unfinished(tasks: list[TaskLine]) -> TaskLine | None:
    under_way: dict[tuple[str, str], TaskLine] = {}
    for line in tasks:
        state = _STATES.get(line.text)
        if state in ("started", "retrying"):
            under_way[(line.step, line.task)] = line
        elif state is not None:
            under_way.pop((line.step, line.task), None)
    return next(reversed(under_way.values()), None)


@dataclass(frozen=True)
class _Cause:
    message: str | None
    lines: list[str]


def _find_cause(printed: Iterable[str]) -> _Cause:
    """Splits what a task printed into the message of its exception and the lines worth showing."""
    kept: list[str] = []
    exceptions: list[str] = []
    headline: list[str] | None = None
    reader = _TracebackReader()
    for text in _without_chatter(printed):
        if text is None:
            headline = []
            continue
        if headline is not None and text.strip():
            headline.append(text.strip())
        kind = reader.kind_of(text)
        if kind == "exception":
            exceptions.append(_RANK.sub("", text).strip())
        if kind != "metaflow":
            kept.append(text)
    while kept and not kept[-1].strip():
        kept.pop()
    if exceptions:
        own = [exception for exception in exceptions if not _OF_A_CHILD.match(exception)]
        return _Cause(message=(own or exceptions)[-1], lines=kept)
    # A MetaflowException is printed without a traceback: a headline, then the message.
    return _Cause(message=" ".join(headline) if headline else None, lines=kept)


def _without_chatter(printed: Iterable[str]) -> Iterator[str | None]:
    """Yields the lines that the task's own code printed, and None where Metaflow says that the step failed."""
    for text in printed:
        if text in _STATES or text == "Internal error" or text == "[KILLED BY ORCHESTRATOR]":
            continue
        if PROGRESS_PREFIX in text:
            continue
        announced = _STEP_FAILED.search(text)
        if announced is None:
            yield text
            continue
        if text[: announced.start()].strip():
            yield text[: announced.start()]
        yield None


class _TracebackReader:
    """Follows tracebacks whose indentation may be lost, to tell the exception and Metaflow's own frames."""

    def __init__(self) -> None:
        self._inside = False
        self._frame: str | None = None
        self._source_is_next = False

    def kind_of(self, text: str) -> str:
        """Returns what the next line is: `metaflow` (a frame of Metaflow's own), `exception` or `other`."""
        bare = _RANK.sub("", text).strip()
        if bare == _TRACEBACK:
            self._inside = True
            self._frame = None
            return "other"
        if not self._inside:
            return "other"
        frame = _FRAME.match(bare)
        if frame is not None:
            file = frame["file"]
            self._frame = file
            # Code without a file, such as "<string>", has no source line.
            self._source_is_next = not file.startswith("<")
            return self._of_frame()
        if self._frame is None:
            return "other"
        if self._source_is_next:
            self._source_is_next = False
            return self._of_frame()
        if _CARETS.match(bare) or bare.startswith("[Previous line repeated"):
            return self._of_frame()
        if _EXCEPTION.match(bare):
            self._inside = False
            return "exception"
        return "other"

    def _of_frame(self) -> str:
        return "metaflow" if self._frame is not None and _METAFLOW_FILE.search(self._frame) else "other"
