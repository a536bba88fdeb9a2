"""Writes anew what was lost of a finished run, from what Metaflow and the flow's artifacts keep of it.

`python -m posttraining.driver.restore <run directory>`, started by the local orchestrator with the run's environment.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from posttraining.driver.record import RunRecord
from posttraining.driver.results import UnusableResult, read_registration, read_result, write_cards


def restore(record: RunRecord) -> None:
    """Restores the record's result and cards, and what the registry had of the model.

    Raises:
        UnusableResult: if the registry lacks something that the run's artifacts do not hold either.
    """
    from posttraining.registry import restore_registration

    status = record.read_status().status
    if status is None or status.pathspec is None:
        raise UnusableResult("the record does not name the run")
    result: dict[str, Any] = status.result or {}
    cards: list[str] = []
    problem: Exception | None = None
    try:
        result = read_result(status.pathspec)
        cards = write_cards(status.pathspec, record.cards_directory)
    except Exception as error:
        # Metaflow's data may be lost too: what the caller knows of the run is then all that there is.
        problem = error
        print(f"{status.pathspec} cannot be read: {error!r}", file=sys.stderr)
    record.write_status(replace(status, result=result, cards=cards))
    try:
        registration = read_registration(status.pathspec) if problem is None else None
    except Exception as error:
        problem, registration = error, None
    run = json.loads(record.run_file.read_bytes())
    if not restore_registration(run["modelsRoot"], run["name"], result, registration):
        raise UnusableResult(f"neither the store nor Metaflow has what {status.pathspec} registered: {problem}")


def main(arguments: list[str]) -> int:
    """Restores the run whose directory is named; returns the exit status."""
    directory = Path(arguments[0])
    try:
        restore(RunRecord(directory.parent, directory.name))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
