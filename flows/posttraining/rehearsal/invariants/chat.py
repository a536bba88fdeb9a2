"""Training, evaluation and endpoint write the same tokens of one conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt
from posttraining.rehearsal.invariants.verdict import verdict

EVALUATED = "evaluation asks in the form that training taught"
SERVED = "the endpoint asks in the form that training taught"

_ADVICE = (
    "template, its arguments or the begin-of-text token differ; write model.chatTemplateArguments, such as "
    "{ enable_thinking: false }, so that all three get the same"
)


def questions_of(example: dict[str, Any]) -> list[dict[str, str]] | None:
    """The turns before the first answer of an example; None where it is no conversation."""
    turns = next(
        (example[name] for name in ("prompt", "messages", "chosen") if isinstance(example.get(name), list)), None
    )
    if not turns or not isinstance(turns[0], dict):
        return None
    answers = [place for place, turn in enumerate(turns) if turn.get("role") == "assistant"]
    return turns[: answers[0]] if answers else turns


def evaluated_as_trained(attempt: Attempt, asked: Sequence[list[int]], longest: int) -> RehearsalInvariant:
    """Each question, as lm-eval writes it, begins an example as the trainer has tokenised it.

    Args:
        attempt: the training.
        asked: tokens of the questions of the first examples, as evaluation writes them.
        longest: tokens at which the trainer cuts.
    """
    fitting = [ids for ids in asked if len(ids) < longest]
    rows = [_shown(row[name]) for row in attempt.rows for name in ("prompt_ids", "input_ids") if name in row]
    if not asked:
        return verdict(EVALUATED, [], "examples are plain texts: there is no form to agree on", {"questions": 0})
    if _generates(attempt):
        known = {_shown(ids) for ids in fitting}
        unknown = [row for row in rows if row not in known]
        total, place = len(rows), "no question as evaluation writes it"
    else:
        unknown = [ids for ids in fitting if not any(_shown(ids) in row for row in rows)]
        total, place = len(fitting), "in no example that was trained on"
    problems = []
    if unknown or not total:
        problems.append(f"{len(unknown)} of {total} questions are {place}: {_ADVICE}")
    return verdict(
        EVALUATED, problems, f"{total} questions have the same tokens", {"questions": total, "other": len(unknown)}
    )


def served_as_evaluated(asked: list[int], served: list[int]) -> RehearsalInvariant:
    """The server's tokens of a question are those of the evaluation."""
    problems = []
    if asked != served:
        place = next(
            (place for place, pair in enumerate(zip(asked, served, strict=False)) if pair[0] != pair[1]),
            min(len(asked), len(served)),
        )
        problems.append(f"its tokens differ from place {place} on ({len(served)} beside {len(asked)}): {_ADVICE}")
    return verdict(SERVED, problems, f"{len(served)} tokens are the same", {"tokens": len(served)})


def _generates(attempt: Attempt) -> bool:
    """GRPO tokenises prompts alone."""
    return bool(attempt.rows) and all(set(row) == {"prompt_ids"} for row in attempt.rows)


def _shown(ids: Sequence[int]) -> str:
    return "," + ",".join(str(one) for one in ids) + ","
