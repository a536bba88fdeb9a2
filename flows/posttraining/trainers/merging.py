"""Merges an adapter into the model it was trained beside, so that anything can load the whole without PEFT.

On a processor, in float32, rounded once to the type that is saved. The host holds the base model once, in the type in which it is
stored, and one of its matrices in float32: 141 GB for a model of 70B in bfloat16.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posttraining.library_imports import lean_imports
from posttraining.models import ADAPTER_CONFIGURATION
from posttraining.trainers.model_class import model_class
from posttraining.trainers.saving import ADAPTER_FILE

# Files that say how pictures and sounds become inputs: a tokenizer does not write them.
PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")

# As files call them; the widest first.
_TYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}

# Below this share of the update, or above this rounding error, the merged model is noticeably not what was trained.
_LEAST_KEPT, _MOST_ERROR = 0.95, 0.3


class MergeError(ValueError):
    """An adapter that cannot be merged into its base; the message says why and what to do."""


@dataclass(frozen=True)
class Rounding:
    """What rounding left of an adapter's update of the weights."""

    kept: float
    """The share of the update that the saved weights carry: the part along it, 1 where nothing is lost."""
    error: float
    """Length of what rounding changed, by the length of the update."""

    @property
    def advice(self) -> str | None:
        """What to say to a person where much was lost."""
        if self.kept >= _LEAST_KEPT and self.error <= _MOST_ERROR:
            return None
        return (
            f"Merging kept {self.kept:.0%} of the adapter's update; the rounding error is {self.error:.0%} of it. "
            'Save and serve the adapter itself (trainable.saves: "adapter" or "both"), or train with a higher learning rate.'
        )


def merge_adapter(base: Path, adapter: Path, output: Path, dtype: str | None = None) -> Rounding:
    """Writes the base model with the adapter merged into it, and the tokenizer and chat template of the adapter's folder.

    The base must not be quantised: what the adapter learnt would be lost to rounding.

    Args:
        base: folder of the model that the adapter was trained beside.
        adapter: folder of the adapter.
        output: where the merged model is put.
        dtype: type of the saved weights, such as `bfloat16`; None: the one in which the base is stored.

    Returns:
        What rounding left of the update.

    Raises:
        MergeError: if weights of the adapter are missing, do not fit the model, or change nothing.
    """
    with lean_imports():
        import torch
        from transformers import AutoTokenizer
        from transformers.trainer_utils import align_special_tokens

    stored = stored_dtype(base)
    saved = getattr(torch, dtype or stored)
    model = model_class(base).from_pretrained(base, dtype=getattr(torch, stored))
    merged, rounding = _merged(model, adapter, saved)
    # As the trainer does with the model that it trains.
    align_special_tokens(merged, AutoTokenizer.from_pretrained(adapter))
    with torch.no_grad():
        for parameter in _in_other_type(merged, saved):
            parameter.data = parameter.data.to(saved)
    merged.config.dtype = saved
    merged.save_pretrained(output)
    copy_text_files(adapter, output)
    copy_processor_files(base, output)
    return rounding


def stored_dtype(folder: Path) -> str:
    """The widest type in which a model's weights are stored."""
    from safetensors import safe_open

    found = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            stored = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118
        found |= {_TYPES.get(name, name) for name in stored}
    if not found:
        found = _types_in_torch_files(folder)
    for name in _TYPES.values():
        if name in found:
            return name
    raise MergeError(f"{folder}: weights of type {', '.join(sorted(found)) or 'none'} cannot be merged into")


def _types_in_torch_files(folder: Path) -> set[str]:
    """Those of older models, which have torch's own files instead."""
    import torch

    return {
        str(weight.dtype).removeprefix("torch.")
        for file in sorted(folder.glob("pytorch_model*.bin"))
        for weight in torch.load(file, map_location="meta", weights_only=True).values()
    }


def _merged(model: Any, adapter: Path, saved: Any) -> tuple[Any, Rounding]:
    """The model with the adapter's update added, those weights in the type that is saved."""
    import torch
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(model, LoraConfig.from_pretrained(str(adapter)))
    _load(adapted, adapter)
    along = squares = error = 0.0
    with torch.no_grad():
        for parameter, update in _updates(adapted):
            before = parameter.data.to(saved).float()
            rounded = (parameter.data.float() + update).to(saved)
            change = rounded.float() - before
            along += float((change * update).sum(dtype=torch.float64))
            squares += float(update.square().sum(dtype=torch.float64))
            error += float((change - update).square().sum(dtype=torch.float64))
            parameter.data = rounded
            del before, rounded, change, update
    if squares == 0:
        raise MergeError("the adapter changes no weight: its update is zero everywhere, so it was not trained")
    if along <= 0:
        raise MergeError(
            f"the merged model would equal its base: nothing of the adapter's update survives rounding to {str(saved).removeprefix('torch.')}. "
            'Write trainable.saves: "adapter", or train longer or with a higher learning rate'
        )
    return adapted.unload(), Rounding(kept=along / squares, error=(error / squares) ** 0.5)


def _load(adapted: Any, adapter: Path) -> None:
    """Puts the adapter's weights in place; every one must have one."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = load_file(adapter / ADAPTER_FILE)
    expected = get_peft_model_state_dict(adapted)
    problems = []
    if missing := sorted(expected.keys() - weights.keys()):
        problems.append(f"{len(missing)} of {len(expected)} weights are missing, such as {missing[0]}")
    if unused := sorted(weights.keys() - expected.keys()):
        problems.append(f"{len(unused)} would not be used, such as {unused[0]}")
    if problems:
        raise MergeError(
            f"the adapter does not fit {type(adapted.get_base_model()).__name__}: of the adapter's weights {'; '.join(problems)}"
        )
    set_peft_model_state_dict(adapted, weights)


def _updates(adapted: Any) -> Iterator[tuple[Any, Any]]:
    """Each adapted weight, and what the adapter adds to it, in float32."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.layer import ParamWrapper

    for module in adapted.modules():
        if isinstance(module, ParamWrapper):
            yield module.get_param(), module.get_delta_weight("default").float()
        elif isinstance(module, LoraLayer):
            layer: Any = module
            yield layer.get_base_layer().weight, layer.get_delta_weight("default").float()


def _in_other_type(model: Any, saved: Any) -> Iterator[Any]:
    """Weights to be rounded; not those that the model's class keeps in float32."""
    kept = {part for names in (model._keep_in_fp32_modules, model._keep_in_fp32_modules_strict) for part in names or ()}
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and parameter.dtype != saved and not kept & set(name.split(".")):
            yield parameter


def copy_text_files(source: Path, target: Path) -> None:
    """Copies what the trainer wrote beside the adapter: tokenizer, chat template and, of a model that sees, its processor."""
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in (ADAPTER_CONFIGURATION, ADAPTER_FILE):
            shutil.copyfile(file, target / file.name)


def copy_processor_files(base: Path, target: Path) -> None:
    """Copies the base's files for pictures and sounds that the target lacks: training on text alone does not write them."""
    for name in PROCESSOR_FILES:
        if not (base / name).is_file() or (target / name).exists():
            continue
        content = json.loads((base / name).read_text(encoding="utf-8"))
        # A processor may carry the base's template; the model's own is the one it was trained with.
        content.pop("chat_template", None)
        (target / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
