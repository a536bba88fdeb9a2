"""The run went through: trained, evaluated, judged, registered."""

from __future__ import annotations

import math
from typing import Any

from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.invariants.verdict import verdict

NAME = "the run is killed once, goes on, is evaluated, judged and registered"


def run_goes_through(
    recipe: Recipe, status: int | None, steps: list[str], lineage: dict[str, Any] | None, last_lines: str
) -> RehearsalInvariant:
    """The flow's own steps, with one that was tried again, and what it registered."""
    problems = []
    if status != 0:
        ended = "did not end in time" if status is None else f"ended with status {status}"
        problems.append(f"the run {ended} in step {steps[-1] if steps else 'start'}; it said last:\n{last_lines}")
    elif lineage is None:
        problems.append("the run ended well and registered no model: see flow.log")
    else:
        if steps.count("train") != 2:
            problems.append(
                f"step train was begun {steps.count('train')} time(s), and a run that is killed once begins it twice"
            )
        if not lineage["promoted"]:
            refused = [condition["metric"] for condition in lineage["gate"] if not condition["passed"]]
            problems.append(
                f"{', '.join(refused)} is no number: the gate can judge nothing; see the evaluation in flow.log"
            )
        problems += [
            f"{name} is not a number after the training: see the evaluation in flow.log"
            for name, value in lineage["metrics"].items()
            if value["after"] is None or not math.isfinite(value["after"])
        ]
    metrics = len(lineage["metrics"]) if lineage else 0
    return verdict(NAME, problems, f"{recipe['method']}: steps {', '.join(dict.fromkeys(steps))}", {"metrics": metrics})
