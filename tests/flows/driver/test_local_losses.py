"""What becomes of a run whose record, disk, cards or registration is damaged or lost. Nothing is trained twice for it."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driver_harness import RESULT, Driver, is_live, run_document, small_disk, wait_until
from metaflow.exception import MetaflowNotFound

import posttraining.driver.restore as restore_module
from posttraining import registry
from posttraining.driver.orchestrator import MISSING
from posttraining.driver.record import RunRecord, RunStatus

LONG = {"steps": 100_000, "secondsPerStep": 0.1}
LONG_WITH_CHILD = {"child": True}
STATUS_FILES = ("status.json", "status.copy.json")


def cut_off(file: Path) -> None:
    """Leaves the first bytes of a file, as a full disk or an ended machine may."""
    file.write_bytes(file.read_bytes()[:20])


@pytest.mark.parametrize("files", [STATUS_FILES[:1], STATUS_FILES[1:]], ids=["status", "copy"])
def test_a_finished_run_whose_record_is_damaged_is_known_by_the_other_copy(
    driver: Driver, files: tuple[str, ...]
) -> None:
    driver.start("done", {})
    done = driver.finish("done")
    assert done["damage"] == []
    for name in files:
        cut_off(driver.runs_directory / "done" / name)
    found = driver.describe("done")
    [damage] = found.pop("damage")
    assert str(driver.runs_directory / "done" / files[0]) in damage
    assert "the other copy of the record says how the run stands" in damage
    assert found == {name: value for name, value in done.items() if name != "damage"}
    assert driver.start("done", {})["runId"] == done["runId"]


@pytest.mark.parametrize("name", STATUS_FILES)
def test_a_record_that_was_deleted_is_told(driver: Driver, name: str) -> None:
    driver.start("done", {})
    done = driver.finish("done")
    (driver.runs_directory / "done" / name).unlink()
    found = driver.describe("done")
    assert found["status"] == "succeeded"
    assert found["runId"] == done["runId"]
    assert f"{name} is gone" in found["damage"][0]


def delete(file: Path) -> None:
    file.unlink()


def change(file: Path) -> None:
    """Makes a record say something else that can be read: that the run failed, that another process supervises it."""
    changed = {"pid": 1, "started": "x"} if file.name == "supervisor.json" else {"status": "failed"}
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))


@pytest.mark.parametrize("harm", [cut_off, delete, change], ids=["cut off", "deleted", "changed"])
@pytest.mark.parametrize("files", [STATUS_FILES, ("supervisor.json",), (*STATUS_FILES, "supervisor.json")])
def test_a_live_run_is_live_whatever_its_record_says(
    driver: Driver, files: tuple[str, ...], harm: Callable[[Path], None]
) -> None:
    driver.start("live", LONG_WITH_CHILD)
    child = driver.child("live")
    supervisor = driver.supervisor("live")
    wait_until(lambda: driver.describe("live")["runId"])
    for name in files:
        harm(driver.runs_directory / "live" / name)
    found = driver.describe("live")
    assert found["status"] == "running"
    assert (found["result"], found["error"], found["finishedAt"]) == (None, None, None)
    assert bool(found["damage"]) == (files != ("supervisor.json",))
    assert driver.start("live", {})["status"] == "running"
    assert is_live(supervisor)
    stopped = driver.answer(driver.request("stop", "live"))
    assert stopped["status"] == "stopped"
    assert not is_live(child)
    assert not is_live(supervisor)


@pytest.mark.parametrize("operation", ["delete", "stop", "describe"])
def test_a_record_that_was_copied_into_another_checkout_reaches_no_run_of_the_first(
    driver: Driver, tmp_path: Path, operation: str
) -> None:
    driver.start("live", LONG_WITH_CHILD)
    supervisor = driver.supervisor("live")
    wait_until(lambda: driver.describe("live")["runId"])
    copied = tmp_path / "copied"
    shutil.copytree(driver.runs_directory, copied)
    request = driver.request(operation, "live")
    answer = driver.answer(request.replace(json.dumps(str(driver.runs_directory)), json.dumps(str(copied))))
    if operation == "describe":
        assert answer["status"] == "failed"
    assert is_live(supervisor)
    assert driver.describe("live")["status"] == "running"
    driver.answer(driver.request("delete", "live"))


@pytest.mark.parametrize("operation", ["delete", "stop"])
def test_a_live_run_whose_record_was_deleted_is_ended(driver: Driver, operation: str) -> None:
    driver.start("bare", LONG_WITH_CHILD)
    child, supervisor = driver.child("bare"), driver.supervisor("bare")
    shutil.rmtree(driver.runs_directory / "bare")
    assert driver.answer(driver.request(operation, "bare")) == MISSING
    assert not is_live(child)
    assert not is_live(supervisor)


def test_a_live_run_whose_folder_was_deleted_is_ended_before_another_is_started(driver: Driver) -> None:
    driver.start("bare", LONG_WITH_CHILD)
    child, supervisor = driver.child("bare"), driver.supervisor("bare")
    shutil.rmtree(driver.runs_directory / "bare")
    assert driver.describe("bare") == MISSING
    again = driver.start("bare", {})
    assert not is_live(child)
    assert not is_live(supervisor)
    assert again["status"] == "running"
    [told] = again["damage"]
    assert f"{driver.runs_directory / 'bare'} was deleted while the run was live" in told
    assert f"process {supervisor}" in told
    done = driver.finish("bare")
    assert (done["status"], done["damage"]) == ("succeeded", [])


def test_a_finished_run_is_run_again_only_instead_of_itself(driver: Driver) -> None:
    driver.start("again", {})
    first = driver.finish("again")
    assert driver.answer(driver.start_request("again", {}, instead_of="some other run")) == first
    request = driver.start_request("again", {}, instead_of=first["runId"])
    assert driver.answer(request)["status"] == "running"
    second = driver.finish("again")
    assert second["status"] == "succeeded"
    assert second["runId"] != first["runId"]
    # Asked once more, as by an `up` that was interrupted, it is the run that was asked for.
    assert driver.answer(request) == second


def repair_request(driver: Driver, description: dict[str, Any]) -> str:
    fields = ("status", "runId", "pathspec", "startedAt", "finishedAt", "result")
    known = {name: description[name] for name in fields}
    return driver.request("repair", "lost", run=run_document(driver.models_root), known=known)


def test_what_was_lost_of_a_run_is_restored_from_metaflow(driver: Driver, tmp_path: Path) -> None:
    driver.models_root = (tmp_path / "the models").as_uri().replace("%20", " ")
    driver.start("lost", {"registers": True})
    done = driver.finish("lost")
    model = Path(done["result"]["modelUri"].removeprefix("file://"))
    lineage, pointer = model / "lineage.json", model.parent / "promoted.json"
    before = [lineage.read_text(), pointer.read_text(), Path(done["cards"][0]).read_text()]
    shutil.rmtree(driver.runs_directory / "lost")
    cut_off(lineage)
    pointer.unlink()

    restored = driver.answer(repair_request(driver, done))
    assert restored == done
    assert [json.loads(lineage.read_text()), json.loads(pointer.read_text())] == [
        json.loads(text) for text in before[:2]
    ]
    assert Path(restored["cards"][0]).read_text().startswith("<!DOCTYPE html>")
    assert driver.describe("lost") == done


def test_a_promotion_of_a_later_run_stays_when_an_earlier_one_is_restored(driver: Driver, tmp_path: Path) -> None:
    driver.models_root = (tmp_path / "models").as_uri()
    driver.start("lost", {"registers": True})
    done = driver.finish("lost")
    pointer = Path(done["result"]["modelUri"].removeprefix("file://")).parent / "promoted.json"
    pointer.write_text('{"modelUri": "file:///a/later/one"}')
    driver.answer(repair_request(driver, done))
    assert json.loads(pointer.read_text()) == {"modelUri": "file:///a/later/one"}


def test_what_nobody_has_any_more_cannot_be_restored(driver: Driver, tmp_path: Path) -> None:
    driver.models_root = (tmp_path / "models").as_uri()
    driver.start("lost", {"registers": True})
    done = driver.finish("lost")
    shutil.rmtree(driver.runs_directory.parent / "metaflow")
    shutil.rmtree(tmp_path / "models")
    error = driver.error(repair_request(driver, done))
    assert error["code"] == "not-restored"
    assert "neither the store nor Metaflow has what FixtureFlow/" in error["message"]


class Unreadable(Exception):
    """What a store that does not answer raises."""


def finished_record(tmp_path: Path) -> RunRecord:
    found = RunRecord(tmp_path, "done")
    found.cards_directory.mkdir(parents=True)
    found.write_run(run_document("file:///models"))
    found.write_status(RunStatus("succeeded", "2025-01-31T12:00:00.000Z", pathspec="F/1", result=RESULT, cards=CARDS))
    return found


CARDS = ["train.html", "end.html"]


@pytest.fixture
def kept_by_metaflow(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Metaflow answers, by function; an exception is raised. `registered` becomes what reached the registry."""
    answers: dict[str, Any] = {
        "read_result": {**RESULT, "modelUri": "s3://bucket/what/Metaflow/has"},
        "read_registration": {"lineage": {}, "pointer": None},
        "write_cards": CARDS,
    }

    def answer(name: str) -> Any:
        if isinstance(answers[name], Exception):
            raise answers[name]
        return answers[name]

    for name in list(answers):
        monkeypatch.setattr(restore_module, name, lambda *_, name=name: answer(name))

    def register(root: str, name: str, result: Any, registration: Any) -> bool:
        answers["registered"] = registration
        return registration is not None

    monkeypatch.setattr(registry, "restore_registration", register)
    return answers


def test_cards_that_cannot_be_written_keep_nothing_else_from_being_restored(
    tmp_path: Path, kept_by_metaflow: dict[str, Any]
) -> None:
    found = finished_record(tmp_path)
    kept_by_metaflow["write_cards"] = Unreadable("the store does not answer")
    restore_module.restore(found)
    assert kept_by_metaflow["registered"] == kept_by_metaflow["read_registration"]
    status = found.read_status().status
    assert status is not None
    assert status.result == kept_by_metaflow["read_result"]
    assert status.cards == CARDS


def test_a_result_that_cannot_be_read_keeps_nothing_else_from_being_restored(
    tmp_path: Path, kept_by_metaflow: dict[str, Any]
) -> None:
    found = finished_record(tmp_path)
    kept_by_metaflow["read_result"] = Unreadable("a class that is gone")
    kept_by_metaflow["write_cards"] = [*CARDS, "more.html"]
    restore_module.restore(found)
    assert kept_by_metaflow["registered"] == kept_by_metaflow["read_registration"]
    status = found.read_status().status
    assert status is not None
    assert status.result == RESULT
    assert status.cards == [*CARDS, "more.html"]


@pytest.mark.parametrize("written", [["train.html"], MetaflowNotFound("the run is gone")], ids=["one", "none"])
def test_a_card_that_is_there_is_not_forgotten_because_it_cannot_be_written_anew(
    tmp_path: Path, kept_by_metaflow: dict[str, Any], written: Any
) -> None:
    found = finished_record(tmp_path)
    (found.cards_directory / "end.html").touch()
    kept_by_metaflow["write_cards"] = written
    restore_module.restore(found)
    status = found.read_status().status
    assert status is not None
    assert status.cards == (["train.html", "end.html"] if isinstance(written, list) else ["end.html"])


def test_a_repair_without_what_it_needs_is_refused(driver: Driver) -> None:
    error = driver.error(driver.request("repair", "lost", run={"recipe": {}}, known={"status": "running", "size": 1}))
    fields = {line[2:].split(":")[0] for line in error["message"].splitlines()[1:]}
    assert fields >= {"known.status", "known.result", "known.pathspec", "known.size", "run.plan", "run.modelsRoot"}


def test_a_run_on_a_full_disk_fails_with_that_word(driver: Driver, tmp_path: Path) -> None:
    inside = small_disk(driver.runs_directory.parent, "300m")
    start = driver.start_request("full", {"fills": str(driver.runs_directory.parent / "filling")})
    (tmp_path / "start").write_text(start)
    (tmp_path / "describe").write_text(driver.request("describe", "full"))
    script = (
        '"$1" -m posttraining.driver <"$2" || exit 1; while :; do answer=$("$1" -m posttraining.driver <"$3");'
        ' case $answer in *\'"status":"running"\'*) sleep 0.5;; *) echo "$answer"; exit 0;; esac; done'
    )
    done = subprocess.run(
        [*inside, "sh", "-c", script, "sh", sys.executable, str(tmp_path / "start"), str(tmp_path / "describe")],
        capture_output=True,
        env=driver.caller,
    )
    failed = json.loads(done.stdout.decode().splitlines()[-1])["description"]
    assert failed["status"] == "failed", failed
    assert failed["error"]["step"] == "train"
    assert "the disk is full" in failed["error"]["message"]
    assert "make room" in failed["error"]["message"]
    assert failed["finishedAt"] is not None


HOSTILE = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "MASTER_ADDR": "10.0.0.1",
    "ACCELERATE_USE_FSDP": "true",
    "PYTHONPATH": "/no/such/folder",
    "PYTHONHASHSEED": "none of these",
    "TMPDIR": "/no/such/folder",
    "HOME": "/no/such/folder",
    "LANG": "xx_XX.none",
    "LC_ALL": "xx_XX.none",
    "NODE_OPTIONS": "--no-such-option",
    "AWS_PROFILE": "production",
    "PULUMI_CONFIG_PASSPHRASE": "secret",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "no_proxy": "intranet.example",
}


def test_a_run_is_the_same_whatever_shell_it_is_started_from(driver: Driver) -> None:
    # The driver itself is started by the provider, which sees to its own environment.
    own = {name: value for name, value in HOSTILE.items() if not name.startswith("PYTHON")}
    driver.caller |= own
    driver.start("hostile", {})
    done = driver.finish("hostile")
    assert done["status"] == "succeeded", done["error"]
    log = Path(done["logFile"]).read_text().splitlines()
    variables = json.loads(next(line.split("ENVIRONMENT ", 1)[1] for line in log if "] ENVIRONMENT " in line))[
        "variables"
    ]
    kept = {"http_proxy", "HTTPS_PROXY"}
    assert {name for name in own if variables.get(name) == own[name]} == kept
    assert variables["no_proxy"] == variables["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"
    assert variables["HOME"] == str(driver.runs_directory.parent / "metaflow" / "home")


def test_what_a_run_writes_is_for_its_user_alone(driver: Driver) -> None:
    driver.runs_directory.parent.mkdir(mode=0o700, parents=True)
    driver.start("private", {})
    driver.finish("private")
    shared = [
        file
        for file in driver.runs_directory.parent.rglob("*")
        if not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) & 0o077
    ]
    assert shared == []


def test_a_process_without_a_mark_is_ended_after_its_supervisor_was_killed(driver: Driver) -> None:
    driver.start("titles", {"child": "bare"})
    child = driver.child("titles")
    supervisor = driver.supervisor("titles")
    # As when memory runs out: all that carries the mark is killed at once, and a program that wrote over its environment lives.
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            marked = b"POSTTRAINING_DIRECTORY=" + bytes(driver.runs_directory / "titles") in file.read_bytes().split(
                b"\0"
            )
        except OSError:
            continue
        if marked:
            os.kill(int(file.parent.name), signal.SIGKILL)
    wait_until(lambda: not is_live(supervisor))
    assert is_live(child)
    driver.answer(driver.request("delete", "titles"))
    assert not is_live(child)
