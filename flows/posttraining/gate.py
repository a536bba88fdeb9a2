"""The gate: whether a trained model is good enough to be promoted. Pure functions."""

from __future__ import annotations

import math

from posttraining.contracts.flow_result import JudgedCondition, MeasuredMetric
from posttraining.contracts.recipe import GateCondition

Metrics = dict[str, MeasuredMetric]


class GateError(ValueError):
    """The gate asks for something that the run did not measure; the message says what it did measure."""


def judge(conditions: list[GateCondition], metrics: Metrics) -> list[JudgedCondition]:
    """Judges every condition; the model passes if all do.

    Returns:
        The conditions, each with the `value` it was held against and whether it `passed`.

    Raises:
        GateError: if a metric was not measured, or a gain is asked for and the base model's value is not known.
    """
    return [_judge(condition, metrics) for condition in conditions]


def passes(judged: list[JudgedCondition]) -> bool:
    """Whether all judged conditions hold."""
    return all(condition["passed"] for condition in judged)


def measured(name: str, metrics: Metrics) -> MeasuredMetric:
    """One metric by name.

    Raises:
        GateError: if the run did not measure it.
    """
    if name not in metrics:
        raise GateError(f"metric {name} was not measured; this run measured {', '.join(sorted(metrics))}")
    return metrics[name]


def _judge(condition: GateCondition, metrics: Metrics) -> JudgedCondition:
    name = condition["metric"]
    found = measured(name, metrics)
    before = found["before"]
    # Against what is not a number nothing holds.
    value = math.nan if found["after"] is None else found["after"]
    passed = True
    if "minimum" in condition:
        passed &= value >= condition["minimum"]
    if "maximum" in condition:
        passed &= value <= condition["maximum"]
    if "minimumGain" in condition:
        if before is None:
            raise GateError(f"gate on {name}: minimumGain needs the base model's value, which was not measured")
        passed &= value - before >= condition["minimumGain"]
    return {**condition, "value": found["after"], "passed": passed}
