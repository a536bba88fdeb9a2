"""Reads one request from standard input, carries it out and writes events, one JSON object a line."""

import os
import sys
import traceback
from typing import Any

from posttraining.driver.errors import DriverError
from posttraining.driver.json_values import one_line
from posttraining.driver.local import LocalOrchestrator
from posttraining.driver.orchestrator import Description, Emit, Orchestrator
from posttraining.driver.request import Request, parse_request
from posttraining.driver.watch import ParentEnded


def carry_out(request: Request, orchestrator: Orchestrator, emit: Emit) -> dict[str, Any]:
    """Carries out a request and returns its last event."""
    if request.operation == "stop-all":
        return {"event": "stopped", "stopped": orchestrator.stop_all()}
    return {"event": "result", "description": _describe(request, orchestrator, emit)}


def _describe(request: Request, orchestrator: Orchestrator, emit: Emit) -> Description:
    """Carries out a request that concerns one run and returns the run's description."""
    if request.key is None:
        raise ValueError(f"{request.operation} without a key")
    match request.operation:
        case "start":
            if request.flow is None:
                raise ValueError("start without a flow")
            return orchestrator.start(request.key, request.flow, request.instead_of)
        case "watch":
            return orchestrator.watch(request.key, emit)
        case "describe":
            return orchestrator.describe(request.key)
        case "stop":
            return orchestrator.stop(request.key)
        case "delete":
            return orchestrator.delete(request.key)
        case "repair":
            if request.run is None or request.known is None:
                raise ValueError("repair without a run")
            return orchestrator.repair(request.key, request.run, request.known)
        case "stop-all":
            raise ValueError("stop-all concerns no single run")


def main() -> int:
    """Runs the driver once; returns its exit status."""
    # What a run writes is for its user alone.
    os.umask(0o077)
    # Only events may reach standard output, whatever a library prints.
    events = os.dup(1)
    os.dup2(2, 1)

    def emit(event: dict[str, Any]) -> None:
        line = memoryview(f"{one_line(event)}\n".encode())
        while line:
            line = line[os.write(events, line) :]

    try:
        request = parse_request(sys.stdin.buffer.read())
        emit(carry_out(request, LocalOrchestrator(request.settings), emit))
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
