"""Which chat template a training uses and its model keeps, and the tokenizer (or processor) that has it.

All trainers, the evaluation and what saves models ask here, so that they see the same text of a conversation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posttraining.contracts.recipe import Recipe
from posttraining.library_imports import lean_imports
from posttraining.methods import method_of

TEMPLATES = Path(__file__).parents[1] / "chat_templates"
PLAIN = "plain"

_FILE = "chat_template.jinja"
# Where else transformers finds templates; a file of the first name goes before the other two.
_OTHER_PLACES = ("chat_template.json", "additional_chat_templates")


@dataclass(frozen=True)
class ChatTemplate:
    """The template that a training uses and that the model it makes keeps."""

    text: str
    """Jinja."""
    name: str | None
    """Name of the project's template; None: the model's own."""

    @property
    def said(self) -> str:
        """What a line about the training says of it."""
        return "the model's own chat template" if self.name is None else f"the chat template {self.name}"


def template_names() -> list[str]:
    """What `model.chatTemplate` may name."""
    return sorted(file.stem for file in TEMPLATES.glob("*.jinja"))


def template_of(recipe: Recipe, base: Path) -> ChatTemplate:
    """The template that the recipe names; else the model's own; else the plain one. Imports no transformers.

    Args:
        recipe: a recipe.
        base: folder of the model that the training starts from.
    """
    named = recipe["model"].get("chatTemplate")
    own = None if named else own_template(base)
    if own is not None:
        return ChatTemplate(text=own, name=None)
    name = named or PLAIN
    return ChatTemplate(text=(TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8"), name=name)


def own_template(model: Path) -> str | None:
    """The template in a model's folder; of several, the one that is used where none is named."""
    file = model / _FILE
    if file.is_file():
        return file.read_text(encoding="utf-8")
    for name in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        if (model / name).is_file():
            found = json.loads((model / name).read_text(encoding="utf-8")).get("chat_template")
            if isinstance(found, list):
                found = {entry["name"]: entry["template"] for entry in found}
            if isinstance(found, dict):
                found = found.get("default")
            if found:
                return found
    return None


def processing_class(recipe: Recipe, base: Path) -> Any:
    """The tokenizer, or the processor of a model that also sees, as TRL's trainers load it, with the template of the training.

    What it saves (`save_pretrained`) is what belongs beside the trained model: its template, special tokens and processor files.

    Args:
        recipe: a recipe.
        base: folder of the model that the training starts from.
    """
    with lean_imports():
        from transformers import AutoProcessor, AutoTokenizer

    # As TRL's GRPO trainer does: prompts of different lengths end at the same place.
    sides = {"padding_side": "left", "truncation_side": "left"} if method_of(recipe).generates else {}
    # Beside an adapter alone there is no configuration that would say whether the model also sees.
    automatic: Any = AutoProcessor if (base / "config.json").is_file() else AutoTokenizer
    processing: Any = automatic.from_pretrained(base, **sides)
    template = template_of(recipe, base)
    if template.name is not None:
        processing.chat_template = template.text
        if hasattr(processing, "tokenizer"):
            processing.tokenizer.chat_template = template.text
    return processing


def folder_with_template(recipe: Recipe, base: Path, folder: Path) -> Path:
    """A folder with the model's files and the template of the training: what is compared with the trained model.

    Args:
        recipe: a recipe.
        base: folder of the model that the training starts from.
        folder: where links to its files are put where it has another template.

    Returns:
        `base` itself where it has the template; else `folder`.
    """
    template = template_of(recipe, base)
    if template.name is None:
        return base
    folder.mkdir(parents=True, exist_ok=True)
    for file in base.iterdir():
        if file.name not in (_FILE, *_OTHER_PLACES):
            (folder / file.name).symlink_to(file.resolve())
    (folder / _FILE).write_text(template.text, encoding="utf-8")
    return folder
