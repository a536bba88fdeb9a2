"""The model before training, of methods that compare with it."""

from __future__ import annotations

from collections.abc import Iterator

from posttraining.contracts.plan import Plan


def precomputed_reference_problems(method: str, is_precomputed: bool, plan: Plan) -> Iterator[str]:
    """What is wrong with log-probabilities that are computed before training, as `path: reason`."""
    if is_precomputed and plan["nodes"] > 1:
        # TRL 1.16: the first process alone writes them, to a file on its node.
        yield (
            f"{method}.precomputeReferenceLogProbabilities: only the first of several nodes would have them; "
            "set it to false, or plan one node"
        )
