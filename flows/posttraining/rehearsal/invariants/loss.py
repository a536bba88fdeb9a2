"""The loss that training sees is the loss of a plain reference: unpacked, unsharded, in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence

from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt
from posttraining.rehearsal.invariants.verdict import verdict
from posttraining.rehearsal.reference import Comparison

NAME = "training sees the loss of an unpacked, unsharded reference"

# Mean difference of a token's log-probability. Measured on 2026-11-29 with the six recipes in bfloat16 arithmetic: 0.002 to 0.004;
# where packed examples see each other (tests/flows/rehearsal/run_faulty_jobs.py): 0.23. float32 keeps four digits more.
_TOLERANCES = {"float32": 1e-4}
_TOLERANCE_OF_BFLOAT16 = 0.04
_LOGGED_TOLERANCE = 1e-3


def loss_is_the_references(recipe: Recipe, attempt: Attempt, compared: Sequence[Comparison]) -> RehearsalInvariant:
    """Token by token; and, where the loss is their mean, what the trainer logged of the first step."""
    tolerance = _TOLERANCES.get(recipe["precision"], _TOLERANCE_OF_BFLOAT16)
    count = sum(one.trained.numel() for one in compared)
    problems, measured = [], {"tokens": float(count)}
    if count == 0:
        return verdict(
            NAME, ["the loss of the first step counts no token: see sequence.maxLength and the data set's answers"], ""
        )
    difference = sum(float((one.trained - one.reference).abs().sum()) for one in compared) / count
    trained = -sum(float(one.trained.sum()) for one in compared) / count
    reference = -sum(float(one.reference.sum()) for one in compared) / count
    measured |= {"meanDifference": difference, "loss": trained, "referenceLoss": reference}
    if not difference <= tolerance:
        problems.append(
            f"log-probabilities of tokens differ by {difference:.3g} on average, and rounding explains {tolerance:g}: "
            "examples that are packed together see each other, or a weight is not the base's"
        )
    crossing = sum(one.crossing for one in compared)
    if crossing:
        problems.append(f"{crossing} tokens that begin an example are learnt from the end of the one packed before it")
    if recipe["method"] == "sft" and attempt.history:
        logged = attempt.history[0]["loss"]
        measured["loggedLoss"] = logged
        if not math.isclose(logged, trained, rel_tol=_LOGGED_TOLERANCE):
            problems.append(
                f"the trainer's first loss is {logged:.5f}, and the mean over all its tokens {trained:.5f}: it is not averaged "
                "over all processes and micro batches"
            )
    seen = f"{count} tokens, loss {trained:.4f} beside {reference:.4f}, {difference:.2g} apart on average"
    return verdict(NAME, problems, seen, measured)
