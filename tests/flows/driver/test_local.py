"""Real runs of a small Metaflow flow, from start to end and to every early end."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from driver_harness import COMMAND, FIXTURE_FLOW, Driver, is_live, wait_until

from posttraining.driver import local, record
from posttraining.driver.errors import DriverError
from posttraining.driver.local import LocalOrchestrator
from posttraining.driver.orchestrator import MISSING
from posttraining.driver.processes import ProcessIdentity
from posttraining.driver.record import RunRecord
from posttraining.driver.request import LocalSettings

LONG = {"steps": 100_000, "secondsPerStep": 0.1}
LONG_WITH_CHILD = {"child": True}


def metaflow_runs(driver: Driver) -> set[str]:
    """Returns the ids of all runs that Metaflow knows of."""
    return {found.name for found in (driver.runs_directory.parent / "metaflow/.metaflow/FixtureFlow").glob("[0-9]*")}


def test_a_run_from_start_to_end(driver: Driver, tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    # A caller's own account must not be mixed with the stack's store.
    driver.caller |= {"HOME": str(home), "METAFLOW_PROFILE": "production", "AWS_SESSION_TOKEN": "of another account"}
    driver.caller.pop("OMP_NUM_THREADS", None)
    driver.environment["GREETING"] = "hello"
    started = driver.start("sft-1", {"steps": 3, "loss": "nan"})
    assert started["status"] == "running"
    assert started["startedAt"].endswith("Z")

    events = driver.events(driver.request("watch", "sft-1"))
    steps = [(event["step"], event["state"]) for event in events if event["event"] == "step"]
    assert steps == [(step, state) for step in ("start", "train", "end") for state in ("started", "finished")]
    last = [event for event in events if event["event"] == "progress"][-1]
    assert last == {
        "event": "progress",
        "phase": "train",
        "step": 3,
        "totalSteps": 3,
        "loss": None,
        "secondsLeft": 0.0,
    }

    description = driver.finish("sft-1")
    assert events[-1] == {"event": "result", "description": description}
    assert description["status"] == "succeeded"
    assert description["error"] is None
    assert description["pathspec"] == f"FixtureFlow/{description['runId']}"
    assert description["result"]["modelUri"] == f"s3://bucket/models/sft/{description['runId']}"
    assert description["result"]["baseModelUri"] is None
    assert description["startedAt"] < description["finishedAt"]
    [card] = description["cards"]
    assert card == str(driver.runs_directory / "sft-1" / "cards" / "train.html")
    assert Path(card).read_text().startswith("<!DOCTYPE html>")

    log = Path(description["logFile"]).read_text().splitlines()
    told = json.loads(next(line.split("ENVIRONMENT ", 1)[1] for line in log if "] ENVIRONMENT " in line))
    variables = told["variables"]
    assert told["python"] == sys.executable
    assert told["cwd"] == str(driver.runs_directory / "sft-1")
    assert variables["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert variables["GREETING"] == "hello"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert not {"METAFLOW_PROFILE", "AWS_SESSION_TOKEN"} & set(variables)

    assert not list(home.iterdir())
    assert {entry.name for entry in driver.runs_directory.parent.iterdir()} == {"runs", "metaflow"}
    assert {entry.name for entry in (driver.runs_directory / "sft-1").iterdir()} == {
        ".metaflow",
        "cards",
        "log.txt",
        "run.json",
        "status.copy.json",
        "status.json",
        "supervisor.json",
    }

    assert driver.start("sft-1", {"steps": 3}) == description
    assert len(metaflow_runs(driver)) == 1
    assert driver.answer(driver.request("stop", "sft-1")) == description

    assert driver.answer(driver.request("delete", "sft-1")) == MISSING
    assert driver.describe("sft-1") == MISSING
    assert not list(driver.runs_directory.iterdir())
    assert len(metaflow_runs(driver)) == 1


def test_a_model_that_fails_the_gate_is_rejected_and_not_trained_again(driver: Driver) -> None:
    driver.start("gate", {"promoted": False})
    rejected = driver.finish("gate")
    assert rejected["status"] == "rejected"
    assert rejected["result"]["promoted"] is False
    assert rejected["error"] is None
    assert driver.start("gate", {}) == rejected
    assert len(metaflow_runs(driver)) == 1


def test_a_failed_step_is_named_with_its_traceback_and_starts_anew(driver: Driver) -> None:
    driver.start("fails", {"failAt": "train"})
    failed = driver.finish("fails")
    assert failed["status"] == "failed"
    assert failed["result"] is None
    assert failed["finishedAt"] is not None
    error = failed["error"]
    assert error["step"] == "train"
    assert error["message"] == "ValueError: the fixture was told to fail"
    assert error["lines"][0] == "Traceback (most recent call last):"
    assert error["lines"][-1] == "ValueError: the fixture was told to fail"
    assert any("fixture_flow.py" in line and line.endswith("in train") for line in error["lines"])
    assert not any("/metaflow/" in line or "Task" in line for line in error["lines"])

    driver.start("fails", {})
    again = driver.finish("fails")
    assert again["status"] == "succeeded"
    assert again["error"] is None
    assert again["runId"] != failed["runId"]
    assert "told to fail" not in Path(again["logFile"]).read_text()


def test_a_step_whose_process_was_killed_says_what_may_have_happened(driver: Driver) -> None:
    driver.start("killed", {"killAt": "train"})
    error = driver.finish("killed")["error"]
    assert error["step"] == "train"
    assert "memory ran out" in error["message"]


def test_a_flow_that_cannot_be_loaded_fails_outside_of_any_step(driver: Driver, tmp_path: Path) -> None:
    broken = tmp_path / "broken flow.py"
    broken.write_text("import no_such_module\n" + FIXTURE_FLOW.read_text())
    driver.start("broken", {}, broken)
    error = driver.finish("broken")["error"]
    assert error["step"] is None
    assert error["message"] == "ModuleNotFoundError: No module named 'no_such_module'"
    assert "import no_such_module" in "".join(error["lines"])


def test_runs_without_a_usable_result_failed(driver: Driver) -> None:
    messages = {
        "missing": "has no artifact `result`",
        "text": "not as contracts/flowResult.ts has it: the document: must be a mapping",
        "set": "not plain JSON",
        "foreign": "its result cannot be read: AttributeError",
    }
    for result in messages:
        driver.start(result, {"result": result})
    for result, message in messages.items():
        failed = driver.finish(result)
        assert failed["status"] == "failed"
        assert message in failed["error"]["message"]


def test_starts_at_the_same_time_start_one_run(driver: Driver) -> None:
    text = driver.start_request("race", LONG)
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(driver.answer, [text] * 4))
    assert {answer["status"] for answer in answers} == {"running"}
    assert len({answer["startedAt"] for answer in answers}) == 1
    wait_until(lambda: driver.describe("race")["runId"])
    assert len(metaflow_runs(driver)) == 1
    stopped = driver.answer(driver.request("stop", "race"))
    assert len(metaflow_runs(driver)) == 1
    assert metaflow_runs(driver) == {stopped["runId"]}


def test_a_run_outlives_the_terminal_of_its_driver(driver: Driver) -> None:
    terminal = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=driver.caller, start_new_session=True
    )
    answer, _ = terminal.communicate(driver.start_request("outlives", LONG_WITH_CHILD).encode())
    assert json.loads(answer)["description"]["status"] == "running"
    child = driver.child("outlives")
    # Nobody is left in the driver's group, so there is nobody to kill.
    with pytest.raises(ProcessLookupError):
        os.killpg(terminal.pid, signal.SIGKILL)
    assert is_live(child)
    assert driver.describe("outlives")["status"] == "running"


def test_stop_ends_every_process_and_a_stopped_run_starts_anew(driver: Driver) -> None:
    driver.start("stopped", LONG_WITH_CHILD)
    child = driver.child("stopped")
    supervisor = driver.supervisor("stopped")
    assert driver.start("stopped", {})["status"] == "running"
    assert driver.supervisor("stopped") == supervisor
    stopped = driver.answer(driver.request("stop", "stopped"))
    assert stopped["status"] == "stopped"
    assert stopped["finishedAt"] is not None
    assert stopped["error"] is None
    assert not is_live(child)
    assert not is_live(supervisor)
    driver.start("stopped", {})
    assert driver.finish("stopped")["status"] == "succeeded"


def test_a_supervisor_that_is_asked_to_end_stops_its_run(driver: Driver) -> None:
    driver.start("asked", LONG_WITH_CHILD)
    child = driver.child("asked")
    os.kill(driver.supervisor("asked"), signal.SIGTERM)
    stopped = driver.finish("asked")
    assert stopped["status"] == "stopped"
    assert stopped["finishedAt"] is not None
    assert not is_live(child)


def test_a_supervisor_that_does_not_react_is_ended_too(driver: Driver) -> None:
    driver.start("frozen", LONG_WITH_CHILD)
    child = driver.child("frozen")
    supervisor = driver.supervisor("frozen")
    os.kill(supervisor, signal.SIGSTOP)
    orchestrator = LocalOrchestrator(LocalSettings(driver.runs_directory, {}), grace_seconds=0.5)
    assert orchestrator.stop("frozen")["status"] == "stopped"
    assert not is_live(child)
    assert not is_live(supervisor)


def test_a_process_that_the_flow_left_behind_is_ended_with_the_run(driver: Driver) -> None:
    driver.start("stray", {"child": "stray"})
    child = driver.child("stray")
    assert driver.finish("stray")["status"] == "succeeded"
    assert not is_live(child)


def test_short_lived_files_go_with_the_run(driver: Driver) -> None:
    folder = RunRecord(driver.runs_directory, "sft-1").temporary_directory
    driver.start("sft-1", LONG)
    wait_until(lambda: folder.is_dir() and any(folder.iterdir()))
    driver.answer(driver.request("stop", "sft-1"))
    assert not folder.exists()


def test_a_folder_for_short_lived_files_that_another_could_have_made_is_not_used(
    driver: Driver, tmp_path: Path
) -> None:
    folder = RunRecord(driver.runs_directory, "sft-1").temporary_directory
    foreign = tmp_path / "a folder of another"
    foreign.mkdir()
    (foreign / "kept").touch()
    folder.symlink_to(foreign)
    try:
        error = driver.error(driver.start_request("sft-1", {}))
        assert error["code"] == "temporary-folder-unusable"
        assert f"{folder} is a link" in error["message"]
        assert f"remove {folder}, then try again" in error["message"]
        assert [entry.name for entry in foreign.iterdir()] == ["kept"]
        assert driver.describe("sft-1") == MISSING
    finally:
        folder.unlink()


def test_stop_all_stops_live_runs_only(driver: Driver) -> None:
    driver.start("done", {})
    done = driver.finish("done")
    driver.start("one", LONG_WITH_CHILD)
    driver.start("two", LONG_WITH_CHILD)
    children = [driver.child("one"), driver.child("two")]
    assert driver.stop_all() == ["one", "two"]
    assert not any(is_live(child) for child in children)
    assert driver.describe("one")["status"] == "stopped"
    assert driver.describe("two")["status"] == "stopped"
    assert driver.describe("done") == done
    assert driver.stop_all() == []


def test_delete_stops_a_live_run(driver: Driver) -> None:
    driver.start("deleted", LONG_WITH_CHILD)
    child = driver.child("deleted")
    assert driver.answer(driver.request("delete", "deleted")) == MISSING
    assert not is_live(child)
    assert not list(driver.runs_directory.iterdir())


def lose_supervisor(driver: Driver, key: str) -> int:
    """Starts a run and kills its supervisor; returns the pid of a process of the flow, which lives on."""
    driver.start(key, LONG_WITH_CHILD)
    child = driver.child(key)
    wait_until(lambda: driver.describe(key)["runId"])
    supervisor = driver.supervisor(key)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not is_live(supervisor))
    assert is_live(child)
    return child


def test_a_lost_supervisor_means_a_failed_run_whose_processes_stop_ends(driver: Driver) -> None:
    child = lose_supervisor(driver, "lost")
    failed = driver.describe("lost")
    assert failed["status"] == "failed"
    assert failed["error"]["step"] == "train"
    assert "ended without recording how the run ended" in failed["error"]["message"]
    assert str(child) in failed["error"]["message"]
    assert driver.events(driver.request("watch", "lost"))[-1] == {"event": "result", "description": failed}

    stopped = driver.answer(driver.request("stop", "lost"))
    assert not is_live(child)
    assert stopped["status"] == "failed"
    assert stopped["finishedAt"] is not None
    assert "still live" not in stopped["error"]["message"]
    assert driver.describe("lost") == stopped


def test_a_new_start_ends_the_processes_of_a_lost_run(driver: Driver) -> None:
    child = lose_supervisor(driver, "lost")
    lost = driver.describe("lost")["runId"]
    driver.start("lost", {})
    assert not is_live(child)
    again = driver.finish("lost")
    assert again["status"] == "succeeded"
    assert again["runId"] != lost


@pytest.mark.parametrize("operation", ["delete", "stop-all"])
def test_a_lost_run_is_cleared_away(driver: Driver, operation: str) -> None:
    child = lose_supervisor(driver, "lost")
    if operation == "delete":
        driver.answer(driver.request("delete", "lost"))
    else:
        driver.stop_all()
    assert not is_live(child)


def test_a_reused_pid_is_not_taken_for_the_supervisor(driver: Driver) -> None:
    driver.start("reused", {})
    driver.finish("reused")
    directory = driver.runs_directory / "reused"
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
    try:
        supervisor = json.loads((directory / "supervisor.json").read_text())
        (directory / "supervisor.json").write_text(json.dumps(supervisor | {"pid": other.pid}))
        status = json.loads((directory / "status.json").read_text())
        for name in ("status.json", "status.copy.json"):
            (directory / name).write_text(json.dumps(status | {"status": "running"}))
        failed = driver.describe("reused")
        assert failed["status"] == "failed"
        assert "still live" not in failed["error"]["message"]
        driver.answer(driver.request("delete", "reused"))
        assert is_live(other.pid)
    finally:
        other.kill()
        other.wait()


def test_a_damaged_record_reads_as_a_failed_run_that_can_start_anew(driver: Driver) -> None:
    directory = driver.runs_directory / "damaged"
    directory.mkdir(parents=True)
    (directory / "status.json").write_text('{"status": "runn')
    failed = driver.describe("damaged")
    assert failed["status"] == "failed"
    assert str(directory / "status.json") in failed["error"]["message"]
    driver.start("damaged", {})
    assert driver.finish("damaged")["status"] == "succeeded"


def test_says_which_processes_do_not_end(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    (driver.runs_directory / "held").mkdir(parents=True)
    # Such as a process that waits for a disk; nobody can make one on purpose.
    held = ProcessIdentity(pid=4321, started="")
    monkeypatch.setattr(local, "end_processes", lambda *_: [held])
    with pytest.raises(DriverError, match="4321") as caught:
        LocalOrchestrator(LocalSettings(driver.runs_directory, {})).delete("held")
    assert caught.value.code == "processes-remain"
    assert (driver.runs_directory / "held").exists()


def test_a_lock_that_was_removed_by_its_last_holder_is_taken_anew(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = RunRecord(driver.runs_directory, "locked")
    calls: list[int] = []

    def lock_after_removal(descriptor: int, operation: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            held.lock_file.unlink()
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr(record, "fcntl", SimpleNamespace(flock=lock_after_removal, LOCK_EX=fcntl.LOCK_EX))
    with held.locked() as descriptor:
        assert os.path.samestat(os.fstat(descriptor), held.lock_file.stat())
    assert len(calls) == 2


def test_a_supervisor_that_does_not_start_is_an_error(driver: Driver) -> None:
    driver.environment["PYTHONHOME"] = "/no/such/python"
    error = driver.error(driver.start_request("nothing", {}))
    assert error["code"] == "start-failed"
    assert not RunRecord(driver.runs_directory, "nothing").temporary_directory.exists()
    assert driver.describe("nothing") == MISSING


def test_the_watcher_ends_with_its_parent_and_the_run_goes_on(driver: Driver, tmp_path: Path) -> None:
    driver.start("watched", {"steps": 10_000, "secondsPerStep": 0.05})
    seen = tmp_path / "events"
    request = tmp_path / "request"
    request.write_text(driver.request("watch", "watched"))
    program = (
        "import subprocess, sys, time\n"
        f"with open({str(request)!r}) as given, open({str(seen)!r}, 'wb') as seen:\n"
        f"    print(subprocess.Popen({COMMAND!r}, stdin=given, stdout=seen).pid, flush=True)\n"
        "    time.sleep(1000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=driver.caller)
    assert parent.stdout is not None
    watcher = int(parent.stdout.readline())
    wait_until(lambda: '"event":"progress"' in seen.read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_live(watcher))
    assert driver.describe("watched")["status"] == "running"
    assert '"event":"result"' not in seen.read_text()

    second = driver.open(driver.request("watch", "watched"))
    assert second.stdout is not None
    events: list[dict[str, Any]] = []
    for line in second.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "progress" and len(events) > 5:
            break
    driver.answer(driver.request("stop", "watched"))
    events += [json.loads(line) for line in second.stdout]
    assert second.wait() == 0
    assert [event["step"] for event in events if event["event"] == "step"][:3] == ["start", "start", "train"]
    # What the first watcher has seen comes as one event, not as hundreds.
    assert next(event["step"] for event in events if event["event"] == "progress") > 1
    assert events[-1]["event"] == "result"
    assert events[-1]["description"]["status"] == "stopped"


def test_a_closed_output_ends_the_watcher_quietly(driver: Driver) -> None:
    driver.start("unread", LONG)
    reading, writing = os.pipe()
    watcher = driver.open(driver.request("watch", "unread"), stdout=writing)
    os.close(writing)
    os.close(reading)
    assert watcher.wait() == 1
    assert driver.describe("unread")["status"] == "running"
