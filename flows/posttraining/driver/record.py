"""The directory of one run: which files it has, and how they are read and written.

`status.json`, its copy and `supervisor.json` are replaced atomically, so a reader needs no lock. Who starts, stops or
deletes a run holds the key's lock, a file beside the directory, so that the directory can be removed under it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.run_description import RunDescription
from posttraining.contracts.run_document import RunDocument
from posttraining.driver.errors import DriverError
from posttraining.driver.processes import ProcessIdentity
from posttraining.json_values import one_line
from posttraining.schema_problems import contract_schema, is_mapping, schema_problems

Status = Literal["running", "succeeded", "rejected", "failed", "stopped"]

# What a record holds of a run's description; what an earlier or a later checkout wrote beside it is passed over.
_RECORDED = ("status", "runId", "pathspec", "startedAt", "finishedAt", "result", "cards", "error")


def now() -> str:
    """Returns the present time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class RunError:
    """Why a run failed.

    Attributes:
        step: the step that failed, None if the flow failed outside of its steps.
        message: one line, the exception if there was one.
        lines: the last log lines of that step, without Metaflow's own frames and messages.
    """

    step: str | None
    message: str
    lines: list[str]


@dataclass(frozen=True)
class RunStatus:
    """What is recorded about a run. Times are ISO 8601 UTC; `cards` are file names in the run's `cards/`."""

    status: Status
    started_at: str
    finished_at: str | None = None
    run_id: str | None = None
    pathspec: str | None = None
    result: FlowResult | None = None
    cards: list[str] = field(default_factory=list[str])
    error: RunError | None = None


@dataclass(frozen=True)
class ReadStatus:
    """What the record says.

    Attributes:
        status: None if there is no record, or none that can be read.
        damage: what could not be read and what was done instead, a sentence each, for people.
    """

    status: RunStatus | None
    damage: list[str]


class _DamagedFileError(ValueError):
    """A file of a record that cannot be read; the message names it."""


class RunRecord:
    """The files of the run with one key."""

    def __init__(self, runs_directory: Path, key: str) -> None:
        self.key = key
        self.directory = runs_directory / key
        self.run_file = self.directory / "run.json"
        self.supervisor_file = self.directory / "supervisor.json"
        self.status_file = self.directory / "status.json"
        # A run may have cost hours: what is known of it is there twice.
        self.status_copy = self.directory / "status.copy.json"
        self.log_file = self.directory / "log.txt"
        self.cards_directory = self.directory / "cards"
        # Metaflow writes its run id here when the run begins; gone as soon as it is in status.json.
        self.attributes_file = self.directory / "metaflow-run.json"
        self.lock_file = runs_directory / f".{key}.lock"

    @property
    def mark(self) -> str:
        """The value of `MARK_VARIABLE` for this run's processes; of fixed length, so none is the start of another."""
        return hashlib.sha256(bytes(self.directory.resolve())).hexdigest()[:32]

    @property
    def temporary_directory(self) -> Path:
        """Folder for the short-lived files of the run's processes, some of which libraries never remove.

        Not in the run's directory, whose path may be long: that of a Unix socket has 107 characters at most.
        """
        return Path("/tmp") / f"posttraining-{self.mark[:12]}"

    def make_temporary_directory(self) -> None:
        """Makes the folder of short-lived files, for this user alone.

        Raises:
            DriverError: `temporary-folder-unusable`: something else has its name, which anybody can foresee.
        """
        folder = self.temporary_directory
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        problem = _not_our_folder(folder)
        if problem is not None:
            raise DriverError(
                "temporary-folder-unusable",
                f"{folder} {problem}, so that others could read or change what the run {self.key} writes there: "
                f"remove {folder}, then try again",
            )
        if stat.S_IMODE(folder.lstat().st_mode) != 0o700:
            folder.chmod(0o700)

    def remove_temporary_directory(self) -> None:
        """Removes the folder of short-lived files, if there is one that is this user's."""
        with suppress(FileNotFoundError):
            if _not_our_folder(self.temporary_directory) is None:
                shutil.rmtree(self.temporary_directory, ignore_errors=True)

    @contextmanager
    def locked(self) -> Generator[int]:
        """Waits for the lock of the key and holds it; yields its file descriptor.

        The lock is held until every copy of the descriptor is closed: a child that inherits it prolongs it.
        """
        self.lock_file.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Who held it before may have removed the file; then the lock of the new file counts.
                if self._is_lock(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is_lock(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.lock_file.stat())
        except FileNotFoundError:
            return False

    def read_status(self) -> ReadStatus:
        """Returns what is recorded: the newer of `status.json` and its copy. Where one is damaged or gone, the other."""
        damage: list[str] = []
        found: list[RunStatus] = []
        gone: list[Path] = []
        # The copy is written first: of two that say the same it is the newer one.
        for file in (self.status_copy, self.status_file):
            try:
                status = self._status_in(file)
            except _DamagedFileError as error:
                damage.append(str(error))
                continue
            if status is None:
                gone.append(file)
            else:
                found.append(status)
        if not found:
            return ReadStatus(None, damage)
        damage += [f"{file} is gone" for file in gone]
        damage = [f"{problem}; the other copy of the record says how the run stands" for problem in damage]
        return ReadStatus(max(found, key=_progress), damage)

    @staticmethod
    def _status_in(file: Path) -> RunStatus | None:
        try:
            document = json.loads(file.read_bytes())
            told = {name: document[name] for name in _RECORDED} | {"result": _result_of(document["result"])}
            told = _described(told)
            if told["status"] == "missing" or told["startedAt"] is None:
                raise ValueError("it says of no run that it has begun")
            error = told["error"]
            return RunStatus(
                status=told["status"],
                started_at=told["startedAt"],
                finished_at=told["finishedAt"],
                run_id=told["runId"],
                pathspec=told["pathspec"],
                result=told["result"],
                cards=told["cards"],
                error=None if error is None else RunError(error["step"], error["message"], error["lines"]),
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise _DamagedFileError(f"{file} cannot be read ({type(problem).__name__}: {problem})") from problem

    def write_status(self, status: RunStatus) -> None:
        """Replaces the record."""
        told = self.describe(status, [])
        document = {name: value for name, value in told.items() if name not in ("logFile", "damage")}
        document["cards"] = status.cards
        self._replace(self.status_copy, document)
        self._replace(self.status_file, document)

    def describe(self, status: RunStatus, damage: list[str]) -> RunDescription:
        """Returns the description that the driver answers with."""
        error = status.error
        return {
            "status": status.status,
            "runId": status.run_id,
            "pathspec": status.pathspec,
            "startedAt": status.started_at,
            "finishedAt": status.finished_at,
            "result": status.result,
            "error": None if error is None else {"step": error.step, "message": error.message, "lines": error.lines},
            "cards": [str(self.cards_directory / name) for name in status.cards],
            "logFile": str(self.log_file),
            "damage": damage,
        }

    def read_supervisor(self) -> ProcessIdentity | None:
        """Returns the process that supervises, or last supervised, the run; None if the record does not tell."""
        try:
            document = json.loads(self.supervisor_file.read_bytes())
            return ProcessIdentity(pid=int(document["pid"]), started=str(document["started"]))
        except (OSError, ValueError, OverflowError, KeyError, TypeError):
            # Absent before the first start. Damaged: the process itself is found by the run's mark.
            return None

    def write_supervisor(self, identity: ProcessIdentity) -> None:
        """Records who supervises the run."""
        self._replace(self.supervisor_file, {"pid": identity.pid, "started": identity.started})

    def prepare(self, run: RunDocument, metaflow_directory: Path) -> None:
        """Makes the directory ready for a new run: the run document is written, what an earlier run left is gone.

        An earlier `status.json` stays until the new supervisor replaces it, so that there is always a true one.

        Args:
            run: the document that the flow is given.
            metaflow_directory: where Metaflow keeps what it keeps in files; made if need be.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_run(run)
        for path in (self.log_file, self.attributes_file, self.cards_directory):
            _remove(path)
        self.cards_directory.mkdir()
        # Metaflow looks for a folder of this name upwards from where it runs, for its configuration and, when artifacts
        # are kept in files, to write cards, which its client then reads below METAFLOW_DATASTORE_SYSROOT_LOCAL
        # (metaflow/plugins/cards/card_datastore.py and card_client.py, 2.19.39). The link makes both the same folder.
        link = self.directory / ".metaflow"
        link.unlink(missing_ok=True)
        metaflow_directory.mkdir(parents=True, exist_ok=True)
        link.symlink_to(metaflow_directory, target_is_directory=True)

    def write_run(self, run: RunDocument) -> None:
        """Writes the document that the flow is given."""
        self._replace(self.run_file, run)

    def remove(self) -> None:
        """Removes the directory and the lock; to be called with the lock held."""
        shutil.rmtree(self.directory)
        self.lock_file.unlink(missing_ok=True)

    def _replace(self, file: Path, document: Any) -> None:
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(one_line(document) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            if file.is_dir():
                # No file replaces a folder; one that has the name of a file of the record is damage.
                _remove(file)
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _described(told: dict[str, Any]) -> RunDescription:
    """Returns what a record tells as a description.

    Raises:
        ValueError: it is not as contracts/driver.ts has it, so that whoever asked could not read the answer.
    """
    document: dict[str, Any] = {**told, "logFile": None, "damage": []}
    if problems := schema_problems(contract_schema("run_description"), document):
        raise ValueError("; ".join(problems))
    return cast(RunDescription, document)


def _result_of(recorded: object) -> object:
    """Returns a recorded result. Records outlive checkouts: earlier ones left out of `seconds` what was not known."""
    if not is_mapping(recorded) or not is_mapping(recorded.get("seconds")):
        return recorded
    return {**recorded, "seconds": {"train": None, "evaluate": None, **recorded["seconds"]}}


def _progress(status: RunStatus) -> tuple[str, bool, bool]:
    """Orders what is recorded of one run, and of those before it with the same key, by when it was written."""
    return (status.started_at, status.status != "running", status.run_id is not None)


def _remove(path: Path) -> None:
    """Removes whatever has that name, if anything; of a link only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _not_our_folder(path: Path) -> str | None:
    """Returns why a path is not a folder of this user's own, None if it is one. Where a link leads is not looked at.

    Raises:
        FileNotFoundError: there is nothing with that name.
    """
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "is a link" if stat.S_ISLNK(found.st_mode) else "is not a folder"
    if found.st_uid != os.geteuid():
        return f"belongs to another user (number {found.st_uid})"
    return None
