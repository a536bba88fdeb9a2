"""Weights that should change did, in the share that the precision allows; those that should not did not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Weights
from posttraining.rehearsal.invariants.verdict import verdict

if TYPE_CHECKING:
    from torch import Tensor

TRAINED = "weights that are trained change"
FROZEN = "weights that are not trained stay"

# Adam moves every weight that has a gradient by about the learning rate; float32 holds such steps beside any usual weight.
_LEAST_IN_FLOAT32 = 0.9
# Of what stochastic rounding changes on average; few weights are many enough for that.
_LEAST_OF_EXPECTED = 0.3


def trained_weights_change(recipe: Recipe, attempt: Attempt) -> RehearsalInvariant:
    """Every trained weight changed, and so many of its elements as its number format allows."""
    begin, end = attempt.weights["begin"], attempt.weights["end"]
    trained = [name for name in attempt.facts["trained"] if not _is_lookup(name, attempt)]
    least = least_share(recipe, begin, trained)
    shares = {name: changed_share(begin[name], end[name]) for name in trained}
    untouched = [name for name, share in shares.items() if share == 0]
    whole = _whole_share(begin, shares)
    problems = []
    if not trained:
        problems.append("nothing is trained: trainable must name modules that the model has")
    if whole < least or (trained and whole == 0):
        problems.append(
            f"{whole:.1%} of the elements of trained weights changed, and {least:.1%} or more should have with precision "
            f"{recipe['precision']} and a learning rate of {recipe['optimizer']['learningRate']:g}: write precision "
            "bfloat16-mixed, which keeps float32 weights, or raise optimizer.learningRate"
        )
    problems += [
        f"{name} did not change in {attempt.facts['lastStep']} steps: see whether its gradient reaches the optimizer"
        for name in untouched
        if least > 0
    ]
    seen = f"{whole:.1%} of the elements of {len(trained)} trained weights changed"
    return verdict(
        TRAINED, problems, seen, {"changedShare": whole, "leastShare": least, "trainedWeights": len(trained)}
    )


def frozen_weights_stay(attempt: Attempt) -> RehearsalInvariant:
    """Whatever is not trained is at the end what it was at the begin."""
    begin, end = attempt.weights["begin"], attempt.weights["end"]
    frozen = [name for name in begin if name not in attempt.facts["trained"]]
    changed = [name for name in frozen if changed_share(begin[name], end[name]) > 0]
    problems = [f"{name} changed, though it is not trained: see what writes to it" for name in changed]
    return verdict(
        FROZEN, problems, f"{len(frozen)} weights that are not trained stayed", {"frozenWeights": len(frozen)}
    )


def least_share(recipe: Recipe, weights: Weights, trained: list[str]) -> float:
    """The share of trained elements that must have changed, by the number format that the optimizer should update."""
    if recipe["trainable"]["kind"] != "full" or recipe["precision"] in ("float32", "bfloat16-mixed"):
        return _LEAST_IN_FLOAT32
    if recipe["precision"] == "bfloat16-stochastic":
        return _LEAST_OF_EXPECTED * expected_share(recipe, [weights[name] for name in trained])
    # Rounded to nearest, most steps are lost; the recipe asks for that by name.
    return 0.0


def expected_share(recipe: Recipe, weights: list[Tensor]) -> float:
    """The share that one step of the highest learning rate changes where bfloat16 weights are rounded stochastically."""
    import torch

    step, chances, elements = recipe["optimizer"]["learningRate"], 0.0, 0
    for weight in weights:
        magnitude = weight.detach().abs().float().clamp(min=2.0**-126)
        # bfloat16 has 8 bits: the next number is 2^-7 of the power of two away.
        spacing = torch.exp2(torch.floor(torch.log2(magnitude)) - 7)
        chances += float((step / spacing).clamp(max=1).sum())
        elements += weight.numel()
    return chances / max(elements, 1)


def changed_share(before: Tensor, after: Tensor) -> float:
    """The share of elements that differ."""
    if before.shape != after.shape:
        return math.nan
    return float((before != after).float().mean())


def _whole_share(weights: Weights, shares: dict[str, float]) -> float:
    elements = {name: weights[name].numel() for name in shares}
    return sum(share * elements[name] for name, share in shares.items()) / max(sum(elements.values()), 1)


def _is_lookup(name: str, attempt: Attempt) -> bool:
    """Rows of words that no example has get no gradient, unless the head shares them; nor do experts that no token visits."""
    if "embed" in name:
        return any("lm_head" in other for other in attempt.weights["begin"])
    return ".experts." in name
