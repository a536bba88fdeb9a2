"""Chat templates of models with marks around what the assistant says, where TRL has none.

A loss on answers alone needs the marks (`{% generation %}`). TRL 1.16 (`trl.chat_template_utils.get_training_chat_template`) knows
such variants of many models' templates, but of Llama 3.1's and 3.2's none: it raises a ValueError. The trained model keeps its own
template, which the variant renders the same as.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posttraining.trainers.chat_template import TEMPLATES

_VARIANTS = ("llama3_1", "llama3_2")
"""Files below `chat_templates/training/`; TRL has the models' own templates by the same names."""


class TemplateError(ValueError):
    """A model whose template cannot be used for what the recipe asks; the message says what to write instead."""


@contextmanager
def training_templates_known(module: Any) -> Iterator[None]:
    """Has SFT trainers that are made inside know the project's variants too."""
    if not hasattr(module, "get_training_chat_template"):
        yield
        return
    original = module.get_training_chat_template

    def find(processing_class: Any, **arguments: Any) -> str | None:
        variant = _variant(processing_class.chat_template)
        if variant is not None:
            return variant
        try:
            return original(processing_class, **arguments)
        except ValueError as error:
            raise TemplateError(
                "completionOnlyLoss: got true; the base model's chat template does not mark what the assistant says, and no "
                "marked variant of it is known: set it to false, use a dataset with columns prompt and completion, or write "
                "model.chatTemplate: plain"
            ) from error

    module.get_training_chat_template = find
    try:
        yield
    finally:
        module.get_training_chat_template = original


def _variant(template: object) -> str | None:
    import trl

    theirs = Path(trl.__file__).parent / "chat_templates"
    for name in _VARIANTS:
        if template == (theirs / f"{name}.jinja").read_text(encoding="utf-8"):
            return (TEMPLATES / "training" / f"{name}.jinja").read_text(encoding="utf-8")
    return None
