"""Supervised fine-tuning: learns from demonstrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from posttraining import tiny_task
from posttraining.contracts.recipe import SftRecipe
from posttraining.methods.columns import DatasetError, usable_columns
from posttraining.methods.method import Method, Row, Turns
from posttraining.trainers.job import TrainingJob

# For base models, whose tokenizers have no chat template. It needs no tokens of its own: roles are plain text, and an answer
# ends with the model's end-of-text token, which every server stops at.
PLAIN_CHAT_TEMPLATE = Path(__file__).with_name("sft.plain_chat.jinja")

_COLUMNS = (("prompt", "completion"), ("messages",), ("text",))


def _arguments(recipe: SftRecipe, job: TrainingJob, columns: tuple[str, ...]) -> dict[str, Any]:
    """Where the base model has no chat template, `PLAIN_CHAT_TEMPLATE` becomes the trained model's.

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
        "chat_template_path": None if _has_chat_template(Path(job.model)) else str(PLAIN_CHAT_TEMPLATE),
    }


def _has_chat_template(model: Path) -> bool:
    if (model / "chat_template.jinja").is_file() or (model / "chat_template.json").is_file():
        return True
    tokenizer = model / "tokenizer_config.json"
    return tokenizer.is_file() and "chat_template" in json.loads(tokenizer.read_text(encoding="utf-8"))


def _row_of_turns(_row: Row, prompt: Turns, answer: Turns | None) -> Row | None:
    return None if answer is None else {"prompt": prompt, "completion": answer}


METHOD = Method[SftRecipe](
    name="sft",
    label="SFT",
    columns=_COLUMNS,
    arguments=_arguments,
    tiny_row=tiny_task.demonstration,
    shown=("mean_token_accuracy",),
    packs=True,
    row_of_turns=_row_of_turns,
)
