"""Facts about model families, for where the hub cannot be reached."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from posttraining.rehearsal.problems import RehearsalError

_FACTS = Path(__file__).with_name("families.json")
_STAND_INS = Path(__file__).with_name("chat_templates")


class Family(TypedDict):
    """What is known of the models of one family: `families.json` says where from."""

    match: str
    config: dict[str, Any]
    bos: str | None
    beginsText: NotRequired[bool]
    eos: str
    pad: str | None
    special: list[str]
    template: str | None


@cache
def _families() -> list[Family]:
    return json.loads(_FACTS.read_text(encoding="utf-8"))["families"]


def family_of(model: str) -> Family:
    """The family of a hub id.

    Raises:
        RehearsalError: if none is known.
    """
    for family in _families():
        if re.fullmatch(family["match"], model):
            return family
    raise RehearsalError(
        f"model.base: got {model}, whose architecture and tokenizer are not known here without the hub: let the rehearsal "
        "reach it (HF_ENDPOINT, HF_TOKEN), or put the model's config.json and tokenizer files into the hub's cache "
        f"(hf download {model} --exclude '*.safetensors')"
    )


def template_of(family: Family) -> str | None:
    """Text of the family's chat template; None where its models have none."""
    named = family["template"]
    if named is None:
        return None
    origin, _, name = named.partition(":")
    if origin == "standin":
        return (_STAND_INS / f"{name}.jinja").read_text(encoding="utf-8")
    trl = find_spec("trl")
    if trl is None or trl.origin is None:
        raise RehearsalError(
            "the packages of flows/pyproject.toml's group train are not installed: `npm run bootstrap`"
        )
    return (Path(trl.origin).with_name("chat_templates") / f"{name}.jinja").read_text(encoding="utf-8")


def is_stand_in(family: Family) -> bool:
    """Whether the template only behaves like the publisher's."""
    return (family["template"] or "").startswith("standin:")
