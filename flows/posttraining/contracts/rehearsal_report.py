"""Types of contracts/index.ts's `rehearsal_report`; `npm run contracts` writes this file."""

from typing import Literal, TypedDict


class RehearsalReplacement(TypedDict):
    """What of the recipe is not rehearsed as it stands."""

    what: str
    """What the recipe asks for."""
    by: str
    """What the rehearsal used instead."""
    why: str
    """Why a processor cannot have it."""


class RehearsalInvariant(TypedDict):
    """One thing that a rehearsal proves."""

    name: str
    """What holds, in words; stable."""
    passed: bool
    """Whether it holds."""
    message: str
    """What was seen; where it does not hold, what to do about it."""
    measured: dict[str, float]
    """What was measured, by name."""


class RehearsalReport(TypedDict):
    """What a rehearsal proved."""

    version: Literal[1]
    """Version of reports; one of another is no report."""
    identity: str
    """The request's."""
    recipe: str
    """Name of the recipe."""
    passed: bool
    """Whether every invariant holds."""
    replaced: list[RehearsalReplacement]
    """What a processor cannot have, and what stood in for it."""
    invariants: list[RehearsalInvariant]
    """In the order in which they were looked at."""
    seconds: dict[str, float]
    """Seconds of each phase, and `total`."""
    at: str
    """When it ended: ISO 8601, UTC."""
