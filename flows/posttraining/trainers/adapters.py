"""Adapters (LoRA, QLoRA): configuration, the quantised base, and whether a model can take one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from posttraining.contracts.recipe import LoraTraining, QloraTraining, Trainable
from posttraining.trainers.model_class import decoder_name, is_multimodal, model_without_weights


class AdapterError(ValueError):
    """A model that cannot be trained with the recipe's adapter; the message says why and what to write instead."""


def adapter_configuration(trainable: Trainable, base: Path) -> Any:
    """PEFT's configuration of the recipe's adapter on a model; None for full training.

    Only text is trained: of a model that also sees or hears, its towers are left as they are.

    Args:
        trainable: the recipe's.
        base: folder of the model.
    """
    if trainable["kind"] == "full":
        return None
    return _configuration(trainable, _towers(base))


def _configuration(trainable: LoraTraining | QloraTraining, excluded: str | None) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=trainable["rank"],
        # PEFT takes any number, whatever its type says.
        lora_alpha=trainable["alpha"],  # pyright: ignore[reportArgumentType]
        lora_dropout=trainable["dropout"],
        target_modules=trainable["targets"],
        exclude_modules=excluded,
        task_type="CAUSAL_LM",
    )


def _towers(base: Path) -> str | None:
    """A pattern of all modules beside the part of a model that reads and writes text; None where there are none."""
    configuration = json.loads((base / "config.json").read_text(encoding="utf-8"))
    # Most models have none: then no model has to be built to know where.
    if not any(name in configuration for name in ("vision_config", "audio_config")):
        return None
    return _beside_text(model_without_weights(base))


def _beside_text(model: Any) -> str | None:
    decoder = decoder_name(model)
    return rf"(?!{re.escape(decoder)}\.).*" if is_multimodal(model) and decoder else None


def quantization(trainable: Trainable) -> Any | None:
    """The quantised base that QLoRA trains on: NF4 with double quantisation; None otherwise."""
    if trainable["kind"] != "qlora":
        return None
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        # FSDP can shard the packed weights only if they are stored in a floating point type, the model's.
        bnb_4bit_quant_storage=torch.bfloat16,
    )


def require_adaptable(trainable: Trainable, base: Path) -> None:
    """Refuses a model that the recipe's adapter cannot be trained beside, or not be merged into, before it is trained.

    Builds the model without weights: seconds, and no memory to speak of.

    Raises:
        AdapterError: naming the recipe's field.
    """
    if trainable["kind"] == "full":
        return
    from peft import get_peft_model
    from peft.tuners.lora import LoraLayer

    configuration = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if "quantization_config" in configuration:
        raise AdapterError(
            f"model.base: its weights are quantised ({configuration['quantization_config'].get('quant_method')}), and an adapter "
            "cannot be merged into those: write the model from which it was quantised"
        )
    model = model_without_weights(base)
    tied = sorted(name.removesuffix(".weight") for pair in _tied_weights(model) for name in pair)
    try:
        adapted = get_peft_model(model, _configuration(trainable, _beside_text(model)), low_cpu_mem_usage=True)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise AdapterError(
            f"trainable.targets: PEFT cannot adapt {type(model).__name__} so: {error}. Write the names of linear modules"
        ) from error
    layers = [
        name.removeprefix("base_model.model.")
        for name, module in adapted.named_modules()
        if isinstance(module, LoraLayer)
    ]
    if both := [name for name in layers if name in tied]:
        raise AdapterError(
            f"trainable.targets: got {both[0].rpartition('.')[2]}, whose weight is also the model's head: an adapter on one of them "
            "cannot be merged into both: remove it"
        )


def _tied_weights(model: Any) -> list[tuple[str, str]]:
    if not getattr(model.config.get_text_config(), "tie_word_embeddings", False):
        return []
    tied = model._tied_weights_keys
    return list(tied.items()) if isinstance(tied, dict) else []
