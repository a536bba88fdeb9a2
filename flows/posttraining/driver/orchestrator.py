"""What the driver needs from an orchestrator. `local` is the one that there is; others follow the same contract."""

from collections.abc import Callable
from typing import Protocol

from posttraining.contracts.driver_event import DriverEvent
from posttraining.contracts.run_description import RunDescription
from posttraining.contracts.run_document import RunDocument
from posttraining.driver.record import RunStatus
from posttraining.driver.request import FlowToRun

Emit = Callable[[DriverEvent], None]
"""Sends one event to the caller."""

MISSING: RunDescription = {
    "status": "missing",
    "runId": None,
    "pathspec": None,
    "startedAt": None,
    "finishedAt": None,
    "result": None,
    "cards": [],
    "logFile": None,
    "damage": [],
    "error": None,
}
"""The description of a run that does not exist."""


class Orchestrator(Protocol):
    """Runs flows under keys. Every operation but `stop_all` concerns the run with one key.

    All operations raise DriverError if they cannot be carried out.
    """

    def start(self, key: str, flow: FlowToRun, instead_of: str | None = None) -> RunDescription:
        """Starts a run unless one with this key is live, succeeded or rejected; returns the run's description.

        Args:
            key: name of the run.
            flow: what to run.
            instead_of: id of a run that succeeded or was rejected and is to be run again, since its model was lost. A
                run with another id is left alone: it is the one that was asked for by an earlier request.
        """
        ...

    def watch(self, key: str, emit: Emit) -> RunDescription:
        """Emits `progress` and `step` events until the run ends; returns its description."""
        ...

    def describe(self, key: str) -> RunDescription:
        """Returns the run's description, `MISSING` if there is none."""
        ...

    def stop(self, key: str) -> RunDescription:
        """Ends a live run and waits for the end of all its processes; returns its description."""
        ...

    def delete(self, key: str) -> RunDescription:
        """Stops the run and removes its record; returns `MISSING`."""
        ...

    def repair(self, key: str, run: RunDocument, known: RunStatus) -> RunDescription:
        """Writes anew what was lost of a finished run whose model is there: record, cards, lineage, promotion.

        Args:
            key: name of the run.
            run: the document that the flow was given.
            known: how the run ended, for a record that says nothing any more.
        """
        ...

    def stop_all(self) -> list[str]:
        """Stops every live run; returns the keys of those that it stopped."""
        ...
