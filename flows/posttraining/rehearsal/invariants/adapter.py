"""An adapter is saved whole, and merging adds its update to the base and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Saved, Weights
from posttraining.rehearsal.invariants.saved import rounding_error
from posttraining.rehearsal.invariants.verdict import verdict

if TYPE_CHECKING:
    from torch import Tensor

SAVED = "the adapter is saved whole and has learnt"
MERGED = "the merged model is the base plus the adapter's update, within rounding"

_UPDATE_SHARE = 0.02
"""Of the merged weights' rounding, beside that of the sum: matrix products in other orders."""


def adapter_is_saved(attempt: Attempt, adapter: Saved) -> RehearsalInvariant:
    """Every trained weight is in the adapter's file, as it was trained, and not all of them are as they began."""
    trained = {_plain(name): attempt.weights["end"][name] for name in attempt.facts["trained"]}
    saved = {_plain(name): weight for name, weight in adapter.adapter.items()}
    problems = []
    missing = [name for name in trained if name not in saved]
    if missing:
        problems.append(
            f"{len(missing)} of {len(trained)} trained weights are not in adapter_model.safetensors, such as {missing[0]}: "
            "the run would register its base (trainers/saving.py, docs/upstream/)"
        )
    other = [name for name in trained if name in saved and rounding_error(trained[name], saved[name]) > 1.01]
    if other:
        problems.append(
            f"{len(other)} saved weights are not those that were trained, such as {other[0]}: see trainers/saving.py"
        )
    learnt = [name for name in saved if "lora_B" in name and bool(saved[name].any())]
    if saved and not learnt:
        problems.append(
            "every lora_B is zero: the adapter has learnt nothing; see whether its gradients reach the optimizer"
        )
    seen = f"{len(saved)} tensors, {len(learnt)} of them learnt from zero"
    return verdict(SAVED, problems, seen, {"tensors": len(saved), "trained": len(trained)})


def merged_is_base_plus_update(recipe: Any, attempt: Attempt, base: Saved, model: Saved) -> RehearsalInvariant:
    """`merged = base + alpha / rank * B A`, rounded once; everything else as in the base."""
    scale = recipe["trainable"]["alpha"] / recipe["trainable"]["rank"]
    updates = updates_of(attempt.weights["end"], scale)
    merged = model.weights
    problems, changed, elements, kept, squares = [], 0, 0, 0.0, 0.0
    for name, weight in base.weights.items():
        if name not in merged:
            continue
        update = updates.pop(name, None)
        expected = weight.float() if update is None else weight.float() + update
        error = rounding_error(expected, merged[name])
        if error > (1.01 if update is None else 1.01 + _UPDATE_SHARE):
            what = (
                "the base's weight, which no adapter changes"
                if update is None
                else "the base plus the adapter's update"
            )
            problems.append(f"{name} is not {what}: it is {error:.3g} times as far from it as rounding explains")
        if update is not None:
            difference = merged[name].float() - weight.float()
            changed += int((difference != 0).sum())
            elements += weight.numel()
            kept += float((difference * update).sum())
            squares += float((update * update).sum())
    problems += [f"the update of {name} is in no merged weight: see trainers/merging.py" for name in updates]
    if changed == 0:
        problems.append(
            "merging changed nothing: the model that is registered would be its base; raise optimizer.learningRate, or "
            'write trainable.saves: "adapter"'
        )
    share, survives = changed / max(elements, 1), kept / squares if squares else 0.0
    seen = f"{share:.1%} of the adapted weights' numbers changed, {survives:.0%} of the update survives rounding"
    return verdict(MERGED, problems, seen, {"changedShare": share, "updateKept": survives})


def updates_of(weights: Weights, scale: float) -> dict[str, Tensor]:
    """What an adapter adds to weights of the base, by their names."""
    plain = {_plain(name): weight.float() for name, weight in weights.items()}
    found: dict[str, Tensor] = {}
    for name, second in plain.items():
        if not name.endswith("lora_B.weight"):
            continue
        first = plain.get(name.replace("lora_B", "lora_A"))
        if first is not None:
            found[name.replace(".lora_B.weight", ".weight")] = scale * (second @ first)
    return found


def _plain(name: str) -> str:
    """The name that a weight has in a file, without what PEFT puts around it in memory."""
    return name.removeprefix("base_model.model.").replace(".default.", ".")
