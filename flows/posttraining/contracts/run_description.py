"""Types of contracts/index.ts's `run_description`; `npm run contracts` writes this file."""

from typing import Literal, TypeAlias, TypedDict

from .flow_result import FlowResult

RunState: TypeAlias = Literal["running", "succeeded", "rejected", "failed", "stopped", "missing"]
"""`rejected`: the run ended, its model did not pass the gate. `missing`: there is no such run."""


class RunFailure(TypedDict):
    """Why a run failed."""

    step: str | None
    """The step that failed; null: the flow failed outside of its steps."""
    message: str
    """One line, the exception if there was one."""
    lines: list[str]
    """The last log lines of that step, without Metaflow's own."""


class RunDescription(TypedDict):
    """How a run stands."""

    status: RunState
    """`rejected`: the run ended, its model did not pass the gate. `missing`: there is no such run, and all else is null or empty."""
    runId: str | None
    """Metaflow's id of the run; null: not known yet."""
    pathspec: str | None
    """Metaflow's name of the run: `<Flow>/<run id>`; null: not known yet."""
    startedAt: str | None
    finishedAt: str | None
    result: FlowResult | None
    """Null until the run has succeeded or was rejected."""
    cards: list[str]
    """Absolute paths of the run's cards (HTML), in the order of its steps."""
    logFile: str | None
    """Absolute path of the run's log."""
    damage: list[str]
    """What of the run's record could not be read, a sentence each."""
    error: RunFailure | None
    """Why the run failed; null: it did not."""
