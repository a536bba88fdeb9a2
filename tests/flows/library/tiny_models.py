"""Models of other classes than the project's own, as small as they get, and adapters beside them."""

import json
import shutil
from pathlib import Path
from typing import Any

from posttraining.contracts.recipe import LoraTraining
from posttraining.tiny_model import write_tiny_model

LORA: LoraTraining = {"kind": "lora", "rank": 2, "alpha": 4, "dropout": 0, "targets": "all-linear", "saves": "both"}

_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "vocab_size": 512,
}
_VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_QWEN_VISION: dict[str, Any] = {
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 32,
    "patch_size": 14,
}
_LINEAR_ATTENTION: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
}

# By class: its configuration's class, and that one's arguments.
CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "LlamaForCausalLM": ("LlamaConfig", _TEXT),
    "Gemma3ForConditionalGeneration": (
        "Gemma3Config",
        {"text_config": _TEXT, "vision_config": _VISION, "mm_tokens_per_image": 4},
    ),
    "Mistral3ForConditionalGeneration": (
        "Mistral3Config",
        {
            "text_config": {"model_type": "mistral", **_TEXT},
            "vision_config": {"model_type": "pixtral", "head_dim": 16, **_VISION},
        },
    ),
    "Qwen3VLForConditionalGeneration": (
        "Qwen3VLConfig",
        {"text_config": _TEXT, "vision_config": {**_QWEN_VISION, "deepstack_visual_indexes": [0]}},
    ),
    "Qwen3_5ForConditionalGeneration": (
        "Qwen3_5Config",
        {"text_config": {**_TEXT, **_LINEAR_ATTENTION}, "vision_config": _QWEN_VISION},
    ),
}
MULTIMODAL = [name for name in CLASSES if name != "LlamaForCausalLM"]


def write_model(folder: Path, name: str, dtype: str = "bfloat16") -> Path:
    """A model with random weights, the tiny model's tokenizer, and a file for pictures; no chat template."""
    import torch
    import transformers

    configuration_name, arguments = CLASSES[name]
    torch.manual_seed(0)
    model = getattr(transformers, name)._from_config(getattr(transformers, configuration_name)(**arguments))
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    write_tokenizer(folder)
    (folder / "chat_template.jinja").unlink()
    if name in MULTIMODAL:
        processor = {"image_processor_type": "its own", "chat_template": "the base's"}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def write_tokenizer(folder: Path) -> None:
    """The tiny model's tokenizer and chat template."""
    made = folder.with_name(f"{folder.name} tiny")
    write_tiny_model(made)
    folder.mkdir(exist_ok=True)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(made / file, folder / file)


def write_adapter(folder: Path, base: Path, scale: float = 0.02, seed: int = 1) -> Path:
    """An adapter beside the model in `base` that changes its weights by about `scale`, and a tokenizer with a chat template."""
    import torch
    from peft import get_peft_model

    from posttraining.trainers.adapters import adapter_configuration
    from posttraining.trainers.model_class import model_class

    adapted = get_peft_model(model_class(base).from_pretrained(base), adapter_configuration(LORA, base))
    torch.manual_seed(seed)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=scale)
    adapted.save_pretrained(folder)
    write_tokenizer(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return folder
