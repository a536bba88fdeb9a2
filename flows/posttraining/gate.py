"""The gate: whether a trained model is good enough to be promoted. Pure functions."""

from __future__ import annotations

from typing import Any, TypedDict


class Measured(TypedDict):
    """One metric of the base model and of the trained one."""

    before: float | None
    after: float


Metrics = dict[str, Measured]


class GateError(ValueError):
    """The gate asks for something that the run did not measure; the message says what it did measure."""


def judge(conditions: list[dict[str, Any]], metrics: Metrics) -> list[dict[str, Any]]:
    """Judges every condition; the model passes if all do.

    Returns:
        The conditions, each with the `value` it was held against and whether it `passed`.

    Raises:
        GateError: if a metric was not measured, or a gain is asked for and the base model's value is not known.
    """
    return [_judge(condition, metrics) for condition in conditions]


def passes(judged: list[dict[str, Any]]) -> bool:
    """Whether all judged conditions hold."""
    return all(condition["passed"] for condition in judged)


def measured(name: str, metrics: Metrics) -> Measured:
    """One metric by name.

    Raises:
        GateError: if the run did not measure it.
    """
    if name not in metrics:
        raise GateError(f"metric {name} was not measured; this run measured {', '.join(sorted(metrics))}")
    return metrics[name]


def _judge(condition: dict[str, Any], metrics: Metrics) -> dict[str, Any]:
    name = condition["metric"]
    found = measured(name, metrics)
    value, before = found["after"], found["before"]
    passed = True
    if "minimum" in condition:
        passed &= value >= condition["minimum"]
    if "maximum" in condition:
        passed &= value <= condition["maximum"]
    if "minimumGain" in condition:
        if before is None:
            raise GateError(f"gate on {name}: minimumGain needs the base model's value, which was not measured")
        passed &= value - before >= condition["minimumGain"]
    return {**condition, "value": value, "passed": passed}
