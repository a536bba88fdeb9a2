"""How an invariant is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posttraining.contracts.rehearsal_report import RehearsalInvariant

_MOST = 4


def verdict(
    name: str, problems: Sequence[str], seen: str, measured: Mapping[str, float] | None = None
) -> RehearsalInvariant:
    """One invariant: it holds if there are no problems.

    Args:
        name: what holds, in words.
        problems: what does not, each with what to do.
        seen: what was seen where it holds.
        measured: numbers behind it.
    """
    more = f"; and {len(problems) - _MOST} more" if len(problems) > _MOST else ""
    return {
        "name": name,
        "passed": not problems,
        "message": "; ".join(problems[:_MOST]) + more if problems else seen,
        # JSON has no words for what is not a number.
        "measured": {key: float(value) for key, value in (measured or {}).items() if value == value},
    }
