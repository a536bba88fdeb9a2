"""Runs one flow and records what becomes of it.

`python -m posttraining.driver.supervisor <run directory> <flow file> <lock descriptor> <ready descriptor>`, started by
the local orchestrator in a session of its own, in the run directory, with the run's environment and with the run's log
as standard output and error.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType

from posttraining.driver.disk import Reserve, full_disk, is_full
from posttraining.driver.metaflow_log import find_error, read_tail
from posttraining.driver.processes import ProcessIdentity, end_processes, processes_of_run, this_machine, wait_for_end
from posttraining.driver.record import RunError, RunRecord, RunStatus, now

GRACE_SECONDS = 10.0
"""How long a process has between SIGTERM and SIGKILL."""

_LEFTOVER_SECONDS = 2.0

_DISK_SECONDS = 10.0
"""How often the disk is looked at. It counts as full when two looks in a row say so: other programs may make room."""

_RECORD_SECONDS = 60.0
"""How long the end of a run is tried to be recorded while the disk has no room for it."""


class Supervisor:
    """Supervises one run from its start to its final status."""

    def __init__(self, record: RunRecord, flow_file: Path) -> None:
        self._record = record
        self._flow_file = flow_file
        self._table = this_machine()
        self._status = RunStatus(status="running", started_at=now())
        self._stopping = False
        self._reserve = Reserve(record.directory)
        self._disk_looked_at = time.monotonic()
        self._full_disk: str | None = None

    def announce(self) -> None:
        """Records that the run is live, and that this process supervises it."""
        identity = self._table.identify(os.getpid())
        if identity is None:
            raise RuntimeError("this process is not in the process table")
        self._reserve.keep()
        self._record.write_supervisor(identity)
        self._record.write_status(self._status)

    def run(self) -> None:
        """Runs the flow to its end, or until SIGTERM, and records the outcome."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            code = self._run_flow()
            outcome = self._outcome(code)
        except Exception as error:
            traceback.print_exc()
            message = f"the supervising process failed: {type(error).__name__}: {error}"
            outcome = replace(self._status, status="failed", error=RunError(None, message, []))
            end_processes(self._table, self._members, GRACE_SECONDS)
        self._record.remove_temporary_directory()
        self._reserve.release()
        self._write_outcome(replace(outcome, finished_at=now()))

    def _write_outcome(self, outcome: RunStatus) -> None:
        """Records the end; on a full disk as soon as there is room."""
        deadline = time.monotonic() + _RECORD_SECONDS
        while True:
            try:
                self._record.write_status(outcome)
                return
            except OSError as error:
                if not is_full(error) or time.monotonic() > deadline:
                    raise
                print(f"the end of the run cannot be recorded yet: {error}", file=sys.stderr)
                time.sleep(1)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _members(self) -> list[ProcessIdentity]:
        return processes_of_run(self._table, self._record.mark, self._table.identify(os.getpid()))

    def _run_flow(self) -> int:
        command = [
            *(sys.executable, "-u", str(self._flow_file), "--no-pylint"),
            *("--config", "run", str(self._record.run_file)),
            *("run", "--runner-attribute-file", str(self._record.attributes_file)),
        ]
        flow = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while True:
            try:
                code = flow.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                self._learn_run_id()
            if self._stopping or self._is_disk_full():
                end_processes(self._table, self._members, GRACE_SECONDS)
                code = flow.wait()
                break
        self._learn_run_id()
        # What the flow started should be over; a helper that is still writing gets a moment, a stray process no more.
        if not wait_for_end(self._members, _LEFTOVER_SECONDS):
            end_processes(self._table, self._members, GRACE_SECONDS)
        return code

    def _is_disk_full(self) -> bool:
        if time.monotonic() - self._disk_looked_at < _DISK_SECONDS:
            return False
        self._disk_looked_at = time.monotonic()
        folders = (self._record.directory, self._record.temporary_directory)
        before, self._full_disk = self._full_disk, next(filter(None, map(full_disk, folders)), None)
        return before is not None and self._full_disk is not None

    def _learn_run_id(self) -> None:
        if self._status.run_id is not None:
            return
        try:
            attributes = json.loads(self._record.attributes_file.read_bytes())
        except (FileNotFoundError, json.JSONDecodeError):
            # Not written yet, or only in part.
            return
        run_id = str(attributes["run_id"])
        self._status = replace(self._status, run_id=run_id, pathspec=f"{attributes['flow_name']}/{run_id}")
        self._record.write_status(self._status)
        self._record.attributes_file.unlink()

    def _outcome(self, code: int) -> RunStatus:
        if code == 0 and self._status.pathspec is not None:
            return self._read_outcome(self._status.pathspec)
        if self._stopping:
            return replace(self._status, status="stopped")
        if self._full_disk is not None:
            step = find_error(read_tail(self._record.log_file)).step
            message = f"{self._full_disk}; the run was ended, since it cannot go on: make room"
            return replace(self._status, status="failed", error=RunError(step, message, []))
        return replace(self._status, status="failed", error=find_error(read_tail(self._record.log_file)))

    def _read_outcome(self, pathspec: str) -> RunStatus:
        from posttraining.driver.results import UnusableResult, read_result, write_cards

        cards: list[str] = []
        try:
            cards = write_cards(pathspec, self._record.cards_directory)
        except Exception:
            # A run without its pictures is still a run.
            traceback.print_exc()
        try:
            result = read_result(pathspec)
        except UnusableResult as problem:
            return replace(self._status, status="failed", cards=cards, error=RunError("end", str(problem), []))
        except Exception as error:
            traceback.print_exc()
            message = f"the run ended, but its result cannot be read: {type(error).__name__}: {error}"
            return replace(self._status, status="failed", cards=cards, error=RunError(None, message, []))
        promoted = result["promoted"]
        return replace(self._status, status="succeeded" if promoted else "rejected", result=result, cards=cards)


def main(arguments: list[str]) -> None:
    """Runs the supervisor with the arguments that the module's description names."""
    directory, flow_file, lock, ready = arguments
    path = Path(directory)
    supervisor = Supervisor(RunRecord(path.parent, path.name), Path(flow_file))
    supervisor.announce()
    # The lock was inherited, so that nobody finds a started run without a record; from here on there is one.
    os.close(int(lock))
    os.write(int(ready), b"ready")
    os.close(int(ready))
    supervisor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
