"""The environment variables of a run's processes."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from posttraining.driver.processes import MARK_VARIABLE
from posttraining.driver.record import RunRecord
from posttraining.driver.request import FLOWS_DIRECTORY, LocalSettings


def environment_of_run(inherited: Mapping[str, str], settings: LocalSettings, record: RunRecord) -> dict[str, str]:
    """Returns the environment for the supervisor and the flow.

    Metaflow's and AWS's variables of the caller are left out: a profile or a session token of a person's own account
    would be mixed with the stack's store. What the request gives wins over every default.
    """
    state = settings.runs_directory.parent / "metaflow"
    environment = {name: value for name, value in inherited.items() if not name.startswith(("METAFLOW_", "AWS_"))}
    # Otherwise each of a run's processes starts as many threads as there are cores.
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment |= {
        "METAFLOW_HOME": str(state),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(state),
        # Metaflow's own default is one folder in /tmp for all users of the machine.
        "METAFLOW_CLIENT_CACHE_PATH": str(state / "client-cache"),
        # Metaflow leaves a file there for every run.
        "TMPDIR": str(record.temporary_directory),
        "METAFLOW_DEFAULT_METADATA": "local",
        # Metaflow refuses to run without a user, and a container may have none.
        "METAFLOW_USER": "posttraining",
    }
    environment |= settings.environment
    # Metaflow's extensions start workers as `python`, which must be this interpreter.
    environment["PATH"] = _joined(str(Path(sys.executable).parent), environment.get("PATH", os.defpath))
    environment["PYTHONPATH"] = _joined(str(FLOWS_DIRECTORY), environment.get("PYTHONPATH", ""))
    environment[MARK_VARIABLE] = record.mark
    return environment


def _joined(first: str, rest: str) -> str:
    return f"{first}{os.pathsep}{rest}" if rest else first
