"""How a run's record is written, read, and told apart from what is none."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driver_harness import RESULT, run_document

from posttraining.driver import record as record_module
from posttraining.driver.errors import DriverError
from posttraining.driver.processes import ProcessIdentity
from posttraining.driver.record import RunRecord, RunStatus

BEGUN = RunStatus(status="running", started_at="2025-01-31T12:00:00.000Z")
KNOWN = replace(BEGUN, run_id="1", pathspec="F/1")
DONE = replace(KNOWN, status="succeeded", finished_at="2025-01-31T13:00:00.000Z", result=RESULT)
AGAIN = RunStatus(status="running", started_at="2025-01-31T14:00:00.000Z")


@pytest.fixture
def found(tmp_path: Path) -> RunRecord:
    record = RunRecord(tmp_path, "a run")
    record.directory.mkdir()
    return record


class Killed(BaseException):
    """The end of the process, between two of its instructions."""


@pytest.mark.parametrize(("earlier", "later"), [(BEGUN, KNOWN), (KNOWN, DONE), (DONE, AGAIN)])
def test_what_was_written_last_counts_when_the_writer_was_killed_between_the_two_copies(
    found: RunRecord, monkeypatch: pytest.MonkeyPatch, earlier: RunStatus, later: RunStatus
) -> None:
    found.write_status(earlier)
    write = found._replace
    written: list[Path] = []

    def write_one(file: Path, document: Any) -> None:
        if written:
            raise Killed
        written.append(file)
        write(file, document)

    monkeypatch.setattr(found, "_replace", write_one)
    with pytest.raises(Killed):
        found.write_status(later)
    read = found.read_status()
    assert (read.status, read.damage) == (later, [])


@pytest.mark.parametrize("earlier", [BEGUN, KNOWN, replace(DONE, started_at="2024-01-31T12:00:00.000Z")])
@pytest.mark.parametrize("late", ["status_file", "status_copy"])
def test_of_two_copies_the_one_that_is_further_on_counts(found: RunRecord, earlier: RunStatus, late: str) -> None:
    found.write_status(DONE)
    document = getattr(found, late).read_bytes()
    found.write_status(earlier)
    getattr(found, late).write_bytes(document)
    assert found.read_status().status == DONE


@pytest.mark.parametrize("name", ["status_file", "status_copy"])
def test_a_copy_that_is_no_file_is_damage_and_is_made_anew(found: RunRecord, name: str) -> None:
    found.write_status(DONE)
    file: Path = getattr(found, name)
    file.unlink()
    (file / "a folder").mkdir(parents=True)
    read = found.read_status()
    assert read.status == DONE
    assert f"{file} cannot be read (IsADirectoryError" in read.damage[0]
    found.write_status(DONE)
    assert found.read_status().damage == []


def test_a_copy_that_may_not_be_read_is_damage(found: RunRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    found.write_status(DONE)
    read = Path.read_bytes

    def refused(file: Path) -> bytes:
        # The permissions of a file hold nobody back who runs as root.
        if file == found.status_file:
            raise PermissionError(13, "Permission denied", str(file))
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert found.read_status().status == DONE
    assert f"{found.status_file} cannot be read (PermissionError" in found.read_status().damage[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "missing"},
        {"startedAt": 3},
        {"startedAt": None},
        {"finishedAt": 3},
        {"runId": 7},
        {"cards": "train.html"},
        {"cards": [1]},
        {"error": {"step": None, "message": None, "lines": []}},
        {"result": "s3://bucket/models/sft/1"},
        {"result": {"promoted": True}},
        {"result": {**RESULT, "seconds": {"train": "long"}}},
    ],
)
def test_a_copy_with_values_of_another_kind_is_damage(found: RunRecord, changed: dict[str, Any]) -> None:
    found.write_status(DONE)
    found.status_copy.write_text(json.dumps(json.loads(found.status_copy.read_text()) | changed))
    read = found.read_status()
    assert read.status == DONE
    assert str(found.status_copy) in read.damage[0]


def test_a_record_of_an_earlier_checkout_is_read(found: RunRecord) -> None:
    """Without seconds that nobody knew any more, and with a field that there is no more."""
    found.write_status(DONE)
    document = json.loads(found.status_file.read_text()) | {"result": {**RESULT, "seconds": {}}, "owner": "somebody"}
    for file in (found.status_file, found.status_copy):
        file.write_text(json.dumps(document))
    read = found.read_status()
    assert read.damage == []
    assert read.status == replace(DONE, result={**RESULT, "seconds": {"train": None, "evaluate": None}})


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}', '{"pid": 1e999, "started": "x"}', '{"pid": null}'])
def test_a_supervisor_that_cannot_be_read_is_none(found: RunRecord, text: str) -> None:
    found.write_supervisor(ProcessIdentity(1, "x"))
    assert found.read_supervisor() == ProcessIdentity(1, "x")
    found.supervisor_file.write_text(text)
    assert found.read_supervisor() is None


def test_a_run_is_prepared_although_files_of_it_are_folders_and_folders_are_files(found: RunRecord) -> None:
    for file in (found.run_file, found.log_file, found.attributes_file):
        (file / "a folder").mkdir(parents=True)
    found.cards_directory.write_text("a file")
    document = run_document("file:///models")
    found.prepare(document, found.directory.parent / "metaflow")
    assert json.loads(found.run_file.read_text()) == document
    assert found.cards_directory.is_dir()
    assert not found.log_file.exists()


def test_the_folder_for_short_lived_files_is_for_its_user_alone(found: RunRecord) -> None:
    folder = found.temporary_directory
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    try:
        found.make_temporary_directory()
        assert folder.stat().st_mode & 0o777 == 0o700
        found.make_temporary_directory()
    finally:
        found.remove_temporary_directory()
    assert not folder.exists()


def test_a_folder_of_another_user_is_neither_used_nor_removed(
    found: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = found.temporary_directory
    folder.mkdir(mode=0o700)
    try:
        with monkeypatch.context() as other:
            user = os.geteuid()
            other.setattr(record_module.os, "geteuid", lambda: user + 1)
            with pytest.raises(DriverError, match=f"{folder} belongs to another user") as caught:
                found.make_temporary_directory()
            assert caught.value.code == "temporary-folder-unusable"
            found.remove_temporary_directory()
        assert folder.is_dir()
    finally:
        folder.rmdir()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_has_the_name_of_that_folder_and_is_none_is_neither_used_nor_removed(
    found: RunRecord, tmp_path: Path, kind: str
) -> None:
    folder = found.temporary_directory
    if kind == "link":
        folder.symlink_to(tmp_path)
    else:
        folder.touch()
    try:
        with pytest.raises(DriverError, match="is a link" if kind == "link" else "is not a folder"):
            found.make_temporary_directory()
        found.remove_temporary_directory()
        assert tmp_path.is_dir()
    finally:
        folder.unlink()
