"""Prompts for batch inference: JSON lines, each with `prompt`, a text or a list of chat messages."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from posttraining import storage, tiny_task

TINY = "tiny:sums"

Messages = list[dict[str, str]]


class PromptsError(ValueError):
    """Prompts that cannot be used; the message names every wrong line and what to write instead."""


def read_prompts(source: str, limit: int | None = None) -> list[Messages]:
    """Reads prompts as chat messages.

    Args:
        source: `s3://` or `file:///` path of JSON lines, or `tiny:sums` for the project's own questions.
        limit: use only the first so many.

    Raises:
        PromptsError: if nothing is there, or naming every line that is no prompt.
    """
    if source == TINY:
        return [[{"role": "user", "content": row["question"]}] for row in tiny_task.evaluation_rows()][:limit]
    if not source.startswith(("s3://", "file:///")):
        raise PromptsError(f"prompts: got {source}; write an s3:// or file:/// path of JSON lines, or {TINY}")
    content = storage.read_bytes(source)
    if content is None:
        raise PromptsError(f"prompts: there is no file {source}")
    lines = enumerate(content.decode().splitlines(), start=1)
    read = {number: _messages(line) for number, line in islice(((n, text) for n, text in lines if text.strip()), limit)}
    if not read:
        raise PromptsError(f"prompts: {source} is empty")
    wrong = [f"  line {number}: {problem}" for number, problem in read.items() if isinstance(problem, str)]
    if wrong:
        raise PromptsError("\n".join([f"prompts: {source} has lines that are no prompts:", *wrong]))
    return [messages for messages in read.values() if not isinstance(messages, str)]


def _messages(line: str) -> Messages | str:
    """The messages of one line, or what is wrong with it."""
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        return f"is not JSON: {error}"
    prompt = row.get("prompt") if isinstance(row, dict) else None
    if isinstance(prompt, str) and prompt:
        return [{"role": "user", "content": prompt}]
    if (
        isinstance(prompt, list)
        and prompt
        and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in prompt)
    ):
        return prompt
    return 'write {"prompt": "text"} or {"prompt": [{"role": "user", "content": "text"}]}'
