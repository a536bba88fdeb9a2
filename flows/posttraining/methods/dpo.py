"""Direct preference optimisation: learns from pairs of answers, one preferred to the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from posttraining import tiny_task
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import DpoRecipe
from posttraining.methods.method import Method, Row, Turns
from posttraining.methods.reference import precomputed_reference_problems
from posttraining.problems import repeated, shown
from posttraining.trainers.job import TrainingJob


def _arguments(recipe: DpoRecipe, _job: TrainingJob, _columns: tuple[str, ...]) -> dict[str, Any]:
    dpo = recipe["dpo"]
    return {
        "max_length": recipe["sequence"]["maxLength"],
        "beta": dpo["beta"],
        "loss_type": dpo["lossTypes"],
        "loss_weights": dpo["lossWeights"],
        "precompute_ref_log_probs": dpo["precomputeReferenceLogProbabilities"],
    }


def _relations(recipe: DpoRecipe, _examples: int | None) -> Iterator[str]:
    types, weights = recipe["dpo"]["lossTypes"], recipe["dpo"]["lossWeights"]
    yield from repeated(types, "dpo.lossTypes")
    if len(types) != len(weights):
        yield f"dpo.lossWeights: got {shown(weights)}; must have one weight for each of dpo.lossTypes ({len(types)})"


def _plan_problems(recipe: DpoRecipe, plan: Plan) -> Iterator[str]:
    return precomputed_reference_problems("dpo", recipe["dpo"]["precomputeReferenceLogProbabilities"], plan)


def _tiny_row(prompt: Turns, total: int, source: random.Random) -> Row:
    chosen, rejected = tiny_task.preference(total, source)
    return {"prompt": prompt, "chosen": tiny_task.says(chosen), "rejected": tiny_task.says(rejected)}


METHOD = Method[DpoRecipe](
    name="dpo",
    label="DPO",
    columns=(("prompt", "chosen", "rejected"),),
    forms="chosen and rejected as conversations, transcripts or texts, beside a prompt or question or with it",
    arguments=_arguments,
    tiny_row=_tiny_row,
    shown=("rewards.accuracies", "rewards.margins"),
    relations=_relations,
    plan_problems=_plan_problems,
)
