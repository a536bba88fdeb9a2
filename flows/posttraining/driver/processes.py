"""Which processes belong to a run, and how they are ended.

A process is named by its pid and its start time together, because pids are used again. The processes of a run are those
that carry the run's mark in their environment (it survives the death of every parent, and a new session, which torchrun
gives its workers), those in the supervisor's session, and the descendants of all of these (some programs overwrite the
memory in which the environment is shown when they set their title).
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MARK_VARIABLE = "POSTTRAINING_RUN"
"""Environment variable by which the processes of a run are known; its value is `RunRecord.mark`."""

SUPERVISOR_MODULE = "posttraining.driver.supervisor"
"""Module that supervises a run; in the command line of every supervising process."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, never mistaken for a later one with the same pid.

    Attributes:
        pid: its process id.
        started: when it started, in the form that the platform gives; only compared for equality.
    """

    pid: int
    started: str


@dataclass(frozen=True)
class Process:
    """A process at the moment of a snapshot. `group` is its session (Linux) or its process group (elsewhere)."""

    identity: ProcessIdentity
    parent: int
    group: int
    ended: bool
    marked: bool


class ProcessTable(Protocol):
    """The processes of this machine."""

    def identify(self, pid: int) -> ProcessIdentity | None:
        """Returns the live process with this pid, or None. A process that ended but was not waited for is not live."""
        ...

    def snapshot(self, mark: str) -> list[Process]:
        """Returns all processes, each with whether its environment has `MARK_VARIABLE=mark`."""
        ...

    def command(self, pid: int) -> str:
        """Returns the command line of a process, arguments separated by spaces; empty if there is no such process."""
        ...


class LinuxProcessTable:
    """Reads /proc. Start times are clock ticks since boot (proc_pid_stat(5)), which no change of the clock moves."""

    def __init__(self) -> None:
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def identify(self, pid: int) -> ProcessIdentity | None:
        """See `ProcessTable.identify`."""
        process = self._read(pid, None)
        return None if process is None or process.ended else process.identity

    def snapshot(self, mark: str) -> list[Process]:
        """See `ProcessTable.snapshot`."""
        entry = f"{MARK_VARIABLE}={mark}".encode()
        pids = [int(file.name) for file in Path("/proc").iterdir() if file.name.isdigit()]
        return [process for pid in pids if (process := self._read(pid, entry)) is not None]

    def command(self, pid: int) -> str:
        """See `ProcessTable.command`."""
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        except OSError:
            return ""

    def _read(self, pid: int, entry: bytes | None) -> Process | None:
        try:
            # The second field is the command's name in parentheses, and may hold spaces and parentheses itself.
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            # Gone, or another user's where users do not see each other's processes (hidepid, proc(5)).
            return None
        marked = False
        if entry is not None:
            try:
                marked = entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                # Ended meanwhile, or another user's process.
                marked = False
        return Process(
            identity=ProcessIdentity(pid=pid, started=f"{self._boot}/{fields[19]}"),
            parent=int(fields[1]),
            group=int(fields[3]),
            ended=fields[0] in ("Z", "X"),
            marked=marked,
        )


class PsProcessTable:
    """Asks `ps`, for systems without /proc. Start times are `lstart`: fixed when the process starts, to the second."""

    def __init__(self) -> None:
        # Both list every process with its environment after its command, in full: BSD's and macOS's letters, procps's.
        self._all_with_environment = "axwwe" if sys.platform == "linux" else "-axwwE"

    def identify(self, pid: int) -> ProcessIdentity | None:
        """See `ProcessTable.identify`."""
        for process in self._ask("-p", str(pid), mark=None):
            if not process.ended:
                return process.identity
        return None

    def snapshot(self, mark: str) -> list[Process]:
        """See `ProcessTable.snapshot`."""
        return self._ask(self._all_with_environment, mark=mark)

    def command(self, pid: int) -> str:
        """See `ProcessTable.command`."""
        return self._ps("-p", str(pid), "-o", "command=")[0].strip()

    def _ps(self, *arguments: str) -> tuple[str, int]:
        """Returns what `ps` prints, and its own pid."""
        asked = subprocess.Popen(
            ["ps", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        )
        return asked.communicate()[0].decode(errors="replace"), asked.pid

    def _ask(self, *selection: str, mark: str | None) -> list[Process]:
        output, own = self._ps(*selection, "-o", "pid=,ppid=,pgid=,stat=,lstart=,command=")
        found: list[Process] = []
        for line in output.splitlines():
            fields = line.split(maxsplit=9)
            if len(fields) < 9 or not all(field.isdigit() for field in fields[:3]) or int(fields[0]) == own:
                continue
            found.append(
                Process(
                    identity=ProcessIdentity(pid=int(fields[0]), started=" ".join(fields[4:9])),
                    parent=int(fields[1]),
                    group=int(fields[2]),
                    ended=fields[3].startswith("Z"),
                    marked=mark is not None and len(fields) > 9 and f"{MARK_VARIABLE}={mark}" in fields[9].split(),
                )
            )
        return found


def this_machine() -> ProcessTable:
    """Returns the process table of the platform that this runs on."""
    return LinuxProcessTable() if sys.platform == "linux" else PsProcessTable()


def owner_of(pid: int, variable: str) -> Path | None:
    """Returns the folder that a process names in its environment as its owner's; None if it names none, or is another user's."""
    if sys.platform == "linux":
        try:
            entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return None
    else:
        command = ["ps", "-Eww", "-p", str(pid), "-o", "command="]
        shown = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        ).stdout
        # A value may hold spaces: an entry goes on to the next `NAME=`.
        entries = [entry.rstrip() for entry in re.split(r" (?=[A-Za-z_][A-Za-z0-9_]*=)", shown)]
    named = [entry.removeprefix(f"{variable}=") for entry in entries if entry.startswith(f"{variable}=")]
    return Path(named[0]) if named else None


def find_supervisor(table: ProcessTable, mark: str) -> ProcessIdentity | None:
    """Returns the live process that supervises a run, by the machine alone: for a record that cannot be read."""
    for process in table.snapshot(mark):
        identity = process.identity
        leads = process.group == identity.pid
        if process.marked and leads and not process.ended and SUPERVISOR_MODULE in table.command(identity.pid):
            return identity
    return None


def _session_is(supervisor: ProcessIdentity, processes: dict[int, Process]) -> bool:
    """Whether sessions with the number of a recorded supervisor can only be its own.

    They are while it lives. Once it has ended, its number is given to no other process as long as a process of its
    session lives; a live process that has the number is another one, and so is everything after a restart.
    """
    found = processes.get(supervisor.pid)
    if found is not None and not found.ended:
        return found.identity == supervisor
    starts = [process.identity.started for process in processes.values()]
    boot, separator, _ = supervisor.started.partition("/")
    if separator:
        return any(started.startswith(f"{boot}/") for started in starts)
    # `ps` does not tell one run of the machine from the next. Where /proc does, such a start time is no record of ours.
    return not any("/" in started for started in starts)


def processes_of_run(table: ProcessTable, mark: str, supervisor: ProcessIdentity | None) -> list[ProcessIdentity]:
    """Returns the live processes of a run, without this process and its ancestors.

    Args:
        table: the machine's processes.
        mark: the run's mark.
        supervisor: the process that supervises, or last supervised, the run; its session outlives it.
    """
    processes = {process.identity.pid: process for process in table.snapshot(mark)}
    members = {process.identity.pid for process in processes.values() if process.marked}
    if supervisor is not None and _session_is(supervisor, processes):
        members |= {pid for pid, process in processes.items() if supervisor.pid in (pid, process.group)}
    grown = True
    while grown:
        children = {pid for pid, process in processes.items() if process.parent in members and pid not in members}
        members |= children
        grown = bool(children)
    own = os.getpid()
    while own in processes:
        members.discard(own)
        own = processes.pop(own).parent
    return sorted(
        (processes[pid].identity for pid in members if not processes[pid].ended), key=lambda identity: identity.pid
    )


def send_signal(table: ProcessTable, process: ProcessIdentity, number: signal.Signals) -> None:
    """Sends a signal to exactly this process; does nothing if it has ended or belongs to another user."""
    descriptor = _hold(process.pid)
    try:
        if table.identify(process.pid) != process:
            return
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _hold(pid: int) -> int | None:
    """Returns a descriptor of the process, for which its pid cannot come to mean another; None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        # Not Linux, a kernel before 5.3, a container that forbids the call, or the process has ended.
        return None


def wait_for_end(find: Callable[[], Iterable[ProcessIdentity]], seconds: float) -> bool:
    """Waits until `find` finds no process; returns whether that happened within `seconds`."""
    deadline = time.monotonic() + seconds
    while list(find()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def end_processes(
    table: ProcessTable, find: Callable[[], list[ProcessIdentity]], grace_seconds: float
) -> list[ProcessIdentity]:
    """Ends the processes that `find` finds, and those that appear meanwhile.

    Each gets SIGTERM once; after `grace_seconds` the ones left get SIGKILL.

    Returns:
        The processes that are still live five seconds after SIGKILL: waiting in the kernel, or another user's.
    """
    asked: set[ProcessIdentity] = set()
    started = time.monotonic()
    while live := find():
        waited = time.monotonic() - started
        if waited > grace_seconds + 5:
            return live
        for process in live:
            if waited >= grace_seconds:
                send_signal(table, process, signal.SIGKILL)
            elif process not in asked:
                asked.add(process)
                send_signal(table, process, signal.SIGTERM)
        time.sleep(0.05)
    return []
