"""What the driver answers to requests that it cannot carry out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from driver_harness import COMMAND, FIXTURE_FLOW, Driver, small_disk

import posttraining.driver.request as request_module
from posttraining.driver.errors import DriverError
from posttraining.driver.orchestrator import MISSING
from posttraining.driver.request import flow_to_run, parse_request


def test_names_every_wrong_field_in_one_error(driver: Driver) -> None:
    request = {
        "operation": "start",
        "key": "../elsewhere",
        "flow": "ppo",
        "flowFile": "flow.py",
        "colour": "red",
        "run": {"recipe": [], "modelsRoot": "", "baseModelUri": 3, "extra": 1},
        "orchestrator": {"kind": "local", "runsDirectory": "runs", "environment": {"A": 1, "B=C": "x"}, "port": 1},
    }
    error = driver.error(json.dumps(request))
    assert error["code"] == "invalid-request"
    fields = [line[2:].split(":")[0] for line in error["message"].splitlines()[1:]]
    assert sorted(fields) == sorted(
        [
            "orchestrator.port",
            "orchestrator.runsDirectory",
            "orchestrator.environment.A",
            "orchestrator.environment.B=C",
            "key",
            "flow",
            "flowFile",
            "run.extra",
            "run.recipe",
            "run.placement",
            "run.plan",
            "run.modelsRoot",
            "run.name",
            "run.baseModelUri",
            "colour",
        ]
    )


def test_does_not_repeat_the_value_of_an_environment_variable(driver: Driver) -> None:
    driver.environment = {"AWS_SECRET_ACCESS_KEY": "hunter2\0"}
    error = driver.error(driver.request("describe", "a"))
    assert "AWS_SECRET_ACCESS_KEY" in error["message"]
    assert "hunter2" not in error["message"]


@pytest.mark.parametrize("kind", ["argo-workflows", "outerbounds", "slurm"])
def test_says_that_another_orchestrator_is_not_available(driver: Driver, kind: str) -> None:
    request = json.loads(driver.request("describe", "a"))
    request["orchestrator"] = {"kind": kind, "namespace": "flows"}
    error = driver.error(json.dumps(request))
    assert error["code"] == "orchestrator-not-available"
    assert kind in error["message"]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"operation":', b'{"operation": "describe\xff"}'])
def test_refuses_what_is_not_a_json_object(driver: Driver, text: bytes) -> None:
    error = driver.error(text)
    assert error["code"] == "invalid-request"
    assert "JSON object" in error["message"]


def test_refuses_an_unknown_operation_and_fields_of_another_one(driver: Driver) -> None:
    assert "- operation: must be one of start" in driver.error(driver.request("restart", "a"))["message"]
    assert (
        "- flow: is not known; the keys here are key, operation, orchestrator"
        in driver.error(driver.request("stop", "a", flow="sft"))["message"]
    )
    assert (
        "- key: is not known; the keys here are operation, orchestrator"
        in driver.error(driver.request("stop-all", "a"))["message"]
    )


def test_names_a_flow_file_that_does_not_exist(driver: Driver, tmp_path: Path) -> None:
    missing = tmp_path / "no flow.py"
    error = driver.error(driver.start_request("a", {}, missing))
    assert error["message"].splitlines()[1:] == [f"- flowFile: there is no file {missing}"]


def test_runs_the_named_flow_of_the_project_by_default(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_module, "FLOWS_DIRECTORY", tmp_path)
    document = json.loads(driver.start_request("a", {}, FIXTURE_FLOW))
    del document["flowFile"]
    document["flow"] = "dpo"
    with pytest.raises(DriverError, match=r"there is no file .*dpo/flow\.py"):
        parse_request(json.dumps(document).encode())
    (tmp_path / "dpo").mkdir()
    (tmp_path / "dpo" / "flow.py").touch()
    request = parse_request(json.dumps(document).encode())
    assert request["operation"] == "start"
    assert flow_to_run(request).file == tmp_path / "dpo" / "flow.py"


def test_a_run_that_does_not_exist_is_missing(driver: Driver) -> None:
    for operation in ("describe", "watch", "stop", "delete"):
        assert driver.answer(driver.request(operation, "never-started")) == MISSING
    assert driver.stop_all() == []
    assert not driver.runs_directory.exists()


def test_says_what_to_do_when_the_runs_directory_cannot_be_written(driver: Driver, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    driver.runs_directory = file / "runs"
    error = driver.error(driver.start_request("a", {}))
    assert error["code"] == "runs-directory-unusable"
    assert str(file) in error["message"]
    assert "orchestrator.runsDirectory must be a folder that can be written" in error["message"]


def test_starts_nothing_on_a_disk_without_room(driver: Driver) -> None:
    inside = small_disk(driver.runs_directory, "4k")
    done = subprocess.run(
        [*inside, *COMMAND], input=driver.start_request("a", {}).encode(), capture_output=True, env=driver.caller
    )
    error = json.loads(done.stdout)
    assert error["code"] == "disk-full"
    assert f"the disk of {driver.runs_directory} has 0 MB free" in error["message"]
    assert "make room" in error["message"]


def test_an_unforeseen_error_is_an_error_event_too(driver: Driver) -> None:
    program = (
        "import sys, posttraining.driver.__main__ as driver\n"
        "def fail(*_): print('noise of a library'); raise ZeroDivisionError('by zero')\n"
        "driver.carry_out = fail\n"
        "sys.exit(driver.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=driver.request("describe", "a").encode(),
        capture_output=True,
        env=driver.caller,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "event": "error",
        "code": "internal",
        "message": "ZeroDivisionError: by zero",
    }
    assert "noise of a library" in done.stderr.decode()
    assert "Traceback" in done.stderr.decode()
