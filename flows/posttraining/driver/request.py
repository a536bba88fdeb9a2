"""Reads and checks a request. Every wrong field is named in one error."""

import json
from dataclasses import dataclass
from pathlib import Path

from posttraining.contracts.driver_request import DriverRequest, KnownRun, OrchestratorRequest, StartRequest
from posttraining.contracts.run_document import RunDocument
from posttraining.driver.errors import DriverError
from posttraining.driver.record import RunStatus, now
from posttraining.schema_problems import contract_schema, is_mapping, schema_problems, with_defaults

FLOWS_DIRECTORY = Path(__file__).resolve().parents[2]
"""The folder `flows/`: holds `<flow>/flow.py` and is the root of the package `posttraining`."""


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
    run: RunDocument


def parse_request(text: bytes) -> DriverRequest:
    """Reads one request and fills in what it leaves out.

    Args:
        text: a JSON object as contracts/driver.ts describes it, in UTF-8.

    Raises:
        DriverError: `invalid-request`, with every wrong field; `orchestrator-not-available` for another orchestrator.
    """
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise DriverError("invalid-request", f"standard input must hold one JSON object: {error}") from error
    if not is_mapping(document):
        raise DriverError("invalid-request", "standard input must hold one JSON object")
    _require_local(document.get("orchestrator"))
    schema = contract_schema("driver_request")
    problems = schema_problems(schema, document)
    if problems:
        # The flow's file is looked for whatever else is wrong.
        raise _invalid([*problems, *_file_problems(document.get("flow"), document.get("flowFile"))])
    request: DriverRequest = with_defaults(schema, document)
    if request["operation"] == "start" and (problems := _file_problems(request["flow"], request["flowFile"])):
        raise _invalid(problems)
    return request


def local_settings(orchestrator: OrchestratorRequest) -> LocalSettings:
    """Returns the settings of the orchestrator `local`.

    Raises:
        DriverError: `orchestrator-not-available` for another one.
    """
    if orchestrator["kind"] != "local":
        raise _not_available(orchestrator["kind"])
    return LocalSettings(Path(orchestrator["runsDirectory"]), orchestrator["environment"])


def flow_to_run(request: StartRequest) -> FlowToRun:
    """Returns what a request asks to be started."""
    return FlowToRun(_flow_file(request["flow"], request["flowFile"]), request["run"])


def known_status(known: KnownRun) -> RunStatus:
    """Returns how a run ended, as the caller of `repair` knows it."""
    return RunStatus(
        status=known["status"],
        started_at=known["startedAt"] or now(),
        finished_at=known["finishedAt"],
        run_id=known["runId"],
        pathspec=known["pathspec"],
        result=known["result"],
    )


def _require_local(orchestrator: object) -> None:
    """Another orchestrator is told as such, whatever its other fields are."""
    kind = orchestrator.get("kind") if is_mapping(orchestrator) else None
    if isinstance(kind, str) and kind != "local":
        raise _not_available(kind)


def _not_available(kind: str) -> DriverError:
    message = f'orchestrator.kind: "{kind}" is not available in this version; use "local"'
    return DriverError("orchestrator-not-available", message)


def _invalid(problems: list[str]) -> DriverError:
    listed = "".join(f"\n- {problem}" for problem in problems)
    return DriverError("invalid-request", f"the request is not valid:{listed}")


def _flow_file(flow: str, given: str | None) -> Path:
    return Path(given) if given is not None else FLOWS_DIRECTORY / flow / "flow.py"


def _file_problems(flow: object, given: object) -> list[str]:
    """What is wrong with the file of a flow; nothing where the fields that name it are wrong themselves."""
    if not isinstance(flow, str) or not (given is None or (isinstance(given, str) and Path(given).is_absolute())):
        return []
    file = _flow_file(flow, given)
    return [] if file.is_file() else [f"flowFile: there is no file {file}"]
