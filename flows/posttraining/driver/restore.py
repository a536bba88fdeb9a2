"""Writes anew what was lost of a finished run, from what Metaflow and the flow's artifacts keep of it.

`python -m posttraining.driver.restore <run directory>`, started by the local orchestrator with the run's environment.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from posttraining.contracts.registration import Registration
from posttraining.contracts.run_document import RunDocument
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
    # Metaflow's data may be lost too, each part on its own: what the record or the caller knows is then all that there is.
    result = status.result
    try:
        result = read_result(status.pathspec)
    except Exception as error:
        print(f"the result of {status.pathspec} cannot be read: {error!r}", file=sys.stderr)
    if result is None:
        raise UnusableResult("nobody knows the run's result any more")
    record.write_status(replace(status, result=result, cards=_cards(record, status.pathspec, status.cards)))
    registration: Registration | None = None
    problem: Exception | None = None
    try:
        registration = read_registration(status.pathspec)
    except Exception as error:
        problem = error
    run: RunDocument = json.loads(record.run_file.read_bytes())
    if not restore_registration(run["modelsRoot"], run["name"], result, registration):
        raise UnusableResult(f"neither the store nor Metaflow has what {status.pathspec} registered: {problem}")


def _cards(record: RunRecord, pathspec: str, recorded: list[str]) -> list[str]:
    """Writes the cards anew and returns the names of all that the run has; a recorded one is not forgotten for a failure."""
    from metaflow.exception import MetaflowNotFound

    written: list[str] = []
    try:
        written = write_cards(pathspec, record.cards_directory)
    except MetaflowNotFound as error:
        # What is lost for good is not to be looked for again and again.
        print(f"Metaflow does not know the cards of {pathspec} any more: {error!r}", file=sys.stderr)
    except Exception as error:
        print(f"the cards of {pathspec} cannot be written: {error!r}", file=sys.stderr)
        return recorded
    kept = [name for name in recorded if name not in written and (record.cards_directory / name).is_file()]
    return [*written, *kept]


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
