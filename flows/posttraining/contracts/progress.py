"""Types of contracts/index.ts's `progress`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypedDict


class Progress(TypedDict):
    """How far a run is."""

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
