"""Kahneman-Tversky optimisation: learns from single answers, each said to be good or bad."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from posttraining import tiny_task
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import KtoRecipe
from posttraining.methods.method import Method, Row, Turns
from posttraining.methods.reference import precomputed_reference_problems
from posttraining.problems import shown
from posttraining.trainers.job import TrainingJob


def _arguments(recipe: KtoRecipe, _job: TrainingJob, _columns: tuple[str, ...]) -> dict[str, Any]:
    kto = recipe["kto"]
    return {
        "max_length": recipe["sequence"]["maxLength"],
        "beta": kto["beta"],
        "loss_type": kto["lossType"],
        "desirable_weight": kto["desirableWeight"],
        "undesirable_weight": kto["undesirableWeight"],
        "precompute_ref_log_probs": kto["precomputeReferenceLogProbabilities"],
    }


def _least_micro_batch(recipe: KtoRecipe) -> int:
    """Alone in a forward pass, an answer would be measured against itself (trl/trainer/kto_trainer.py refuses it)."""
    return 2 if recipe["kto"]["lossType"] == "kto" else 1


def _plan_problems(recipe: KtoRecipe, plan: Plan) -> Iterator[str]:
    return precomputed_reference_problems("kto", recipe["kto"]["precomputeReferenceLogProbabilities"], plan)


def _tiny_row(prompt: Turns, total: int, source: random.Random) -> Row:
    chosen, rejected = tiny_task.preference(total, source)
    label = source.random() < 0.5
    return {"prompt": prompt, "completion": tiny_task.says(chosen if label else rejected), "label": label}


def _rows_problem(rows: Iterator[Row]) -> str | None:
    labels = {row.get("label") for row in rows}
    if len(labels) > 1 or None in labels:
        return None
    # TRL 1.16 then logs no rewards/margins either.
    return f"every label is {shown(labels.pop())}; KTO learns from good and from bad answers"


METHOD = Method[KtoRecipe](
    name="kto",
    label="KTO",
    # TRL makes two examples of a pair of answers.
    columns=(("prompt", "completion", "label"), ("prompt", "chosen", "rejected")),
    forms="messages and label, question and answer and label, or chosen and rejected as conversations, transcripts or texts",
    arguments=_arguments,
    tiny_row=_tiny_row,
    shown=("rewards.margins", "kl"),
    rows_problem=_rows_problem,
    least_micro_batch=_least_micro_batch,
    plan_problems=_plan_problems,
)
