"""Supervised fine-tuning: learns from demonstrations."""

from __future__ import annotations

from typing import Any

from posttraining import tiny_task
from posttraining.contracts.recipe import SftRecipe
from posttraining.methods.columns import DatasetError, usable_columns
from posttraining.methods.method import Method
from posttraining.trainers.job import TrainingJob

_COLUMNS = (("prompt", "completion"), ("messages",), ("text",))


def _arguments(recipe: SftRecipe, _job: TrainingJob, columns: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of TRL's `SFTConfig`.

    Raises:
        DatasetError: if the loss should cover answers only, but examples do not say where answers begin.
    """
    usable = usable_columns("sft", _COLUMNS, columns)
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
    }


METHOD = Method[SftRecipe](
    name="sft",
    label="SFT",
    columns=_COLUMNS,
    arguments=_arguments,
    tiny_row=tiny_task.demonstration,
    shown=("mean_token_accuracy",),
    packs=True,
)
