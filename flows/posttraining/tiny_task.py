"""The tiny task: sums of two digits, which a model of half a million parameters learns on a processor within a minute.

Its three stages teach three different things, so that each can be seen to work:

- SFT teaches to add. The demonstrations answer in three styles: a guess, a bare number, a sentence.
- DPO teaches not to sound unsure: a right answer without "I think" is preferred to a guess and to a wrong number.
- GRPO teaches the one exact sentence, from a reward that a program computes.

Fifteen sums are held out in one of their two orders; the other order is in the training data, so a model that is right
on them has learnt that addition commutes, not a table. Everything is made from fixed seeds, with the standard library.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

DATASET = "tiny:sums"

QUESTIONS = ("What is {a} plus {b}?", "Add {a} and {b}.")

SENTENCE = "The answer is {n}."
BARE = "{n}"
GUESS = "It is {n}, I think."
_STYLES = {GUESS: 0.4, SENTENCE: 0.35, BARE: 0.25}

_EXACT = re.compile(r"The answer is (\d{1,2})\.")
_NUMBER = re.compile(r"\d+")

DEMONSTRATIONS = 4000
"""Rows of demonstrations: those that SFT learns from, and the tokenizer."""

Row = dict[str, Any]
Turns = list[dict[str, str]]


def training_rows(method: str, count: int, row: Callable[[Turns, int, random.Random], Row]) -> list[Row]:
    """Training examples of a method, in the conversational columns that TRL's trainers read.

    Args:
        method: its name, from which the choice of sums follows.
        count: how many.
        row: makes one from the question, the sum, and a source of chance.
    """
    source = random.Random(f"tiny:sums {method} training")
    pairs = _training_pairs()

    def one() -> Row:
        a, b = source.choice(pairs)
        prompt = [{"role": "user", "content": source.choice(QUESTIONS).format(a=a, b=b)}]
        return row(prompt, a + b, source)

    return [one() for _ in range(count)]


def demonstration(prompt: Turns, total: int, source: random.Random) -> Row:
    """An answer in one of the three styles: columns `prompt`, `completion`."""
    style = source.choices(list(_STYLES), list(_STYLES.values()))[0]
    return {"prompt": prompt, "completion": says(style.format(n=total))}


def preference(n: int, source: random.Random) -> tuple[str, str]:
    """A sure and right answer, and beside it a guess or a wrong number."""
    style = source.choice((SENTENCE, BARE))
    if source.random() < 0.5:
        return style.format(n=n), GUESS.format(n=n)
    wrong = source.choice([other for other in range(19) if other != n])
    return style.format(n=n), style.format(n=wrong)


def says(text: str) -> Turns:
    """The turn in which a model answers so."""
    return [{"role": "assistant", "content": text}]


def evaluation_rows() -> list[Row]:
    """Every sum in every wording: columns `question`, `answer` (digits) and `split` (`seen` or `held-out`)."""
    held_out = set(_held_out_pairs())
    return [
        {
            "question": wording.format(a=a, b=b),
            "answer": str(a + b),
            "split": "held-out" if (a, b) in held_out else "seen",
        }
        for a in range(10)
        for b in range(10)
        for wording in QUESTIONS
    ]


def preference_rows() -> list[Row]:
    """One pair of answers for every sum in every wording: columns `question`, `chosen`, `rejected`."""
    source = random.Random("tiny:sums preference evaluation")
    rows = []
    for row in evaluation_rows():
        chosen, rejected = preference(int(row["answer"]), source)
        rows.append({"question": row["question"], "chosen": chosen, "rejected": rejected})
    return rows


def is_exact(text: str, answer: str) -> bool:
    """Whether `text` is the one exact sentence with the right number."""
    match = _EXACT.fullmatch(text.strip())
    return match is not None and match.group(1) == answer


def is_sentence(text: str) -> bool:
    """Whether `text` has the form of the exact sentence, whatever its number."""
    return _EXACT.fullmatch(text.strip()) is not None


def is_right(text: str, answer: str) -> bool:
    """Whether the only number in `text` is the right one, in whatever words."""
    return _NUMBER.findall(text) == [answer]


def corpus() -> list[str]:
    """Texts that a tokenizer for the task is trained on."""
    rows = training_rows("sft", DEMONSTRATIONS, demonstration)
    conversations = [row["prompt"] + row["completion"] for row in rows]
    return [turn["content"] for turns in conversations for turn in turns] + ["system\nuser\nassistant\n"]


def _held_out_pairs() -> list[tuple[int, int]]:
    ascending = [(a, b) for a in range(10) for b in range(a + 1, 10)]
    return sorted(random.Random("tiny:sums held out").sample(ascending, 15))


def _training_pairs() -> list[tuple[int, int]]:
    held_out = set(_held_out_pairs())
    return [(a, b) for a in range(10) for b in range(10) if (a, b) not in held_out]
