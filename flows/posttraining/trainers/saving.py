"""Writes what was trained: the whole model, or the adapter, gathered from all processes and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posttraining.models import ADAPTER_CONFIGURATION
from posttraining.trainers.checkpointed_adapters import without_wrappers

ADAPTER_FILE = "adapter_model.safetensors"

# What the trainer writes beside the model: its pickled arguments, and a card for the hub.
_UNWANTED = ("training_args.bin", "README.md")


class SavingError(RuntimeError):
    """What was written is not what was trained; the message says what is missing."""


def save_trained(trainer: Any, output: Path) -> None:
    """Has the first process write model or adapter, tokenizer and chat template; all processes must call it.

    Raises:
        SavingError: if the adapter that was written lacks a weight that was trained.
    """
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(output))
    if not trainer.is_world_process_zero():
        return
    for name in _UNWANTED:
        (output / name).unlink(missing_ok=True)
    if (output / ADAPTER_CONFIGURATION).is_file():
        require_whole_adapter(output, trained_adapter_keys(trainer.accelerator.unwrap_model(trainer.model)))


def trained_adapter_keys(model: Any) -> set[str]:
    """Names of the trained weights of a PEFT model, as its adapter's file has them."""
    return {
        without_wrappers(name).replace(".default.", ".").removesuffix(".default")
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def require_whole_adapter(folder: Path, trained: set[str]) -> None:
    """Raises SavingError unless the adapter in `folder` holds exactly the weights that were trained."""
    from safetensors import safe_open

    file = folder / ADAPTER_FILE
    if not file.is_file():
        raise SavingError(f"the adapter was not saved: {file.name} is missing from {folder}")
    with safe_open(file, framework="numpy") as saved:
        found = set(saved.keys())
    problems = []
    if missing := sorted(trained - found):
        problems.append(f"{len(missing)} of {len(trained)} trained weights are missing, such as {missing[0]}")
    # PEFT puts the embeddings themselves beside an adapter of them.
    if unexpected := sorted(name for name in found - trained if not name.endswith(".base_layer.weight")):
        problems.append(f"{len(unexpected)} were not trained, such as {unexpected[0]}")
    if not trained:
        problems.append("nothing was trained")
    if problems:
        raise SavingError(f"the adapter was not saved whole: of what {file.name} should hold, {'; '.join(problems)}")
