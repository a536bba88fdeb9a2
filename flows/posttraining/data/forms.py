"""Row forms: how the rows of public data sets say what a trainer must know.

A form is chosen once, by the columns of the first rows, and read row by row; its line says what of a row is used. TRL is handed only
what a form gives: TRL itself looks at whatever columns there are, and at one of them by chance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posttraining.data.turns import (
    RowProblemError,
    Turn,
    is_transcript,
    is_turns,
    kind_of,
    says,
    turns_of,
    turns_of_transcript,
    without_prompt,
)
from posttraining.methods.columns import Columns
from posttraining.problems import shown

Row = dict[str, Any]
Prompt = str | list[Turn]

# Columns that ask, in the order in which they are looked for, and columns that answer.
_QUESTIONS = ("question", "problem", "instruction", "query", "input")
_REPLIES = ("answer", "response", "solution", "output")
_CONVERSATIONS = ("messages", "conversations", "conversation")
_SYSTEMS = ("system", "system_prompt")
# Where the right answer to a question stands, for rewards.
_ANSWERS = ("answer", "reward_model", "ground_truth", "final_answer", "expected_answer", "solution")
# Columns that say something of the question or the answer; a form that does not read one is not what the row means.
_MEANINGFUL = (*_SYSTEMS, "input", "context", "history", "tools", "functions", "image", "images")
_MARKED_ANSWER = "####"  # GSM8K's


@dataclass(frozen=True)
class Form:
    """How rows are read."""

    said: str
    """What is read, as one line says it."""
    reads: tuple[str, ...]
    """Columns of the rows that are read."""
    gives: tuple[str, ...]
    """Columns that the trainer is handed."""
    read: Callable[[Row], Row]
    """An example from a row; raises RowProblemError."""


@dataclass(frozen=True)
class Rows:
    """The first rows, of which a form is chosen."""

    first: Sequence[Row]

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the first row."""
        return tuple(self.first[0])

    def value(self, column: str) -> object:
        """The first value of a column that is not null."""
        return next((row[column] for row in self.first if row.get(column) is not None), None)

    def has(self, *columns: str) -> bool:
        """Whether the first row has all of them."""
        return set(columns) <= set(self.columns)

    def one_of(self, columns: Sequence[str]) -> str | None:
        """The first of some columns that is there."""
        return next((name for name in columns if name in self.columns), None)

    def is_used(self, column: str) -> bool:
        """Whether any of the first rows says something in a column."""
        return any(row.get(column) not in (None, "", [], {}) for row in self.first)


@dataclass(frozen=True)
class Part:
    """How one part of an example is read."""

    said: str
    reads: tuple[str, ...]
    read: Callable[[Row], Any]


def choose_form(accepted: Columns, wanted: Sequence[str], first: Sequence[Row]) -> Form | None:
    """The form of rows, for a method that reads such columns; None where there is none.

    Args:
        accepted: sets of columns that the method's trainer takes (`Method.columns`).
        wanted: columns that rewards read.
        first: the first rows.
    """
    rows = Rows(first)
    for columns in accepted:
        parts = _PARTS[columns](rows)
        if parts is None:
            continue
        found = {name: part for name in wanted if (part := _reward_column(rows, name)) is not None}
        return _form(rows, columns, parts, found)
    return None


def _form(rows: Rows, columns: tuple[str, ...], main: Part, answers: dict[str, Part]) -> Form:
    tools = _tools(rows) if "text" not in columns and columns != ("prompt",) else None
    more = {**answers, **({} if tools is None else {"tools": tools})}
    reads = tuple(dict.fromkeys(name for part in (main, *more.values()) for name in part.reads))
    unread = [name for name in _MEANINGFUL if name not in reads]

    def read(row: Row) -> Row:
        for name in unread:
            if row.get(name) not in (None, "", [], {}):
                raise RowProblemError(f"says something in {name}, which is not read here: write it into the prompt")
        return main.read(row) | {name: part.read(row) for name, part in more.items()}

    left = [name for name in rows.columns if name not in reads]
    said = "; ".join(part.said for part in (main, *more.values()))
    return Form(
        said=f"reads {said}; leaves {', '.join(left)}" if left else f"reads {said}",
        reads=reads,
        gives=(*columns, *more),
        read=read,
    )


class MissingValueError(RowProblemError):
    """A row that lacks what the first ones have."""

    def __init__(self, column: str, row: Row) -> None:
        super().__init__(f"has no {column}")
        self.instead = "" if column in row else f" (its columns: {', '.join(row) or 'none'})"


def text_of(row: Row, column: str) -> str:
    """A column's text. Raises RowProblemError if there is none, or it is empty."""
    value = _value(row, column)
    if not isinstance(value, str):
        raise RowProblemError(f"has {kind_of(value)} as {column}: write text")
    if not value.strip():
        raise RowProblemError(f"has an empty {column}")
    return value


def _value(row: Row, column: str) -> object:
    value = row.get(column)
    if value is None:
        raise MissingValueError(column, row)
    return value


def _system(rows: Rows) -> str | None:
    return rows.one_of(_SYSTEMS)


def _with_system(row: Row, system: str | None, turns: list[Turn]) -> list[Turn]:
    said = row.get(system) if system is not None else None
    if said is not None and not isinstance(said, str):
        raise RowProblemError(f"has {kind_of(said)} as {system}: write text")
    if not said or not said.strip() or turns[0]["role"] == "system":
        return turns
    return [*says("system", said), *turns]


def _question(rows: Rows, names: Sequence[str] = _QUESTIONS) -> Part | None:
    """A prompt that is made of a question: a user's turn, behind the system's where there is one."""
    asked = rows.one_of(names)
    if asked is None or is_turns(rows.value(asked)):
        return None
    system = _system(rows)
    detail = rows.one_of(("input", "context")) if asked == "instruction" else None

    def read(row: Row) -> list[Turn]:
        text = text_of(row, asked)
        more = row.get(detail) if detail is not None else None
        if more is not None and not isinstance(more, str):
            raise RowProblemError(f"has {kind_of(more)} as {detail}: write text")
        if more and more.strip():
            text = f"{text}\n\n{more}"
        return _with_system(row, system, says("user", text))

    reads = tuple(name for name in (system, asked, detail) if name is not None)
    return Part(f"{' and '.join(reads)} as the prompt", reads, read)


def _prompt(rows: Rows) -> Part | None:
    """A column `prompt`; with a system's text beside it, as turns."""
    if "prompt" not in rows.columns:
        return None
    system = _system(rows)
    if is_turns(rows.value("prompt")):
        reads = tuple(name for name in (system, "prompt") if name is not None)
        return Part(
            f"{' and '.join(reads)} as a conversation",
            reads,
            lambda row: _with_system(row, system, turns_of(_value(row, "prompt"), "prompt")),
        )
    if system is None:
        return Part("prompt as text", ("prompt",), lambda row: text_of(row, "prompt"))
    return Part(
        f"{system} and prompt as turns",
        (system, "prompt"),
        lambda row: _with_system(row, system, says("user", text_of(row, "prompt"))),
    )


def _conversation(rows: Rows) -> Part | None:
    found = rows.one_of(_CONVERSATIONS)
    if found is None or not (is_turns(rows.value(found)) or rows.value(found) is None):
        return None
    system = _system(rows)
    reads = tuple(name for name in (system, found) if name is not None)
    value = rows.value(found)
    by = " (from, value)" if isinstance(value, list) and value and "from" in value[0] else ""
    return Part(
        f"{found}{by} as conversations",
        reads,
        lambda row: _with_system(row, system, turns_of(_value(row, found), found)),
    )


def _reply(rows: Rows, prompt: Part, names: Sequence[str]) -> Part | None:
    """An answer of the kind of its prompt, where the rows have one."""
    column = rows.one_of([name for name in names if name not in prompt.reads])
    if column is None:
        return None
    if is_turns(rows.value(column)):
        return Part(f"{column} as a conversation", (column,), lambda row: turns_of(_value(row, column), column))
    return Part(f"{column} as the answer", (column,), lambda row: text_of(row, column))


def _answered(prompt: Prompt, answer: Prompt) -> Row:
    """Prompt and completion of one kind: both texts, or both turns."""
    if isinstance(prompt, str) and isinstance(answer, str):
        return {"prompt": prompt, "completion": answer}
    return _answered_in_turns(prompt, answer)


def _answered_in_turns(prompt: Prompt, answer: Prompt) -> Row:
    return {"prompt": _as_turns(prompt, "user"), "completion": _as_turns(answer, "assistant")}


def _as_turns(value: Prompt, role: str) -> list[Turn]:
    return says(role, value) if isinstance(value, str) else value


def _prompt_and_completion(rows: Rows) -> Part | None:
    prompt = _prompt(rows)
    if prompt is not None and (reply := _reply(rows, prompt, ("completion",))) is not None:
        return _both(prompt, reply, _answered)
    # A conversation says more than a question beside it.
    if _conversation(rows) is not None:
        return None
    for asked in (_question(rows), prompt):
        if asked is not None and (reply := _reply(rows, asked, _REPLIES)) is not None:
            return _both(asked, reply, _answered_in_turns)
    return None


def _both(prompt: Part, reply: Part, join: Callable[[Prompt, Prompt], Row]) -> Part:
    said = f"{prompt.said}, {reply.said}"
    return Part(said, (*prompt.reads, *reply.reads), lambda row: join(prompt.read(row), reply.read(row)))


def _messages(rows: Rows) -> Part | None:
    part = _conversation(rows)

    def read(row: Row) -> Row:
        assert part is not None
        turns = part.read(row)
        if not any(turn["role"] == "assistant" for turn in turns):
            raise RowProblemError("has a conversation in which the assistant says nothing")
        return {"messages": turns}

    return None if part is None else Part(part.said, part.reads, read)


def _text(rows: Rows) -> Part | None:
    if "text" not in rows.columns:
        return None
    return Part("text as it is", ("text",), lambda row: {"text": text_of(row, "text")})


def _labelled(rows: Rows) -> Part | None:
    if "label" not in rows.columns:
        return None
    inner = _prompt_and_completion(rows) or _last_answer(rows)
    if inner is None:
        return None

    def read(row: Row) -> Row:
        label = _value(row, "label")
        if label not in (True, False) or isinstance(label, float):
            raise RowProblemError(f"has the label {shown(label)}; write true for a good answer, false for a bad")
        return {**inner.read(row), "label": bool(label)}

    return Part(f"{inner.said}, label as good or bad", (*inner.reads, "label"), read)


def _last_answer(rows: Rows) -> Part | None:
    """A conversation whose last turn is the answer."""
    part = _conversation(rows)

    def read(row: Row) -> Row:
        assert part is not None
        turns = part.read(row)
        if len(turns) < 2 or turns[-1]["role"] != "assistant":
            raise RowProblemError("has a conversation that does not end with an answer to somebody")
        return {"prompt": turns[:-1], "completion": turns[-1:]}

    return None if part is None else Part(f"{part.said}, the last turn as the answer", part.reads, read)


def _pairs(rows: Rows) -> Part | None:
    """Two answers, one preferred to the other."""
    if not rows.has("chosen", "rejected"):
        return None
    if is_turns(rows.value("chosen")):
        return _pairs_of_conversations(rows)
    if is_transcript(rows.value("chosen")):
        return Part("chosen/rejected as transcripts, prompt taken from them", ("chosen", "rejected"), _of_transcripts)
    prompt = _prompt(rows) or _question(rows)
    if prompt is None:
        return Part("chosen/rejected as texts, prompt taken from them", ("chosen", "rejected"), _of_texts)

    def read(row: Row) -> Row:
        asked = prompt.read(row)
        answers = {name: text_of(row, name) for name in ("chosen", "rejected")}
        if isinstance(asked, str):
            return {"prompt": asked, **answers}
        return {"prompt": asked, **{name: says("assistant", text) for name, text in answers.items()}}

    return Part(f"{prompt.said}, chosen/rejected as texts", (*prompt.reads, "chosen", "rejected"), read)


def _pairs_of_conversations(rows: Rows) -> Part:
    """The prompt is what both begin with; where they are answers alone, it stands beside them."""
    chosen = rows.value("chosen")
    first = chosen[0] if isinstance(chosen, list) and chosen else {}
    is_answer = isinstance(first, dict) and (first.get("role") or first.get("from")) in ("assistant", "gpt")
    prompt = (_prompt(rows) or _question(rows)) if is_answer else None
    system = _system(rows) if prompt is None else None

    def read(row: Row) -> Row:
        answers = [turns_of(_value(row, name), name) for name in ("chosen", "rejected")]
        if prompt is not None:
            return {"prompt": _as_turns(prompt.read(row), "user"), "chosen": answers[0], "rejected": answers[1]}
        shared, better, worse = without_prompt(*answers)
        return {"prompt": _with_system(row, system, shared), "chosen": better, "rejected": worse}

    if prompt is not None:
        return Part(f"{prompt.said}, chosen/rejected as conversations", (*prompt.reads, "chosen", "rejected"), read)
    # The same prompt as text beside the conversations is none of what is left out.
    beside = tuple(name for name in (system, "prompt") if name is not None and name in rows.columns)
    return Part("chosen/rejected as conversations, prompt taken from them", ("chosen", "rejected", *beside), read)


def _of_transcripts(row: Row) -> Row:
    turns = []
    for name in ("chosen", "rejected"):
        text = text_of(row, name)
        if not is_transcript(text):
            raise RowProblemError(f"has no transcript (Human: ... Assistant: ...) as {name}, as the first example has")
        turns.append(turns_of_transcript(text, name))
    prompt, chosen, rejected = without_prompt(*turns)
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _of_texts(row: Row) -> Row:
    """As TRL's `extract_prompt` does, which takes an empty prompt without a word."""
    chosen, rejected = text_of(row, "chosen"), text_of(row, "rejected")
    most = min(len(chosen), len(rejected))
    same = next((place for place in range(most) if chosen[place] != rejected[place]), most)
    if same > 0 and chosen[same - 1] == " ":
        same -= 1
    if not chosen[:same].strip():
        raise RowProblemError(
            "has chosen and rejected texts that begin differently, so its prompt is empty: add a column prompt"
        )
    if not chosen[same:].strip() or not rejected[same:].strip():
        raise RowProblemError(
            "has a chosen or rejected text that is all of what both begin with, so its answer is empty: add a column prompt"
        )
    return {"prompt": chosen[:same], "chosen": chosen[same:], "rejected": rejected[same:]}


def _prompts(rows: Rows) -> Part | None:
    """What a policy answers itself."""
    part = _prompt(rows) or _question(rows)
    if part is not None:
        return Part(part.said, part.reads, lambda row: {"prompt": part.read(row)})
    turns = _conversation(rows)
    if turns is None:
        return None

    def read(row: Row) -> Row:
        asked = turns.read(row)
        while asked and asked[-1]["role"] == "assistant":
            asked = asked[:-1]
        if not any(turn["role"] == "user" for turn in asked):
            raise RowProblemError("has a conversation in which nobody asks anything")
        return {"prompt": asked}

    return Part(f"{turns.said} up to the last answer as the prompt", turns.reads, read)


def _tools(rows: Rows) -> Part | None:
    """Tools that a chat template shows the model; TRL reads them as JSON."""
    if not rows.is_used("tools"):
        return None

    def read(row: Row) -> str | None:
        tools = row.get("tools")
        return tools if tools is None or isinstance(tools, str) else json.dumps(tools, ensure_ascii=False)

    return Part("tools for the chat template", ("tools",), read)


def _reward_column(rows: Rows, name: str) -> Part | None:
    if name != "answer":
        return Part(name, (name,), lambda row: _value(row, name)) if name in rows.columns else None
    column = rows.one_of(_ANSWERS)
    if column is None or (column == "reward_model" and not isinstance(rows.value(column), dict)):
        return None
    if column == "reward_model":
        return Part("reward_model.ground_truth as the right answer", (column,), _ground_truth)
    if column == "solution":
        return Part("\\boxed{} of solution as the right answer", (column,), lambda row: _boxed(text_of(row, column)))
    marked = isinstance(value := rows.value(column), str) and _MARKED_ANSWER in value
    said = f"{column} behind {_MARKED_ANSWER}" if marked else column
    return Part(f"{said} as the right answer", (column,), lambda row: _right_answer(row, column, marked))


def _right_answer(row: Row, column: str, marked: bool) -> str:
    text = _plain(_value(row, column), column)
    if not marked:
        return text
    _, mark, answer = text.rpartition(_MARKED_ANSWER)
    if not mark or not answer.strip():
        raise RowProblemError(f"has no answer behind {_MARKED_ANSWER} in {column}, as the first example has")
    return answer.strip()


def _ground_truth(row: Row) -> str:
    model = _value(row, "reward_model")
    if not isinstance(model, dict) or model.get("ground_truth") is None:
        raise RowProblemError("has no reward_model.ground_truth")
    return _plain(model["ground_truth"], "reward_model.ground_truth")


def _plain(value: object, column: str) -> str:
    """A text, or a number as it was written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowProblemError(f"has {kind_of(value)} as {column}: write text or a number")
    text = str(value).strip()
    if not text:
        raise RowProblemError(f"has an empty {column}")
    return text


_BOX = re.compile(r"\\f?boxed\s*\{")


def _boxed(solution: str) -> str:
    """What the last `\\boxed{}` of a worked solution holds, with its own braces."""
    found = list(_BOX.finditer(solution))
    if not found:
        raise RowProblemError("has no \\boxed{} answer in solution")
    start, depth = found[-1].end(), 1
    for place in range(start, len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[place], 0)
        if depth == 0:
            return solution[start:place].strip()
    raise RowProblemError("has a \\boxed{} in solution that does not end")


_PARTS: dict[tuple[str, ...], Callable[[Rows], Part | None]] = {
    ("prompt", "completion"): _prompt_and_completion,
    ("messages",): _messages,
    ("text",): _text,
    ("prompt", "chosen", "rejected"): _pairs,
    ("prompt", "completion", "label"): _labelled,
    ("prompt",): _prompts,
}
"""How each set of columns that a trainer takes is read."""
