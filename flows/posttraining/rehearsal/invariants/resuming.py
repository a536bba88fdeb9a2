"""A run that is killed mid-way goes on from its checkpoint, to the same losses and weights as one that was not."""

from __future__ import annotations

import math

from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Weights
from posttraining.rehearsal.invariants.verdict import verdict

RESTORED = "a killed run goes on with what its checkpoint holds"
SAME = "a killed run ends as one that was not killed"

# The same processes add up the same numbers in the same order.
_TOLERANCE = 1e-6


def checkpoint_is_restored(killed: Attempt | None, resumed: Attempt | None, checkpoint: int) -> RehearsalInvariant:
    """The next attempt begins at the checkpoint's step, with the checkpoint's weights."""
    if killed is None or resumed is None:
        missing = "first" if killed is None else "second"
        return verdict(RESTORED, [f"the {missing} attempt left no trace: see flow.log"], "")
    problems = []
    first = resumed.facts["firstStep"]
    if first != checkpoint:
        problems.append(
            f"the second attempt begins at step {first}, and the last checkpoint was of step {checkpoint}: see checkpoints.py"
        )
    stored, loaded = killed.weights.get(f"step-{checkpoint}"), resumed.weights["begin"]
    if stored is None:
        problems.append(f"the killed attempt saved nothing at step {checkpoint}: see checkpointEverySteps")
    else:
        trained = killed.facts["trained"]
        other = [name for name in trained if name not in loaded or not _equal(stored[name], loaded[name])]
        problems += [
            f"{len(other)} of {len(trained)} trained weights are not those of the checkpoint, such as {name}: "
            "what was trained until then is lost while the optimizer's moments come back"
            for name in other[:1]
        ]
    return verdict(RESTORED, problems, f"it went on at step {first} with the same weights", {"firstStep": first})


def ends_are_the_same(resumed: Attempt | None, whole: Attempt | None) -> RehearsalInvariant:
    """Losses by step, and weights at the end."""
    if resumed is None or whole is None:
        missing = "resumed" if resumed is None else "uninterrupted"
        return verdict(SAME, [f"the {missing} training left no trace: see flow.log"], "")
    problems = []
    losses = {int(entry["step"]): entry["loss"] for entry in resumed.history}
    expected = {int(entry["step"]): entry["loss"] for entry in whole.history}
    if losses.keys() != expected.keys():
        problems.append(
            f"losses were logged of steps {_listed(losses)}, and of steps {_listed(expected)} without a kill"
        )
    difference = max(
        (_relative(losses[step], expected[step]) for step in losses.keys() & expected.keys()), default=math.nan
    )
    if not difference <= _TOLERANCE:
        worst = max(
            losses.keys() & expected.keys(), key=lambda step: _relative(losses[step], expected[step]), default=0
        )
        problems.append(
            f"the loss of step {worst} is {losses.get(worst)}, and {expected.get(worst)} without a kill: weights, moments, "
            "random numbers or the place in the data are not restored"
        )
    distance = _distance(resumed.weights.get("end", {}), whole.weights.get("end", {}))
    if not distance <= _TOLERANCE:
        problems.append(f"weights at the end differ by up to {distance:.2g}")
    seen = f"{len(losses)} losses and all weights are the same"
    return verdict(SAME, problems, seen, {"lossDifference": difference, "weightDifference": distance})


def _equal(one: object, other: object) -> bool:
    import torch

    return isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) and torch.equal(one, other)


def _distance(one: Weights, other: Weights) -> float:
    if not one or one.keys() != other.keys():
        return math.inf
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def _relative(one: float, other: float) -> float:
    if one == other:
        return 0.0
    return abs(one - other) / max(abs(one), abs(other)) if math.isfinite(one) and math.isfinite(other) else math.inf


def _listed(steps: dict[int, float]) -> str:
    return ", ".join(str(step) for step in sorted(steps)) or "none"
