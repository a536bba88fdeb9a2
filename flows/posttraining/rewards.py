"""Reward functions for GRPO, by name.

Each gets the completions and the dataset's columns, and returns one number for each completion. The columns that it reads are its
parameters, by name; `answer`, the right answer, is found in whatever form the rows have it (data/forms.py).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from posttraining import tiny_task
from posttraining.problems import shown

Completion = str | list[dict[str, str]]
Reward = Callable[..., list[float]]

# Answers of which the last number is only a part.
_MORE_THAN_A_NUMBER = re.compile(r"\d\s*/\s*\d|\\[dt]?frac|\\sqrt|\\pi|\^\s*\{?\s*-?\d")
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


def columns_of(name: str) -> tuple[str, ...]:
    """Columns that a reward reads."""
    parameters = inspect.signature(_REWARDS[name]).parameters.values()
    return tuple(each.name for each in parameters if each.name != "completions" and each.kind != each.VAR_KEYWORD)


def answer_problem(names: list[str], answer: str) -> str | None:
    """Why no completion would ever be rewarded for such a right answer; None where one would."""
    if "final_number" in names and _last_number(answer) is None:
        return f"has the right answer {shown(answer)}, in which final_number finds no number"
    if "final_number" in names and _MORE_THAN_A_NUMBER.search(answer):
        return f"has the right answer {shown(answer)}, of which final_number would compare the last number alone"
    return None


def _text(completion: Completion) -> str:
    return completion if isinstance(completion, str) else completion[-1]["content"]


def _last_number(text: str) -> float | None:
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None
