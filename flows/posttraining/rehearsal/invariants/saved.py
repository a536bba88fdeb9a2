"""What was saved is whole, and is what was trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Saved, Weights
from posttraining.rehearsal.invariants.verdict import verdict

if TYPE_CHECKING:
    from torch import Tensor

WHOLE = "the saved model has every weight of its base and no other"
AS_TRAINED = "the saved weights are the trained ones, rounded once"
FILES = "the saved model has the chat template, special tokens and processor files that it was trained with"

_HALF_STEP = {"torch.bfloat16": 2.0**-8, "torch.float16": 2.0**-11, "torch.float32": 2.0**-23}
_PROCESSOR = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")
_KINDS = ("bos_token", "eos_token", "pad_token")


def model_is_whole(base: Saved, model: Saved) -> RehearsalInvariant:
    """Names and shapes of all tensors, and the class."""
    expected, found = _shapes(base.weights), _shapes(model.weights)
    problems = []
    missing = [name for name in expected if name not in found and not _is_tied_head(name, base, model)]
    unexpected = [name for name in found if name not in expected and not _is_tied_head(name, base, model)]
    other = [name for name in expected if name in found and found[name] != expected[name]]
    advice = "it must be saved as the class that was trained (trainers/model_class.py)"
    for what, names in (("missing", missing), ("not the base's", unexpected), ("of another shape", other)):
        if names:
            problems.append(f"{len(names)} of {len(expected)} tensors are {what}, such as {names[0]}: {advice}")
    architectures = [_configuration(one).get("architectures") for one in (base, model)]
    if architectures[0] != architectures[1]:
        problems.append(f"its config.json names {architectures[1]}, and the base's {architectures[0]}: {advice}")
    return verdict(WHOLE, problems, f"all {len(expected)} tensors are there", {"tensors": len(found)})


def saved_as_trained(trained: Weights, model: Saved, base: Saved) -> RehearsalInvariant:
    """Each saved weight is the trained one, to within half a step of its number format; and together they are not the base."""
    problems, changed, elements, worst = [], 0, 0, 0.0
    saved = model.weights
    for name, weight in trained.items():
        if name not in saved:
            continue
        error = rounding_error(weight, saved[name])
        worst = max(worst, error)
        if error > 1.01:
            problems.append(
                f"{name} is not what was trained: it is {error:.3g} times as far from it as rounding explains"
            )
        if name in base.weights:
            changed += int((saved[name].float() != base.weights[name].float()).sum())
            elements += weight.numel()
    if not trained.keys() & saved.keys():
        problems.append("no saved weight has the name of a trained one: see trainers/saving.py")
    elif changed == 0:
        problems.append(
            "no saved weight differs from the base model's: all that was learnt is lost to rounding; raise "
            "optimizer.learningRate, or write a precision that is saved in float32"
        )
    share = changed / max(elements, 1)
    seen = f"{share:.1%} of the saved numbers differ from the base's"
    return verdict(AS_TRAINED, problems, seen, {"changedShare": share, "roundingError": worst})


def rounding_error(exact: Tensor, rounded: Tensor) -> float:
    """The largest difference, in half steps of the rounded numbers' format: 1 or less is rounding to nearest."""
    import torch

    step = _HALF_STEP.get(str(rounded.dtype), 0.0)
    least = torch.finfo(torch.float32).tiny
    difference = (exact.float() - rounded.float()).abs()
    return float((difference / (step * exact.float().abs()).clamp(min=least)).max()) if exact.numel() else 0.0


def files_are_kept(base: Saved, model: Saved, attempt: Attempt) -> RehearsalInvariant:
    """Chat template, special tokens and processor files."""
    problems = []
    used, kept = attempt.facts["chatTemplate"], _template(model)
    if used is not None and kept is None:
        problems.append(
            "it has no chat template, and was trained with one: evaluation and endpoints would ask it in another form"
        )
    settings = _json(model, "tokenizer_config.json")
    for kind in _KINDS:
        expected, found = attempt.facts["specialTokens"].get(kind), _token(settings.get(kind))
        # A tokenizer without one of its own for padding is given one while it trains.
        if expected is not None and found != expected:
            problems.append(
                f"its {kind} is {found}, and was {expected} while it was trained: copy the trainer's tokenizer files"
            )
    lost = [name for name in _PROCESSOR if name in base.files and name not in model.files]
    problems += [f"{name} of the base is missing: a server that reads pictures could not load it" for name in lost]
    if "tokenizer.json" in base.files and "tokenizer.json" not in model.files:
        problems.append("tokenizer.json is missing: copy the trainer's tokenizer files")
    return verdict(FILES, problems, "all are there", {"hasTemplate": kept is not None})


def _shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def _is_tied_head(name: str, base: Saved, model: Saved) -> bool:
    """A state that FSDP has gathered names tied weights twice."""
    tied = any(_configuration(one).get("tie_word_embeddings") for one in (base, model))
    return name.endswith("lm_head.weight") and tied


def _configuration(model: Saved) -> dict[str, Any]:
    return _json(model, "config.json")


def _json(model: Saved, name: str) -> dict[str, Any]:
    file = model.folder / name
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _template(model: Saved) -> str | None:
    file = model.folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    return _json(model, "tokenizer_config.json").get("chat_template")


def _token(value: Any) -> str | None:
    return value.get("content") if isinstance(value, dict) else value
