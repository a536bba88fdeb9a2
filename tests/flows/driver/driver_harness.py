"""Runs the driver as its users do: a process, JSON in, JSON lines out. Every path has a space in it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.run_document import RunDocument
from posttraining.document_text import parse_document
from posttraining.driver.processes import this_machine
from posttraining.plans import plan_for_this_machine
from posttraining.recipe import read_recipe
from posttraining.run_document import RECIPES
from posttraining.schema_problems import contract_schema, schema_problems

FLOWS = Path(__file__).resolve().parents[3] / "flows"
FIXTURE_FLOW = Path(__file__).resolve().parent / "fixture_flow.py"
COMMAND = [sys.executable, "-m", "posttraining.driver"]

# A limit for hangs, not an expectation: nothing waits this long on a machine that works.
PATIENCE_SECONDS = 180.0

RESULT: FlowResult = {
    "modelUri": "s3://bucket/models/sft/1",
    "promoted": True,
    "gate": [],
    "metrics": {},
    "headline": {"metric": "a/b", "before": None, "after": 0.5},
    "seconds": {"train": 1.5, "evaluate": 2.5},
    "baseModelUri": None,
}
"""What a run may have ended with."""


def run_document(models_root: str) -> RunDocument:
    """What a flow is given by the driver's caller."""
    recipe = read_recipe(parse_document((RECIPES / "sft-tiny.yaml").read_text()))
    return {
        "recipe": recipe,
        "plan": plan_for_this_machine(recipe, gpus=0),
        "placement": None,
        "baseModelUri": None,
        "modelsRoot": models_root,
        "name": "sft",
        "modelUri": None,
    }


def wait_until(holds: Callable[[], Any]) -> Any:
    """Waits until `holds()` is true and returns its value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := holds()):
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.05)
    return value


def is_live(pid: int) -> bool:
    return this_machine().identify(pid) is not None


def small_disk(folder: Path, size: str) -> list[str]:
    """Returns the beginning of a command line: what follows it finds a disk of that size in the place of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = f'mount -t tmpfs -o size={size} none "$1" && shift && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a process mount a small disk")
    return inside


class Driver:
    """The driver for one runs directory."""

    def __init__(self, stack_directory: Path) -> None:
        self.runs_directory = stack_directory / "runs"
        self.environment = {"METAFLOW_DEFAULT_DATASTORE": "local"}
        self.models_root = "s3://bucket/models"
        self.caller = dict(os.environ) | {"PYTHONPATH": str(FLOWS)}

    def request(self, operation: str, key: str | None = None, **fields: Any) -> str:
        """Returns the request's text."""
        orchestrator = {
            "kind": "local",
            "runsDirectory": str(self.runs_directory),
            "environment": self.environment,
        }
        named = {} if key is None else {"key": key}
        return json.dumps({"operation": operation, "orchestrator": orchestrator, **named, **fields})

    def start_request(
        self, key: str, orders: dict[str, Any], flow_file: Path = FIXTURE_FLOW, instead_of: str | None = None
    ) -> str:
        """Returns the text of a request that starts the fixture flow, which does what it is told to."""
        fields = {
            "flow": "sft",
            "flowFile": str(flow_file),
            "run": run_document(self.models_root),
            "insteadOf": instead_of,
        }
        request = json.loads(self.request("start", key, **fields))
        request["orchestrator"]["environment"]["FIXTURE_FLOW"] = json.dumps(orders)
        return json.dumps(request)

    def events(self, text: str | bytes) -> list[dict[str, Any]]:
        """Runs the driver with one request; returns its events, having checked the exit status against the last."""
        done = subprocess.run(
            COMMAND,
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            env=self.caller,
            timeout=PATIENCE_SECONDS,
        )
        events = [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert events, done.stderr.decode()
        for event in events:
            assert schema_problems(contract_schema("driver_event"), event) == []
        assert done.returncode == {"result": 0, "stopped": 0, "error": 1}[events[-1]["event"]], done.stderr.decode()
        return events

    def answer(self, text: str | bytes) -> dict[str, Any]:
        """Runs the driver with one request that concerns one run; returns the description, its only event."""
        events = self.events(text)
        assert [event["event"] for event in events] == ["result"], events
        return events[0]["description"]

    def stop_all(self) -> list[str]:
        """Stops all runs and returns the keys of those that were live."""
        events = self.events(self.request("stop-all"))
        assert [event["event"] for event in events] == ["stopped"], events
        return events[0]["stopped"]

    def error(self, text: str | bytes) -> dict[str, Any]:
        """Runs the driver with one request that must fail and returns the error."""
        events = self.events(text)
        assert [event["event"] for event in events] == ["error"]
        return events[0]

    def start(self, key: str, orders: dict[str, Any], flow_file: Path = FIXTURE_FLOW) -> dict[str, Any]:
        return self.answer(self.start_request(key, orders, flow_file))

    def describe(self, key: str) -> dict[str, Any]:
        return self.answer(self.request("describe", key))

    def finish(self, key: str) -> dict[str, Any]:
        """Waits until a run and the process that supervises it have ended, and returns the run's description."""
        description = wait_until(lambda: (found := self.describe(key))["status"] != "running" and found)
        # The supervisor records the end before it ends itself; until then it is a live process of the run.
        wait_until(lambda: not is_live(self.supervisor(key)))
        return description

    def open(self, text: str, stdout: Any = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Starts the driver with one request and does not wait for it."""
        process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=stdout, env=self.caller)
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        return process

    def supervisor(self, key: str) -> int:
        """Returns the pid of the process that supervises a run."""
        return int(json.loads((self.runs_directory / key / "supervisor.json").read_text())["pid"])

    def child(self, key: str) -> int:
        """Waits until the fixture flow has started its child, and returns the child's pid."""
        log = self.runs_directory / key / "log.txt"
        return wait_until(
            lambda: next((int(line.split()[-1]) for line in log.read_text().splitlines() if "] CHILD " in line), None)
        )
