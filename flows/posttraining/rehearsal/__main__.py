"""`python -m posttraining.rehearsal REQUEST.json`: writes `report.json` into the request's folder.

Ends with 0 if every invariant holds, 1 if one does not, 2 if the rehearsal could not be carried out.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from pathlib import Path
from typing import cast

from posttraining.contracts.rehearsal_request import RehearsalRequest
from posttraining.rehearsal.problems import RehearsalError
from posttraining.rehearsal.rehearse import environment_is_quiet, rehearse
from posttraining.schema_problems import contract_schema, schema_problems, with_defaults


def main(arguments: list[str]) -> int:
    """Rehearses what the file of a request says; returns the status to end with."""
    if len(arguments) != 1:
        print("usage: python -m posttraining.rehearsal REQUEST.json", file=sys.stderr)
        return 2
    environment_is_quiet()
    # What it has started is ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        request = _read(Path(arguments[0]))
        report = rehearse(request, lambda line: print(f"rehearsal: {line}", flush=True))
    except (RehearsalError, ValueError, OSError) as error:
        print(f"This rehearsal could not be carried out: {error}", file=sys.stderr)
        return 2
    except Exception:
        # Python's own status for it is 1, which means that an invariant does not hold.
        traceback.print_exc()
        return 2
    (Path(request["folder"]) / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0 if report["passed"] else 1


def _read(file: Path) -> RehearsalRequest:
    request = json.loads(file.read_text(encoding="utf-8"))
    schema = contract_schema("rehearsal_request")
    if problems := schema_problems(schema, request):
        raise RehearsalError("\n".join(["the request is not valid:", *(f"  {problem}" for problem in problems)]))
    return cast("RehearsalRequest", with_defaults(schema, request))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
