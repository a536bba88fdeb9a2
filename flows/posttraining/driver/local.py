"""Runs flows on this machine, one directory and one supervising process for each run."""

import os
import select
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from posttraining.contracts.run_description import RunDescription
from posttraining.contracts.run_document import RunDocument
from posttraining.driver.disk import LEAST_FREE_BYTES, free_bytes
from posttraining.driver.environment import OWNER_VARIABLE, environment_of_run
from posttraining.driver.errors import DriverError
from posttraining.driver.metaflow_log import find_error, read_tail
from posttraining.driver.orchestrator import MISSING, Emit
from posttraining.driver.processes import (
    ProcessIdentity,
    end_processes,
    find_supervisor,
    owner_of,
    processes_of_run,
    this_machine,
    wait_for_end,
)
from posttraining.driver.record import ReadStatus, RunError, RunRecord, RunStatus, now
from posttraining.driver.request import FlowToRun, LocalSettings
from posttraining.driver.supervisor import GRACE_SECONDS
from posttraining.driver.watch import watch_log

_START_SECONDS = 60.0

_LAST_SECONDS = 5.0
"""How long a supervisor that has recorded the end of its run may take to end."""


class LocalOrchestrator:
    """The orchestrator `local`."""

    def __init__(self, settings: LocalSettings, grace_seconds: float = GRACE_SECONDS + 5) -> None:
        """Makes the orchestrator for one runs directory.

        Args:
            settings: where the runs live, and their environment.
            grace_seconds: how long `stop` waits for processes to end before it kills them; longer than the supervisor
                waits, so that it can still record the end.
        """
        self._settings = settings
        self._grace_seconds = grace_seconds
        self._table = this_machine()

    def start(self, key: str, flow: FlowToRun, instead_of: str | None = None) -> RunDescription:
        """See `Orchestrator.start`. Processes that a dead run with this key left are ended first."""
        record = self._record(key)
        with self._file_errors(), record.locked() as lock:
            found = self._status(record)
            status = found.status
            if status is not None and _stands(status, instead_of):
                return record.describe(status, found.damage)
            lost = self._live_without_folder(record)
            self._end(record)
            self._require_room()
            record.make_temporary_directory()
            environment = environment_of_run(os.environ, self._settings, record)
            Path(environment["HOME"]).mkdir(parents=True, exist_ok=True)
            record.prepare(flow.run, Path(environment["METAFLOW_DATASTORE_SYSROOT_LOCAL"]) / ".metaflow")
            self._spawn(record, flow, environment, lock)
            started = self.describe(key)
            return {**started, "damage": [*lost, *started["damage"]]}

    def watch(self, key: str, emit: Emit) -> RunDescription:
        """See `Orchestrator.watch`.

        Raises:
            ParentEnded: the process that asked has ended; the run goes on.
        """
        if self.describe(key) == MISSING:
            return MISSING
        return watch_log(self._record(key).log_file, lambda: self.describe(key), emit)

    def describe(self, key: str) -> RunDescription:
        """See `Orchestrator.describe`."""
        record = self._record(key)
        with self._file_errors():
            found = self._status(record)
            return MISSING if found.status is None else record.describe(found.status, found.damage)

    def stop(self, key: str) -> RunDescription:
        """See `Orchestrator.stop`."""
        record = self._record(key)
        with self._file_errors():
            if not record.directory.exists():
                # The record may have been deleted under a live run.
                self._end(record)
                return MISSING
            with record.locked():
                self._stop(record)
        return self.describe(key)

    def delete(self, key: str) -> RunDescription:
        """See `Orchestrator.delete`."""
        record = self._record(key)
        with self._file_errors():
            if not record.directory.exists():
                self._end(record)
                return MISSING
            with record.locked():
                if record.directory.exists():
                    self._stop(record)
                    record.remove()
        return MISSING

    def repair(self, key: str, run: RunDocument, known: RunStatus) -> RunDescription:
        """See `Orchestrator.repair`."""
        record = self._record(key)
        with self._file_errors(), record.locked():
            found = self._status(record)
            if found.status is not None and found.status.status == "running":
                return record.describe(found.status, found.damage)
            status = found.status if found.status is not None and found.status.result is not None else known
            record.directory.mkdir(parents=True, exist_ok=True)
            record.cards_directory.mkdir(exist_ok=True)
            record.write_run(run)
            record.write_status(status)
            self._restore(record)
            found = self._status(record)
            return MISSING if found.status is None else record.describe(found.status, found.damage)

    def stop_all(self) -> list[str]:
        """See `Orchestrator.stop_all`."""
        directory = self._settings.runs_directory
        if not directory.is_dir():
            return []
        with self._file_errors():
            keys = sorted(entry.name for entry in directory.iterdir() if entry.is_dir() and entry.name[0] != ".")
            live = [key for key in keys if self._is_live(self._record(key))]
        if live:
            with ThreadPoolExecutor(max_workers=len(live)) as pool:
                list(pool.map(self.stop, live))
        return live

    def _record(self, key: str) -> RunRecord:
        return RunRecord(self._settings.runs_directory, key)

    def _supervisor(self, record: RunRecord) -> ProcessIdentity | None:
        """Returns the supervising process if it is live. Where the record does not tell, the machine does."""
        recorded = self._recorded(record)
        if recorded is not None and self._table.identify(recorded.pid) == recorded:
            return recorded
        # Ended, or the record was damaged, changed or deleted.
        return find_supervisor(self._table, record.mark)

    def _members(self, record: RunRecord) -> list[ProcessIdentity]:
        return processes_of_run(self._table, record.mark, self._supervisor(record) or self._recorded(record))

    def _recorded(self, record: RunRecord) -> ProcessIdentity | None:
        """Returns the recorded supervisor, unless it is that of another checkout's run, from which the record was copied.

        Of a checkout that was moved, the folder that its processes name is gone.
        """
        recorded = record.read_supervisor()
        if recorded is None or self._table.identify(recorded.pid) != recorded:
            return recorded
        owner = owner_of(recorded.pid, OWNER_VARIABLE)
        is_another = owner is not None and owner.exists() and owner.resolve() != record.directory.resolve()
        return None if is_another else recorded

    def _live_without_folder(self, record: RunRecord) -> list[str]:
        """Returns, in a sentence, that a run is live whose folder was deleted; nothing if that is not so.

        Such a run cannot go on: its processes work in the folder, and Metaflow's next step fails without it.
        """
        supervisor = None if record.directory.exists() else self._supervisor(record)
        if supervisor is None:
            return []
        return [
            f"{record.directory} was deleted while the run was live, without which it cannot go on: what was left of "
            f"it (process {supervisor.pid} and what that had started) was ended, and the run was started anew"
        ]

    def _is_live(self, record: RunRecord) -> bool:
        status = self._status(record).status
        return (status is not None and status.status == "running") or bool(self._members(record))

    def _status(self, record: RunRecord) -> ReadStatus:
        """Returns the run's status; failed if it is recorded as running and nobody supervises it.

        A run that is supervised runs, whatever became of its record; its supervisor writes the next one.
        """
        if not record.directory.exists():
            return ReadStatus(None, [])
        found = record.read_status()
        supervisor = self._supervisor(record)
        if supervisor is not None and found.status is not None and found.status.status != "running":
            # A supervisor ends as soon as it has recorded the end; one that lives on has recorded no such thing.
            wait_for_end(partial(self._live, supervisor), _LAST_SECONDS)
            supervisor = next(iter(self._live(supervisor)), None)
            found = record.read_status()
        return self._unsupervised(record) if supervisor is None else _supervised(record, found, supervisor)

    def _live(self, process: ProcessIdentity) -> list[ProcessIdentity]:
        return [process] if self._table.identify(process.pid) == process else []

    def _unsupervised(self, record: RunRecord) -> ReadStatus:
        # Read anew: the supervisor may have recorded the end and ended itself since the record was read.
        found = record.read_status()
        status = found.status
        if status is None and found.damage:
            message = f"the record of the run is damaged: {'; '.join(found.damage)}"
            return replace(found, status=RunStatus("failed", now(), error=RunError(None, message, [])))
        if status is None or status.status != "running":
            return found
        error = find_error(read_tail(record.log_file))
        message = (
            "the process that supervised the run ended without recording how the run ended: "
            "it was killed, or the machine was restarted"
        )
        orphans = self._members(record)
        if orphans:
            pids = ", ".join(str(process.pid) for process in orphans)
            message += f"; processes of the run are still live (pid {pids}): stop, delete or start ends them"
        return replace(found, status=replace(status, status="failed", error=RunError(error.step, message, error.lines)))

    def _stop(self, record: RunRecord) -> None:
        live = self._supervisor(record)
        self._end(record)
        status = self._status(record).status
        if status is None or record.read_status().status == status:
            return
        # Nobody recorded the end. A run that was live until now was stopped; any other had failed before.
        if live is not None:
            status = replace(status, status="stopped", error=None)
        record.write_status(replace(status, finished_at=now()))

    def _end(self, record: RunRecord) -> None:
        """Ends all processes of the run. The supervisor, asked to end, records how the run ended."""
        left = end_processes(self._table, lambda: self._members(record), self._grace_seconds)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise DriverError(
                "processes-remain",
                f"processes of the run {record.key} do not end (pid {pids}); end them and try again",
            )
        record.remove_temporary_directory()

    def _require_room(self) -> None:
        directory = self._settings.runs_directory
        free = free_bytes(directory)
        if free < LEAST_FREE_BYTES:
            raise DriverError(
                "disk-full",
                f"the disk of {directory} has {free / 1e6:.0f} MB free; a run needs {LEAST_FREE_BYTES / 1e6:.0f} MB "
                "at least: make room, then try again",
            )

    def _restore(self, record: RunRecord) -> None:
        """Runs the process that writes anew what Metaflow still has of the run; it needs the run's environment."""
        environment = environment_of_run(os.environ, self._settings, record)
        Path(environment["HOME"]).mkdir(parents=True, exist_ok=True)
        record.make_temporary_directory()
        command = (*(sys.executable, "-P", "-m", "posttraining.driver.restore"), str(record.directory))
        done = subprocess.run(
            command, cwd=record.directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        record.remove_temporary_directory()
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no reason was given"]
            raise DriverError("not-restored", f"what is lost of run {record.key} cannot be restored: {lines[-1]}")

    def _spawn(self, record: RunRecord, flow: FlowToRun, environment: dict[str, str], lock: int) -> None:
        ready, told = os.pipe()
        with os.fdopen(ready, "rb") as answer:
            try:
                with record.log_file.open("ab") as log:
                    supervisor = subprocess.Popen(
                        [
                            *(sys.executable, "-P", "-u", "-m", "posttraining.driver.supervisor"),
                            *(str(record.directory), str(flow.file), str(lock), str(told)),
                        ],
                        cwd=record.directory,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        pass_fds=(lock, told),
                    )
            finally:
                os.close(told)
            answered, _, _ = select.select([answer], [], [], _START_SECONDS)
            if answered and answer.read():
                return
        supervisor.kill()
        supervisor.wait()
        record.remove_temporary_directory()
        error = find_error(read_tail(record.log_file))
        raise DriverError("start-failed", f"the supervising process of the run did not start: {error.message}")

    @contextmanager
    def _file_errors(self) -> Generator[None]:
        """Turns errors of the file system below the runs directory into one that says what to do."""
        try:
            yield
        except OSError as error:
            place = error.filename or self._settings.runs_directory
            raise DriverError(
                "runs-directory-unusable",
                f"{place}: {error.strerror}; orchestrator.runsDirectory must be a folder that can be written, "
                "on a disk with free space",
            ) from error


def _supervised(record: RunRecord, found: ReadStatus, supervisor: ProcessIdentity) -> ReadStatus:
    """Returns how a run stands that is supervised: it runs. Where the record says something else, that is told."""
    status = found.status
    if status is not None and status.status == "running":
        return found
    says = "does not say how the run stands" if status is None else f"says that the run is {status.status}"
    told = f"{record.directory} {says}, but process {supervisor.pid} supervises it: it runs"
    known = RunStatus("running", now()) if status is None else status
    running = replace(known, status="running", finished_at=None, result=None, error=None)
    return ReadStatus(running, [*found.damage, told])


def _stands(status: RunStatus, instead_of: str | None) -> bool:
    """Whether a run is the one that is asked for, so that none is started."""
    if status.status == "running":
        return True
    return status.status in ("succeeded", "rejected") and (instead_of is None or instead_of != status.run_id)
