"""The endpoint loads what was saved, and answers."""

from __future__ import annotations

from collections.abc import Mapping

from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.invariants.verdict import verdict

ANSWERS = "the endpoint answers"
SAME_MODEL = "the endpoint serves the weights that were saved"

# Both compute in float32, in kernels that add up in other orders.
_TOLERANCE = 0.005


def endpoint_answers(name: str, answer: str | None, tokens: int, problem: str | None) -> RehearsalInvariant:
    """A chat completion came back."""
    problems = [] if problem is None else [f"{name}: {problem}"]
    if problem is None and tokens == 0:
        problems.append(f"{name} answered with no token: see whether it ends every answer at once")
    return verdict(ANSWERS, problems, f"{name} answered {answer!r}", {"tokens": tokens})


def same_model(expected: Mapping[int, float], served: Mapping[int, float]) -> RehearsalInvariant:
    """The likeliest next tokens, by their ids, have the log-probabilities that the saved weights give."""
    common = expected.keys() & served.keys()
    difference = max((abs(expected[token] - served[token]) for token in common), default=float("inf"))
    problems = []
    if not common or difference > _TOLERANCE:
        what = "no token is among the likeliest of both" if not common else f"they differ by {difference:.3g}"
        problems.append(
            f"log-probabilities of the next token are not those of the saved weights ({what}): it loads other tensors"
        )
    return verdict(
        SAME_MODEL,
        problems,
        f"{len(common)} log-probabilities differ by {difference:.2g} at most",
        {"difference": difference},
    )
