"""Numbers are in the formats that the recipe asks for, from the weights to the loss."""

from __future__ import annotations

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Forward
from posttraining.rehearsal.invariants.verdict import verdict
from posttraining.trainers.precision import numbers_of

LOSS = "log-probabilities reach the loss in float32"
STATES = "weights, gradients and moments have the formats of the recipe's precision"


def loss_in_float32(attempt: Attempt) -> RehearsalInvariant:
    """What the loss is computed of is float32, and was not bfloat16 on the way."""
    import torch

    problems, rounded, least = [], 0.0, 1.0
    for kind, forwards in (("the model", attempt.forwards), ("the reference model", attempt.reference_forwards)):
        for forward in forwards:
            if forward.log_probs.dtype != torch.float32:
                problems.append(
                    f"log-probabilities of {kind} are {str(forward.log_probs.dtype).removeprefix('torch.')}: {_ADVICE}"
                )
                break
            rounded = _share_of_bfloat16(forward)
            least = min(least, 1 - rounded)
            if rounded > 0.5:
                problems.append(
                    f"{rounded:.0%} of the log-probabilities of {kind} were rounded to bfloat16 on the way: {_ADVICE}"
                )
                break
    if not attempt.forwards:
        problems.append(
            "no forward pass of the first step was seen: TRL computes its losses in another way than 1.16 does"
        )
    count = len(attempt.forwards) + len(attempt.reference_forwards)
    return verdict(
        LOSS, problems, f"{count} forward passes gave float32", {"forwardPasses": count, "unroundedShare": least}
    )


_ADVICE = (
    "differences of them are what DPO, KTO and GRPO learn from; set output_dtype=float32 in FSDP2's MixedPrecisionPolicy "
    "(trainers/precision.py)"
)


def _share_of_bfloat16(forward: Forward) -> float:
    """Of float32 numbers about one in 65,536 is one of bfloat16's by chance."""
    import torch

    values = forward.log_probs[forward.labels[:, 1:] != -100]
    return float((values == values.to(torch.bfloat16).float()).float().mean()) if values.numel() else 0.0


def states_in_formats(recipe: Recipe, plan: Plan, attempt: Attempt) -> RehearsalInvariant:
    """Trained weights, their gradients and their moments."""
    expected = numbers_of(recipe, plan).loaded if recipe["trainable"]["kind"] == "full" else "float32"
    facts = attempt.facts
    weights = {facts["weightTypes"][name] for name in facts["trained"]}
    problems = []
    if weights != {expected}:
        problems.append(f"trained weights are {_named(weights)}, and precision {recipe['precision']} means {expected}")
    gradients = set(facts.get("gradientTypes", {}))
    if "none" in gradients:
        problems.append(
            f"{facts['gradientTypes']['none']} trained weights have no gradient: see which modules take part in the loss"
        )
    if gradients - {"none"} != {expected}:
        problems.append(f"gradients are {_named(gradients)}, and precision {recipe['precision']} means {expected}")
    moments = set(facts.get("momentTypes", {}))
    if recipe["optimizer"]["name"] in ("adamw_torch", "adamw_torch_fused") and moments != {expected}:
        problems.append(
            f"the optimizer's moments are {_named(moments)}, and precision {recipe['precision']} means {expected}"
        )
    return verdict(STATES, [f"{each}: see trainers/precision.py" for each in problems], f"all are {expected}")


def _named(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds)) or "not there"
