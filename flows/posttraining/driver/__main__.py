"""Reads one request from standard input, carries it out and writes events, one JSON object a line."""

import os
import sys
import traceback

from posttraining.contracts.driver_event import DriverEvent
from posttraining.contracts.driver_request import DriverRequest, KeyRequest, RepairRequest, StartRequest
from posttraining.contracts.run_description import RunDescription
from posttraining.driver.errors import DriverError
from posttraining.driver.local import LocalOrchestrator
from posttraining.driver.orchestrator import Emit, Orchestrator
from posttraining.driver.request import flow_to_run, known_status, local_settings, parse_request
from posttraining.driver.watch import ParentEnded
from posttraining.json_values import one_line


def carry_out(request: DriverRequest, orchestrator: Orchestrator, emit: Emit) -> DriverEvent:
    """Carries out a request and returns its last event."""
    if request["operation"] == "stop-all":
        return {"event": "stopped", "stopped": orchestrator.stop_all()}
    return {"event": "result", "description": _describe(request, orchestrator, emit)}


def _describe(
    request: StartRequest | KeyRequest | RepairRequest, orchestrator: Orchestrator, emit: Emit
) -> RunDescription:
    """Carries out a request that concerns one run and returns the run's description."""
    key = request["key"]
    if request["operation"] == "start":
        return orchestrator.start(key, flow_to_run(request), request["insteadOf"])
    if request["operation"] == "repair":
        return orchestrator.repair(key, request["run"], known_status(request["known"]))
    match request["operation"]:
        case "watch":
            return orchestrator.watch(key, emit)
        case "describe":
            return orchestrator.describe(key)
        case "stop":
            return orchestrator.stop(key)
        case "delete":
            return orchestrator.delete(key)


def main() -> int:
    """Runs the driver once; returns its exit status."""
    # What a run writes is for its user alone.
    os.umask(0o077)
    # Only events may reach standard output, whatever a library prints.
    events = os.dup(1)
    os.dup2(2, 1)

    def emit(event: DriverEvent) -> None:
        line = memoryview(f"{one_line(event)}\n".encode())
        while line:
            line = line[os.write(events, line) :]

    try:
        request = parse_request(sys.stdin.buffer.read())
        emit(carry_out(request, LocalOrchestrator(local_settings(request["orchestrator"])), emit))
        return 0
    except DriverError as error:
        emit({"event": "error", "code": error.code, "message": error.message})
        return 1
    except (ParentEnded, BrokenPipeError, KeyboardInterrupt):
        return 1
    except Exception as error:
        traceback.print_exc()
        emit({"event": "error", "code": "internal", "message": f"{type(error).__name__}: {error}"})
        return 1


if __name__ == "__main__":
    sys.exit(main())
