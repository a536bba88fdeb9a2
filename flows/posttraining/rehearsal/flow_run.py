"""The flow itself, run as a person or an orchestrator runs it, in a Metaflow home of the rehearsal's own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from posttraining.contracts.run_document import RunDocument
from posttraining.driver.environment import OWNER_VARIABLE, without_foreign_variables
from posttraining.rehearsal.observation_variables import INTERRUPT, OBSERVE

FLOWS = Path(__file__).resolve().parents[2]

_TASK_STARTS = re.compile(r"\[[^\]/]+/(\w+)/[^\]]*\] Task is starting")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [0-9:.]+ ")


class FlowRun:
    """One run of a method's flow, killed once on the way and resumed by Metaflow."""

    def __init__(self, document: RunDocument, folder: Path, interrupted_at: int) -> None:
        self.observed = folder / "observed"
        self._home = folder / "metaflow"
        self._log = folder / "flow.log"
        self.observed.mkdir(parents=True)
        self._home.mkdir()
        method = document["recipe"]["method"]
        file = folder / "run.json"
        file.write_text(json.dumps(document, indent=2))
        command = [sys.executable, str(FLOWS / method / "flow.py"), "--no-pylint", "--config", "run", str(file), "run"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._home,
                env=_environment(os.environ, self._home)
                | {OBSERVE: str(self.observed), INTERRUPT: str(interrupted_at)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def steps(self) -> list[str]:
        """Names of the steps that have begun, in their order; a step that is tried again is there again."""
        return _TASK_STARTS.findall(self._log.read_text(encoding="utf-8", errors="replace"))

    def ended(self) -> int | None:
        """The status with which it ended; None while it runs."""
        return self._process.poll()

    def wait_for_step(self, step: str, seconds: float) -> bool:
        """Waits until a step begins, or the run ends; returns whether the step has begun."""
        deadline = time.monotonic() + seconds
        while step not in self.steps():
            if self.ended() is not None:
                return step in self.steps()
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.2)
        return True

    def wait(self, seconds: float) -> int | None:
        """Waits for its end; kills it after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """Ends the run and all that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()

    def last_lines(self, count: int = 25) -> str:
        """What it said last."""
        lines = [_STAMP.sub("", line) for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines()]
        told = [line for line in lines if "POSTTRAINING_PROGRESS" not in line]
        return "\n".join(told[-count:])


def mark_of(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variable by which whoever started the rehearsal finds, and ends, all that it has started."""
    return {name: value for name, value in inherited.items() if name == OWNER_VARIABLE}


def _environment(inherited: Mapping[str, str], home: Path) -> dict[str, str]:
    """A run's environment, with everything that Metaflow keeps below `home`."""
    return (
        without_foreign_variables(inherited)
        | mark_of(inherited)
        | {
            "OMP_NUM_THREADS": "1",
            "METAFLOW_HOME": str(home),
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(home),
            "METAFLOW_CLIENT_CACHE_PATH": str(home / "client-cache"),
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_USER": "rehearsal",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PYTHONPATH": str(FLOWS),
            "PYTHONUTF8": "1",
            "HF_HUB_OFFLINE": "1",
        }
    )
