"""How the driver tells processes apart and ends them; with every way to list processes that this machine has."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driver_harness import wait_until

from posttraining.driver.processes import (
    MARK_VARIABLE,
    LinuxProcessTable,
    ProcessIdentity,
    ProcessTable,
    PsProcessTable,
    end_processes,
    processes_of_run,
    send_signal,
)

MARK = "0123456789abcdef0123456789abcdef"
SLEEP = "import time; time.sleep(1000)"
# Starts a process in another session, as torchrun does, says its pid, and ends.
ORPHANS = (
    "import subprocess, sys;"
    f"print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True,"
    " stdout=subprocess.DEVNULL).pid)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(1000)"
)

Launch = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(
    params=[
        pytest.param(LinuxProcessTable, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")),
        pytest.param(PsProcessTable, marks=pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")),
    ]
)
def table(request: pytest.FixtureRequest) -> ProcessTable:
    return request.param()


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts Python programs with the mark in their environment; ends them after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        program: str, mark: str = MARK, stdout: int | None = None, start_new_session: bool = False
    ) -> subprocess.Popen[bytes]:
        environment = dict(os.environ) | {MARK_VARIABLE: mark}
        command = [sys.executable, "-c", program]
        started.append(subprocess.Popen(command, env=environment, stdout=stdout, start_new_session=start_new_session))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def pids(processes: list[ProcessIdentity]) -> set[int]:
    return {process.pid for process in processes}


def marked_and_ready(table: ProcessTable, pid: int, mark: str = MARK) -> bool:
    """Whether the process has its new environment; until then it still shows its parent's."""
    return pid in pids(processes_of_run(table, mark, None))


def test_a_process_that_ended_is_nobody_even_before_it_is_waited_for(table: ProcessTable, launch: Launch) -> None:
    process = launch(SLEEP)
    assert table.identify(process.pid) == table.identify(process.pid) is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: table.identify(process.pid) is None)


def test_finds_marked_processes_whose_parents_are_gone(table: ProcessTable, launch: Launch) -> None:
    parent = launch(ORPHANS, stdout=subprocess.PIPE)
    orphan = int(parent.communicate()[0])
    other = launch(SLEEP, mark=MARK[::-1])
    wait_until(lambda: marked_and_ready(table, other.pid, MARK[::-1]))
    wait_until(lambda: marked_and_ready(table, orphan))
    assert pids(processes_of_run(table, MARK, None)) == {orphan}
    assert end_processes(table, lambda: processes_of_run(table, MARK, None), 30) == []
    assert table.identify(orphan) is None
    assert table.identify(other.pid) is not None


def test_finds_what_the_supervisor_started_even_without_the_mark(table: ProcessTable, launch: Launch) -> None:
    program = (
        "import os, subprocess, sys, time;"
        f"del os.environ['{MARK_VARIABLE}'];"
        f"print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True);"
        "time.sleep(1000)"
    )
    supervisor = launch(program, stdout=subprocess.PIPE, start_new_session=True)
    assert supervisor.stdout is not None
    unmarked = int(supervisor.stdout.readline())
    identity = table.identify(supervisor.pid)
    assert identity is not None
    assert pids(processes_of_run(table, "no such mark", identity)) == {supervisor.pid, unmarked}
    earlier = ProcessIdentity(pid=supervisor.pid, started="an earlier process with the same pid")
    assert processes_of_run(table, "no such mark", earlier) == []
    os.kill(unmarked, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_recorded_supervisor_without_a_start_time_is_nobody(launch: Launch) -> None:
    # Of the words that `ps` gives for a start time, any may be right.
    table = LinuxProcessTable()
    program = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}], stdout=2).pid)"
    leader = launch(program, mark=MARK[::-1], stdout=subprocess.PIPE, start_new_session=True)
    # Another's session, which lives on without the leader whose number stands in the record.
    other = int(leader.communicate()[0])
    try:
        assert processes_of_run(table, "no such mark", ProcessIdentity(pid=leader.pid, started="x")) == []
    finally:
        os.kill(other, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_process_that_may_not_be_looked_at_is_nobody(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = launch(SLEEP)
    wait_until(lambda: marked_and_ready(LinuxProcessTable(), seen.pid))
    read = Path.read_text

    def hidden(file: Path, *given: Any, **options: Any) -> str:
        # As with hidepid=1: other users' processes are listed, and nothing of them can be read.
        if str(file) == "/proc/1/stat":
            raise PermissionError(13, "Permission denied", str(file))
        return read(file, *given, **options)

    monkeypatch.setattr(Path, "read_text", hidden)
    table = LinuxProcessTable()
    assert table.identify(1) is None
    assert pids(processes_of_run(table, MARK, None)) == {seen.pid}


def test_never_finds_itself_or_its_ancestors(table: ProcessTable, launch: Launch) -> None:
    program = (
        "import subprocess, sys\n"
        "from posttraining.driver.processes import *\n"
        f"table = {type(table).__name__}()\n"
        f"print(len(processes_of_run(table, '{MARK}', None)))"
    )
    flows = os.pathsep.join(sys.path)
    inner = [sys.executable, "-c", program]
    outer = f"import subprocess, os; os.environ['PYTHONPATH'] = {flows!r}; subprocess.run({inner!r}, check=True)"
    assert launch(outer, stdout=subprocess.PIPE).communicate()[0].split() == [b"0"]


@pytest.mark.parametrize("descriptors", [True, False])
def test_a_signal_does_not_reach_a_later_process_with_the_same_pid(
    table: ProcessTable, launch: Launch, descriptors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not descriptors:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = launch(SLEEP)
    send_signal(table, ProcessIdentity(pid=process.pid, started="earlier"), signal.SIGKILL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    identity = table.identify(process.pid)
    assert identity is not None
    send_signal(table, identity, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    send_signal(table, identity, signal.SIGKILL)


def test_ends_a_process_that_ignores_the_request_to_end(table: ProcessTable, launch: Launch) -> None:
    process = launch(STUBBORN, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert end_processes(table, lambda: processes_of_run(table, MARK, None), grace_seconds=0.3) == []
    assert process.wait() == -signal.SIGKILL


def test_asks_before_it_kills(table: ProcessTable, launch: Launch) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('on', flush=True)\n"
        "time.sleep(1000)"
    )
    process = launch(program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert end_processes(table, lambda: processes_of_run(table, MARK, None), grace_seconds=30) == []
    assert process.wait() == 7
