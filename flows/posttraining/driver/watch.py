"""Follows a live run by its log."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from posttraining.contracts.run_description import RunDescription
from posttraining.driver.metaflow_log import LogEvents
from posttraining.driver.orchestrator import Emit

_INTERVAL_SECONDS = 0.25
_CHUNK_BYTES = 1 << 20

_PARENT = os.getppid()


class ParentEnded(Exception):
    """The process that asked to watch has ended, so nobody reads the events."""


class LogFollower:
    """Reads complete lines that were added to a file since the last call."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._rest = b""

    def read(self) -> list[str]:
        """Returns the new lines without their ends; none while there is no such file."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                added = b"".join(iter(lambda: stream.read(_CHUNK_BYTES), b""))
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]


def watch_log(log_file: Path, describe: Callable[[], RunDescription], emit: Emit) -> RunDescription:
    """Emits the events of a log, from its beginning, until the run is no longer live; returns its last description.

    Raises:
        ParentEnded: this process's parent has ended.
    """
    follower = LogFollower(log_file)
    events = LogEvents()
    while True:
        # Asked before the log is read: what a run that has ended wrote is then read to its end.
        description = describe()
        for event in events.read(follower.read()):
            emit(event)
        if description["status"] != "running":
            return description
        if os.getppid() != _PARENT:
            raise ParentEnded
        time.sleep(_INTERVAL_SECONDS)
