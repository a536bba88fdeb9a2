"""Types of contracts/index.ts's `driver_event`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from .run_description import RunDescription


class ProgressEvent(TypedDict):
    """A progress line of the run that is watched."""

    phase: Literal["train", "evaluate"]
    """What is under way."""
    step: int
    """Steps that are done."""
    totalSteps: int
    """Steps of the phase."""
    loss: NotRequired[float | None]
    """The newest loss; null: not a finite number."""
    metric: NotRequired[dict[str, float]]
    """What else the trainer logged, as far as it is finite."""
    secondsLeft: NotRequired[float | None]
    """Estimated seconds to the end of the phase; null: not known yet."""
    event: Literal["progress"]


class StepEvent(TypedDict):
    """A step of the run that is watched began or ended."""

    event: Literal["step"]
    step: str
    """Name of the step."""
    state: Literal["started", "finished", "failed", "retrying"]
    """What has become of it."""


class StoppedEvent(TypedDict):
    """The last line of `stop-all`; the exit status is 0."""

    event: Literal["stopped"]
    stopped: list[str]
    """Keys of the runs that were live."""


ErrorCode: TypeAlias = Literal[
    "invalid-request",
    "orchestrator-not-available",
    "runs-directory-unusable",
    "temporary-folder-unusable",
    "disk-full",
    "start-failed",
    "processes-remain",
    "not-restored",
    "internal",
]
"""The kind of an error, for programs."""


class ErrorEvent(TypedDict):
    """The last line of a request that could not be carried out; the exit status is 1."""

    event: Literal["error"]
    code: ErrorCode
    """The kind of the error, for programs."""
    message: str
    """What is wrong and what to do about it, for people."""


class DescriptionEvent(TypedDict):
    """The last line of a request about one run; the exit status is 0."""

    event: Literal["result"]
    description: RunDescription


DriverEvent: TypeAlias = ProgressEvent | StepEvent | DescriptionEvent | StoppedEvent | ErrorEvent
"""One line of the driver's standard output."""
