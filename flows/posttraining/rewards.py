"""Reward functions for GRPO, by name.

Each gets the completions and the dataset's columns, and returns one number for each completion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from posttraining import tiny_task

Completion = str | list[dict[str, str]]
Reward = Callable[..., list[float]]

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def tiny_sums_exact(completions: list[Completion], answer: list[str], **_: Any) -> list[float]:
    """1 for the exact sentence with the right number, else 0. Needs column `answer`."""
    return [float(tiny_task.is_exact(_text(c), a)) for c, a in zip(completions, answer, strict=True)]


def tiny_sums_sentence(completions: list[Completion], **_: Any) -> list[float]:
    """1 for the form of the exact sentence, whatever its number, else 0."""
    return [float(tiny_task.is_sentence(_text(c))) for c in completions]


def final_number(completions: list[Completion], answer: list[str], **_: Any) -> list[float]:
    """1 if the last number in the completion equals the last number in column `answer` (GSM8K's form), else 0."""
    return [
        float(_last_number(_text(c)) == _last_number(a) is not None) for c, a in zip(completions, answer, strict=True)
    ]


_REWARDS: dict[str, Reward] = {
    reward.__name__: reward for reward in (tiny_sums_exact, tiny_sums_sentence, final_number)
}


def reward_functions(names: list[str]) -> list[Reward]:
    """Reward functions by name.

    Raises:
        ValueError: naming every unknown reward and those that exist.
    """
    unknown = sorted(set(names) - _REWARDS.keys())
    if unknown:
        raise ValueError(f"grpo.rewards: {', '.join(unknown)} not known; there are {', '.join(sorted(_REWARDS))}")
    return [_REWARDS[name] for name in names]


def _text(completion: Completion) -> str:
    return completion if isinstance(completion, str) else completion[-1]["content"]


def _last_number(text: str) -> float | None:
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None
