"""Adapters (LoRA, QLoRA): configuration, the quantised base, and merging into plain weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from posttraining.contracts.recipe import Trainable


def adapter_configuration(trainable: Trainable) -> Any | None:
    """PEFT's configuration of the recipe's adapter; None for full training."""
    if trainable["kind"] == "full":
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=trainable["rank"],
        # PEFT takes any number, whatever its type says.
        lora_alpha=trainable["alpha"],  # pyright: ignore[reportArgumentType]
        lora_dropout=trainable["dropout"],
        target_modules=trainable["targets"],
        task_type="CAUSAL_LM",
    )


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


def merge_adapter(base: Path, adapter: Path, output: Path, precision: str) -> None:
    """Writes the base model with the adapter merged into it, so that anything can load it without PEFT.

    On the processor and from the unquantised base: under FSDP weights cannot be merged, and merging into quantised
    weights would lose what the adapter learnt to rounding.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=getattr(torch, precision))
    PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(output)
    copy_tokenizer(base, output)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copies the tokenizer's files unless the target has its own."""
    for pattern in ("tokenizer*", "special_tokens_map.json", "chat_template*", "vocab*", "merges.txt", "*.model"):
        for file in source.glob(pattern):
            if file.is_file() and not (target / file.name).exists():
                shutil.copyfile(file, target / file.name)
