"""Reads and checks a request. Every wrong field is named in one error."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from posttraining.driver.errors import DriverError
from posttraining.driver.record import RunStatus, Status, now
from posttraining.methods import METHODS

Operation = Literal["start", "watch", "describe", "stop", "delete", "repair", "stop-all"]

FLOWS_DIRECTORY = Path(__file__).resolve().parents[2]
"""The folder `flows/`: holds `<flow>/flow.py` and is the root of the package `posttraining`."""

# Safe as a folder name on every file system, and never hidden, so that it cannot meet the driver's own dot files.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class LocalSettings:
    """Where the runs of one stack live on this machine, and what their processes are told.

    Attributes:
        runs_directory: absolute folder that holds one folder per run.
        environment: environment variables of the flow, by name (Metaflow's and the object store's).
    """

    runs_directory: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class FlowToRun:
    """A flow file and the document that it is given as its Metaflow `Config` named `run`."""

    file: Path
    run: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A checked request.

    Attributes:
        operation: what to do.
        settings: where the runs live.
        key: name of the run; None only for `stop-all`.
        flow: what to run; set only for `start`.
        instead_of: id of the run that is to be run again; only for `start`.
        run: the document that the flow was given; set only for `repair`.
        known: how the run ended as the caller knows it; set only for `repair`.
    """

    operation: Operation
    settings: LocalSettings
    key: str | None
    flow: FlowToRun | None = None
    instead_of: str | None = None
    run: dict[str, Any] | None = None
    known: RunStatus | None = None


class _Problems:
    """Collects what is wrong with a request, field by field."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, field: str, text: str) -> None:
        self.found.append(f"{field}: {text}")

    def raise_any(self) -> None:
        if self.found:
            listed = "".join(f"\n- {problem}" for problem in self.found)
            raise DriverError("invalid-request", f"the request is not valid:{listed}")


def parse_request(text: bytes) -> Request:
    """Reads one request.

    Args:
        text: a JSON object as docs/contracts.md describes it, in UTF-8.

    Raises:
        DriverError: `invalid-request`, with every wrong field; `orchestrator-not-available` for another orchestrator.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DriverError("invalid-request", f"standard input must hold one JSON object: {error}") from error
    if not isinstance(document, dict):
        raise DriverError("invalid-request", "standard input must hold one JSON object")

    problems = _Problems()
    operation = document.get("operation")
    if operation not in get_args(Operation):
        problems.add(
            "operation", f"must be one of {', '.join(get_args(Operation))}; it is {_shown(document, 'operation')}"
        )
    settings = _settings(document, problems)

    known = {"operation", "orchestrator"}
    key: str | None = None
    if operation != "stop-all":
        known.add("key")
        key = _key(document, problems)
    flow: FlowToRun | None = None
    instead_of: str | None = None
    run: dict[str, Any] | None = None
    ended: RunStatus | None = None
    if operation == "start":
        known |= {"flow", "run", "flowFile", "insteadOf"}
        flow = FlowToRun(file=_flow_file(document, problems), run=_run(document, problems))
        instead_of = _text_or_none(document, "insteadOf", problems)
    if operation == "repair":
        known |= {"run", "known"}
        run, ended = _run(document, problems), _known(document, problems)
    if operation in get_args(Operation):
        _refuse_others(document, known, "", problems)
    problems.raise_any()
    return Request(cast(Operation, operation), settings, key, flow, instead_of, run, ended)


def _shown(document: Mapping[str, Any], field: str) -> str:
    return json.dumps(document[field])[:80] if field in document else "missing"


def _refuse_others(document: Mapping[str, Any], known: set[str], prefix: str, problems: _Problems) -> None:
    for field in sorted(set(document) - known):
        problems.add(f"{prefix}{field}", f"is not a field here; the fields are {', '.join(sorted(known))}")


def _settings(document: Mapping[str, Any], problems: _Problems) -> LocalSettings:
    settings = LocalSettings(runs_directory=Path("/"), environment={})
    orchestrator = document.get("orchestrator")
    if not isinstance(orchestrator, dict):
        problems.add("orchestrator", f"must be an object; it is {_shown(document, 'orchestrator')}")
        return settings
    kind = orchestrator.get("kind")
    if not isinstance(kind, str):
        problems.add("orchestrator.kind", f'must be "local"; it is {_shown(orchestrator, "kind")}')
        return settings
    if kind != "local":
        raise DriverError(
            "orchestrator-not-available",
            f'orchestrator.kind: "{kind}" is not available in this version; use "local"',
        )
    _refuse_others(orchestrator, {"kind", "runsDirectory", "environment"}, "orchestrator.", problems)
    directory = orchestrator.get("runsDirectory")
    if not isinstance(directory, str) or not Path(directory).is_absolute():
        problems.add(
            "orchestrator.runsDirectory", f"must be an absolute path; it is {_shown(orchestrator, 'runsDirectory')}"
        )
        directory = "/"
    environment = orchestrator.get("environment")
    if not isinstance(environment, dict):
        problems.add(
            "orchestrator.environment",
            f"must be an object of environment variables; it is {_shown(orchestrator, 'environment')}",
        )
        environment = {}
    for name, value in environment.items():
        # The value may be a secret, so it is not shown.
        if not isinstance(value, str) or "\0" in value:
            problems.add(f"orchestrator.environment.{name}", "must be a string without NUL characters")
        if not name or "=" in name or "\0" in name:
            problems.add(f"orchestrator.environment.{name}", "is not a name that an environment variable can have")
    return LocalSettings(runs_directory=Path(directory), environment=environment)


def _key(document: Mapping[str, Any], problems: _Problems) -> str:
    key = document.get("key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        return key
    problems.add(
        "key",
        "must be 1 to 128 letters, digits, dots, dashes or underscores that begin with a letter or a digit; "
        f"it is {_shown(document, 'key')}",
    )
    return ""


def _flow_file(document: Mapping[str, Any], problems: _Problems) -> Path:
    flow = document.get("flow")
    flows = [method.name for method in METHODS]
    if flow not in flows:
        problems.add("flow", f"must be one of {', '.join(flows)}; it is {_shown(document, 'flow')}")
        if "flowFile" not in document:
            return Path("/")
    given = document.get("flowFile", str(FLOWS_DIRECTORY / str(flow) / "flow.py"))
    if not isinstance(given, str) or not Path(given).is_absolute():
        problems.add("flowFile", f"must be the absolute path of a flow; it is {_shown(document, 'flowFile')}")
        return Path("/")
    if not Path(given).is_file():
        problems.add("flowFile", f"there is no file {given}")
    return Path(given)


def _text_or_none(document: Mapping[str, Any], field: str, problems: _Problems, prefix: str = "") -> str | None:
    value = document.get(field)
    if value is not None and (not isinstance(value, str) or not value):
        problems.add(f"{prefix}{field}", f"must be a text that is not empty, or null; it is {_shown(document, field)}")
        return None
    return value


def _known(document: Mapping[str, Any], problems: _Problems) -> RunStatus | None:
    known = document.get("known")
    if not isinstance(known, dict):
        problems.add("known", f"must be an object; it is {_shown(document, 'known')}")
        return None
    _refuse_others(known, {"status", "runId", "pathspec", "startedAt", "finishedAt", "result"}, "known.", problems)
    status, result = known.get("status"), known.get("result")
    if status not in ("succeeded", "rejected"):
        problems.add("known.status", f"must be succeeded or rejected; it is {_shown(known, 'status')}")
    if not isinstance(result, dict) or not isinstance(result.get("promoted"), bool):
        problems.add("known.result", "must be a flow's result")
    texts = {
        name: _text_or_none(known, name, problems, "known.")
        for name in ("runId", "pathspec", "startedAt", "finishedAt")
    }
    if texts["pathspec"] is None:
        problems.add("known.pathspec", "is missing: without it nothing of the run can be found again")
    return RunStatus(
        status=cast(Status, status),
        started_at=texts["startedAt"] or now(),
        finished_at=texts["finishedAt"],
        run_id=texts["runId"],
        pathspec=texts["pathspec"],
        result=result,
    )


def _run(document: Mapping[str, Any], problems: _Problems) -> dict[str, Any]:
    run = document.get("run")
    if not isinstance(run, dict):
        problems.add("run", f"must be an object; it is {_shown(document, 'run')}")
        return {}
    _refuse_others(run, {"recipe", "plan", "baseModelUri", "modelsRoot", "name", "modelUri"}, "run.", problems)
    for field in ("recipe", "plan"):
        if not isinstance(run.get(field), dict):
            problems.add(f"run.{field}", f"must be an object; it is {_shown(run, field)}")
    for field in ("modelsRoot", "name"):
        if not isinstance(run.get(field), str) or not run[field]:
            problems.add(f"run.{field}", f"must be a string that is not empty; it is {_shown(run, field)}")
    base = run.get("baseModelUri", 0)
    if base is not None and (not isinstance(base, str) or not base):
        problems.add(
            "run.baseModelUri", f"must be a URI, or null for recipe.model.base; it is {_shown(run, 'baseModelUri')}"
        )
    _text_or_none(run, "modelUri", problems, "run.")
    return run
