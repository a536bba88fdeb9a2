"""Rows in a data set's real schema: a sample of the real ones where the hub can be reached, else such as are made here.

The schemas are those of the data sets' cards on huggingface.co (noted 2026-11-29); what stands in the rows is made up. Lengths
vary as they do in real rows, so that packing has something to pack and batches something to pad.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from posttraining.contracts.recipe import RecipeDataset
from posttraining.rehearsal.problems import RehearsalError

Row = dict[str, Any]

COUNT = 48
"""Rows of a sample. So few that a rehearsal takes no time with them, and more than its steps train on."""

_NAMES = ("Ada", "Berta", "Cem", "Dana", "Emil", "Farah", "Goran", "Hana")
_THINGS = ("apples", "books", "stamps", "tickets", "shells", "pencils")
_PROSE = (
    "because the number of all items grows when more are added one can count them again and write what is left over "
    "then each person keeps a part of it while others wait for their turn until everything has been shared fairly"
)


@dataclass(frozen=True)
class DataFamily:
    """The rows of one data set, or of several with one schema."""

    name: str
    """One of them, or what they share, for people."""
    pattern: str
    """Regular expression on the hub id."""
    row: Callable[[int, random.Random], Row]


def _sum(source: random.Random) -> tuple[str, str, int]:
    """A question, its worked solution and its answer."""
    first, second = source.randint(2, 60), source.randint(2, 60)
    name, things = source.choice(_NAMES), source.choice(_THINGS)
    question = f"{name} has {first} {things} and finds {second} more. How many {things} does {name} have now?"
    solution = (
        f"{name} starts with {first} {things}.\nWith {second} more there are {first} + {second} = {first + second}."
    )
    return question, solution, first + second


def _prose(source: random.Random, least: int, most: int) -> str:
    words = source.choices(_PROSE.split(), k=source.randint(least, most))
    return " ".join(words).capitalize() + "."


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _dialogue(source: random.Random, rounds: int) -> list[dict[str, str]]:
    turns = []
    for _ in range(rounds):
        question, solution, _answer = _sum(source)
        turns += [_turn("user", question), _turn("assistant", f"{solution} {_prose(source, 3, 40)}")]
    return turns


def _pair(source: random.Random) -> tuple[str, str, str]:
    question, solution, answer = _sum(source)
    return question, f"{solution} {_prose(source, 2, 30)}", f"I think it is {answer + 1}. {_prose(source, 2, 30)}"


def _tulu_mixture(number: int, source: random.Random) -> Row:
    return {"id": f"made_{number}", "messages": _dialogue(source, source.choice((1, 1, 2))), "source": "made/rehearsal"}


def _ultrafeedback(number: int, source: random.Random) -> Row:
    question, chosen, rejected = _pair(source)
    asked = _turn("user", question)
    return {
        "prompt": question,
        "prompt_id": f"{number:064x}",
        "chosen": [asked, _turn("assistant", chosen)],
        "rejected": [asked, _turn("assistant", rejected)],
        "messages": [asked, _turn("assistant", chosen)],
        "score_chosen": 8.5,
        "score_rejected": 6.0,
    }


def _tulu_preference(number: int, source: random.Random) -> Row:
    made = _ultrafeedback(number, source)
    kept = {name: made[name] for name in ("prompt", "chosen", "rejected")}
    return {"id": f"made_{number}", "source": "made/rehearsal", "chosen_model": "a", "rejected_model": "b", **kept}


def _gsm8k(_number: int, source: random.Random) -> Row:
    question, solution, answer = _sum(source)
    return {"question": question, "answer": f"{solution}\n#### {answer}"}


def _ultrachat(number: int, source: random.Random) -> Row:
    turns = _dialogue(source, source.choice((1, 2)))
    return {"prompt": turns[0]["content"], "prompt_id": f"{number:064x}", "messages": turns}


def _messages(_number: int, source: random.Random) -> Row:
    return {"messages": _dialogue(source, source.choice((1, 1, 2))), "source": "made"}


def _sharegpt(_number: int, source: random.Random) -> Row:
    names = {"user": "human", "assistant": "gpt"}
    turns = _dialogue(source, source.choice((1, 2)))
    return {"conversations": [{"from": names[turn["role"]], "value": turn["content"]} for turn in turns]}


def _alpaca(number: int, source: random.Random) -> Row:
    question, solution, _ = _sum(source)
    given = "" if number % 2 else _prose(source, 3, 10)
    return {"instruction": question, "input": given, "output": f"{solution} {_prose(source, 2, 30)}"}


def _orca_pairs(number: int, source: random.Random) -> Row:
    question, chosen, rejected = _pair(source)
    system = "" if number % 3 == 0 else "You are an assistant who explains every step."
    return {"system": system, "question": question, "chosen": chosen, "rejected": rejected}


def _hh(_number: int, source: random.Random) -> Row:
    question, chosen, rejected = _pair(source)
    begin = f"\n\nHuman: {question}\n\nAssistant:"
    return {"chosen": f"{begin} {chosen}", "rejected": f"{begin} {rejected}"}


def _kto(number: int, source: random.Random) -> Row:
    question, chosen, rejected = _pair(source)
    label = number % 2 == 0
    answer = chosen if label else rejected
    return {"prompt": [_turn("user", question)], "completion": [_turn("assistant", answer)], "label": label}


def _implicit_pairs(_number: int, source: random.Random) -> Row:
    question, chosen, rejected = _pair(source)
    asked = _turn("user", question)
    return {
        "chosen": [asked, _turn("assistant", chosen)],
        "rejected": [asked, _turn("assistant", rejected)],
        "score_chosen": 8.5,
        "score_rejected": 6.0,
    }


def _prompt_completion(_number: int, source: random.Random) -> Row:
    question, solution, _ = _sum(source)
    return {"prompt": question, "completion": f" {solution} {_prose(source, 2, 30)}"}


def _dapo(number: int, source: random.Random) -> Row:
    question, _, answer = _sum(source)
    return {
        "data_source": "math_dapo",
        "prompt": [_turn("user", f"Solve the following problem step by step.\n\n{question}")],
        "ability": "MATH",
        "reward_model": {"ground_truth": str(answer), "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": f"{number:032x}"},
    }


def _numina(_number: int, source: random.Random) -> Row:
    question, solution, answer = _sum(source)
    solved = f"{solution}\nThe answer is $\\boxed{{{answer}}}$."
    turns = [_turn("user", question), _turn("assistant", solved)]
    return {"problem": question, "solution": solved, "messages": turns}


def _open_r1(number: int, source: random.Random) -> Row:
    made = _numina(number, source)
    answer = made["solution"].rpartition("{")[2].rstrip("}$.")
    return {**made, "answer": answer, "source": "made", "uuid": f"{number:032x}"}


FAMILIES: tuple[DataFamily, ...] = (
    DataFamily("allenai/tulu-3-sft-mixture", r"allenai/tulu-3-sft-.*|allenai/tulu-v2-sft-mixture", _tulu_mixture),
    DataFamily("allenai/...-preference-mixture", r"allenai/.*preference.*", _tulu_preference),
    DataFamily("HuggingFaceH4/ultrafeedback_binarized", r"HuggingFaceH4/ultrafeedback_binarized", _ultrafeedback),
    DataFamily("HuggingFaceH4/ultrachat_200k", r"HuggingFaceH4/ultrachat_200k", _ultrachat),
    DataFamily("openai/gsm8k", r"openai/gsm8k|(.*/)?gsm8k", _gsm8k),
    DataFamily("Intel/orca_dpo_pairs", r"Intel/orca_dpo_pairs|argilla/distilabel-intel-orca-dpo-pairs", _orca_pairs),
    DataFamily("Anthropic/hh-rlhf", r"Anthropic/hh-rlhf", _hh),
    DataFamily("trl-lib/kto-mix-14k", r"trl-lib/kto-mix-14k", _kto),
    DataFamily("trl-lib/ultrafeedback_binarized", r"trl-lib/ultrafeedback_binarized", _implicit_pairs),
    DataFamily("trl-lib/tldr", r"trl-lib/tldr", _prompt_completion),
    DataFamily("BytedTsinghua-SIA/DAPO-Math-17k", r"BytedTsinghua-SIA/DAPO-Math-17k", _dapo),
    DataFamily("AI-MO/NuminaMath-TIR", r"AI-MO/NuminaMath-(TIR|CoT)", _numina),
    DataFamily("open-r1/OpenR1-Math-220k", r"open-r1/OpenR1-Math-220k", _open_r1),
    DataFamily(
        "HuggingFaceTB/smoltalk", r"HuggingFaceTB/smoltalk2?|trl-lib/Capybara|HuggingFaceH4/no_robots", _messages
    ),
    DataFamily(
        "teknium/OpenHermes-2.5", r"teknium/OpenHermes-2\.5|Open-Orca/SlimOrca(-Dedup)?|.*ShareGPT.*", _sharegpt
    ),
    DataFamily("tatsu-lab/alpaca", r"tatsu-lab/alpaca|yahma/alpaca-cleaned|vicgalle/alpaca-gpt4", _alpaca),
)


@dataclass(frozen=True)
class Sample:
    """Rows to rehearse with."""

    rows: list[Row]
    real: bool
    """Whether they are the data set's own."""


def sample_of(dataset: RecipeDataset, use_hub: bool) -> Sample:
    """A few rows of the data set that a recipe names.

    Raises:
        RehearsalError: if it can neither be read nor is its schema known here.
    """
    source = dataset["source"]
    if use_hub:
        try:
            return Sample(_real_rows(dataset), real=True)
        except Exception as error:
            # The hub fails in many ways; with a known schema none of them matters.
            print(f"{source} cannot be read from the hub here ({str(error).splitlines()[0][:200]}).", flush=True)
    family = next((one for one in FAMILIES if re.fullmatch(one.pattern, source)), None)
    if family is None:
        known = ", ".join(one.name for one in FAMILIES)
        raise RehearsalError(
            f"dataset.source: got {source}, whose rows cannot be had from the hub here, and whose schema is not among those "
            f"that are known without it ({known}): let the rehearsal reach the hub, or copy a few of its rows to a file and "
            "rehearse with `--set dataset.source=file:///...jsonl`"
        )
    return Sample(made_rows(family, COUNT), real=False)


def made_rows(family: DataFamily, count: int) -> list[Row]:
    """Rows of a family's schema, the same ones every time."""
    source = random.Random(f"rehearsal {family.pattern}")
    return [family.row(number, source) for number in range(count)]


def _real_rows(dataset: RecipeDataset) -> list[Row]:
    from datasets import load_dataset

    streamed = load_dataset(
        dataset["source"],
        dataset.get("subset"),
        # A part of a split, such as `train[:10%]`, cannot be streamed.
        split=dataset["split"].partition("[")[0],
        revision=dataset.get("revision"),
        streaming=True,
    )
    rows = [dict(row) for row in itertools.islice(iter(streamed), COUNT)]
    if not rows:
        raise ValueError("it has no rows")
    # Dates and the like become text, as they are written in files.
    return [json.loads(json.dumps(row, default=str)) for row in rows]


def texts_of(rows: Iterable[Row]) -> Iterator[str]:
    """Every text in rows, for a tokenizer to learn from."""
    for row in rows:
        yield from _texts(row)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
