"""The class that a model's weights belong to: the one that is trained is the one that is merged into and checked.

TRL 1.16 trains `config.architectures[0]` (`trl.trainer.utils.create_model_from_path`). `AutoModelForCausalLM` would choose
another for some models: of one that also sees it takes the text's part alone, whose weights have other names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class ModelClassError(ValueError):
    """A model whose class cannot be trained; the message says why and what to do."""


def model_class(folder: Path) -> Any:
    """The class of transformers that the model in a folder was saved as.

    Raises:
        ModelClassError: if the installed transformers does not have it.
    """
    import transformers

    names = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    if not names:
        raise ModelClassError("config.json has no `architectures`: the class of the model is not known")
    found = getattr(transformers, names[0], None)
    if found is None:
        raise ModelClassError(
            f"config.json names the class {names[0]}, which transformers {transformers.__version__} does not have"
        )
    return found


def model_without_weights(folder: Path) -> Any:
    """The model in a folder as an object without weights: its modules, the names of its weights and their shapes.

    Takes seconds and no memory whatever the model's size.
    """
    import torch
    from transformers import AutoConfig

    configuration = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        return model_class(folder)._from_config(configuration)


def decoder_name(model: Any) -> str:
    """Name of the part of a model that reads and writes text: the empty string for the whole of a model that does nothing else."""
    decoder = model.get_decoder()
    return next((name for name, module in model.named_modules() if module is decoder), "")


def is_multimodal(model: Any) -> bool:
    """Whether a model has towers beside the part that reads and writes text."""
    return any(getattr(model.config, name, None) is not None for name in ("vision_config", "audio_config"))
