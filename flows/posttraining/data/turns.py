"""Conversations as data sets write them, brought to one form: turns with `role` and `content`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from posttraining.problems import shown

Turn = dict[str, Any]

# Names of speakers in ShareGPT's form (`from`, `value`).
_SPEAKERS = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "observation": "tool",
}
# Names of roles that templates know; those of speakers are written there too.
_ROLES = (*dict.fromkeys(_SPEAKERS.values()), "developer", "function", "ipython")
# What of a turn reaches the chat template beside role and content.
_MORE = ("tool_calls", "name", "tool_call_id", "reasoning_content", "thinking")
# Marks of turns that are not to be learnt from.
_MARKS = ("weight", "train", "loss")

_TRANSCRIPT = re.compile(r"\s*\n\n(?=(?:Human|Assistant):)")


class RowProblemError(ValueError):
    """What is wrong with one row, as a sentence without its subject: who reads the rows says which it is."""


def is_turns(value: object) -> bool:
    """Whether a value is meant as a conversation, be it a wrong one."""
    return isinstance(value, list)


def turns_of(value: object, column: str) -> list[Turn]:
    """The turns of a conversation.

    Args:
        value: what a row has.
        column: where it has it, for messages.

    Raises:
        RowProblemError: if it is no conversation, has no turns, or a turn says nothing.
    """
    if not isinstance(value, list):
        raise RowProblemError(f"has {kind_of(value)} as {column}, where the first example has a conversation")
    if not value:
        raise RowProblemError(f"has no turns in {column}")
    turns = [
        _turn(turn, f"turn {number} of {column}") for number, turn in enumerate(cast("list[object]", value), start=1)
    ]
    # Many data sets have an empty system turn where there is none.
    said = [turn for turn in turns if turn["role"] != "system" or turn["content"].strip()]
    if not said:
        raise RowProblemError(f"has nothing but empty system turns in {column}")
    return said


def says(role: str, text: str) -> list[Turn]:
    """The one turn in which somebody says a text."""
    return [{"role": role, "content": text}]


def is_transcript(text: object) -> bool:
    """Whether a text is a transcript in the form of HH-RLHF: `\\n\\nHuman: ...\\n\\nAssistant: ...`."""
    return isinstance(text, str) and text.lstrip().startswith("Human:") and "\n\nAssistant:" in text


def turns_of_transcript(text: str, column: str) -> list[Turn]:
    """The turns of such a transcript. Raises RowProblemError if one says nothing."""
    turns = []
    for number, part in enumerate(_TRANSCRIPT.split("\n\n" + text.strip()), start=0):
        if not part:
            continue
        speaker, _, content = part.partition(":")
        if not content.strip():
            raise RowProblemError(f"has an empty turn {number} in {column}")
        turns.append({"role": "user" if speaker == "Human" else "assistant", "content": content.strip()})
    return turns


def without_prompt(chosen: list[Turn], rejected: list[Turn]) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """The turns that two conversations begin with, and how each goes on.

    Raises:
        RowProblemError: if they have no beginning in common, or part before somebody else's turn than the assistant's.
    """
    most = min(len(chosen), len(rejected)) - 1
    same = next((place for place in range(most) if chosen[place] != rejected[place]), most)
    if same == 0:
        raise RowProblemError("has chosen and rejected answers to different prompts, or to none: add a column prompt")
    if chosen[same]["role"] != "assistant" or rejected[same]["role"] != "assistant":
        raise RowProblemError(f"has chosen and rejected conversations that part before an answer, at turn {same + 1}")
    return chosen[:same], chosen[same:], rejected[same:]


def _turn(turn: object, place: str) -> Turn:
    if not isinstance(turn, dict):
        raise RowProblemError(f"has {kind_of(turn)} as {place}, which should have role and content")
    known = cast("dict[str, object]", turn)
    role, content = (known.get("role"), known.get("content")) if "role" in known else _share_gpt(known, place)
    if not isinstance(role, str) or not role:
        raise RowProblemError(f"has no role in {place}")
    # A template would render any word as somebody's name, and its text would never be learnt.
    role = _SPEAKERS.get(role.lower(), role.lower())
    if role not in _ROLES:
        raise RowProblemError(f"has {shown(known.get('role'))} as role of {place}; known: {', '.join(_ROLES)}")
    more = {name: known[name] for name in _MORE if known.get(name)}
    if known.get("function_call"):
        raise RowProblemError(f"has a function_call in {place}, which is not read: write it as tool_calls")
    for mark in _MARKS:
        if mark in known and known[mark] in (0, False):
            raise RowProblemError(f"has {mark}: {shown(known[mark])} in {place}, which is not read: leave the turn out")
    text = _text(content, place) if content is not None else ""
    if not text.strip() and role != "system" and not more.get("tool_calls"):
        what = "has no content in" if content is None else "has an empty text in"
        raise RowProblemError(f"{what} {place} ({role})")
    return {"role": role, "content": text, **more}


def _share_gpt(turn: dict[str, object], place: str) -> tuple[str, object]:
    if "from" not in turn:
        raise RowProblemError(f"has no role in {place}: it has {', '.join(turn) or 'nothing'}")
    speaker = turn["from"]
    if speaker not in _SPEAKERS:
        raise RowProblemError(f"has {shown(speaker)} as speaker of {place}; known: {', '.join(_SPEAKERS)}")
    return _SPEAKERS[cast(str, speaker)], turn.get("value")


def _text(content: object, place: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise RowProblemError(f"has {kind_of(content)} as content of {place}: write text")
    parts = cast("Sequence[dict[str, Any]]", content)
    for part in parts:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else None
            raise RowProblemError(f"has a part of type {kind} in {place}; only text is trained on")
    return "".join(part["text"] for part in parts)


def kind_of(value: object) -> str:
    """A value as a message names its kind."""
    if value is None:
        return "nothing"
    kinds = (
        (bool, "true or false"),
        (str, "a text"),
        (list, "a list"),
        (dict, "a mapping"),
        ((int, float), "a number"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), f"a value of type {type(value).__name__}")
