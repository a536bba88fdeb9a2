"""Supervised fine-tuning: what differs from the other methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from posttraining.examples import DatasetError, usable_columns
from posttraining.trainers.adapters import adapter_configuration, quantization
from posttraining.trainers.job import TrainingJob

# For base models, whose tokenizers have no chat template. It needs no tokens of its own: roles are plain text, and an answer
# ends with the model's end-of-text token, which every server stops at.
PLAIN_CHAT_TEMPLATE = Path(__file__).with_name("plain_chat.jinja")


def sft_arguments(recipe: dict[str, Any], columns: tuple[str, ...], model: Path) -> dict[str, Any]:
    """Arguments of TRL's `SFTConfig` beyond the shared ones.

    Args:
        recipe: the recipe.
        columns: of the examples.
        model: folder of the base model; where it has no chat template, `PLAIN_CHAT_TEMPLATE` becomes the trained model's.

    Raises:
        DatasetError: if the loss should cover answers only, but examples do not say where answers begin.
    """
    usable = usable_columns("sft", columns)
    answers_only = recipe["completionOnlyLoss"]
    if usable == ("text",) and answers_only:
        raise DatasetError(
            "completionOnlyLoss: examples with a `text` column have no answer; set it to false, "
            "or use columns prompt and completion, or messages"
        )
    return {
        "max_length": recipe["sequence"]["maxLength"],
        "packing": recipe["sequence"]["packing"],
        "completion_only_loss": answers_only if "completion" in usable else None,
        "assistant_only_loss": answers_only and usable == ("messages",),
        "chat_template_path": None if _has_chat_template(model) else str(PLAIN_CHAT_TEMPLATE),
    }


def _has_chat_template(model: Path) -> bool:
    if (model / "chat_template.jinja").is_file() or (model / "chat_template.json").is_file():
        return True
    tokenizer = model / "tokenizer_config.json"
    return tokenizer.is_file() and "chat_template" in json.loads(tokenizer.read_text(encoding="utf-8"))


def sft_trainer(job: TrainingJob, dataset: Any, arguments: dict[str, Any]) -> Any:
    """TRL's trainer for the job."""
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=job.model,
        args=SFTConfig(**arguments, **sft_arguments(job.recipe, tuple(dataset.column_names), Path(job.model))),
        train_dataset=dataset,
        peft_config=adapter_configuration(job.recipe["trainable"]),
        quantization_config=quantization(job.recipe["trainable"]),
    )
