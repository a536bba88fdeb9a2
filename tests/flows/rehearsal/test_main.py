"""The statuses that a rehearsal ends with."""

import json
from pathlib import Path
from typing import Any

import pytest

from posttraining.rehearsal import __main__ as command
from posttraining.rehearsal.problems import RehearsalError
from posttraining.run_document import RECIPES, read_run_document


def request(folder: Path, **more: Any) -> str:
    document = read_run_document((RECIPES / "sft-tiny.yaml").read_text())
    asked = {
        "identity": "test",
        "recipe": document["recipe"],
        "plan": document["plan"],
        "shape": None,
        "folder": str(folder),
        "servePython": None,
        "useHub": False,
        "processes": 2,
    }
    file = folder / "request.json"
    file.write_text(json.dumps(asked | more))
    return str(file)


@pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
def test_a_report_is_written_and_decides_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: bool, status: int
):
    monkeypatch.setattr(command, "rehearse", lambda *_: {"passed": passed})
    assert command.main([request(tmp_path)]) == status
    assert json.loads((tmp_path / "report.json").read_text()) == {"passed": passed}


@pytest.mark.parametrize("error", [RehearsalError("why"), RuntimeError("why"), KeyError("why")])
def test_what_cannot_be_carried_out_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
):
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(command, "rehearse", fail)
    assert command.main([request(tmp_path)]) == 2
    assert "why" in capsys.readouterr().err
    assert not (tmp_path / "report.json").exists()


def test_a_request_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main([request(tmp_path, processes=0)]) == 2
    assert "processes: must be at least 1; it is 0" in capsys.readouterr().err
    assert command.main([]) == 2


def test_a_phase_that_there_is_not_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main([request(tmp_path, only=["sleep"])]) == 2
    assert "only: got sleep; allowed: train, reference, evaluate, serve" in capsys.readouterr().err
