"""The gate: whether a trained model is good enough to be promoted. Pure functions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TypedDict

from posttraining import confidence
from posttraining.contracts.flow_result import ConfidenceBounds, JudgedCondition, MeasuredMetric
from posttraining.contracts.recipe import GateCondition

Metrics = dict[str, MeasuredMetric]

DEFAULT_CONFIDENCE = 0.99
"""Of a gain that must be 0 or more: a model that is as good as its base passes in one of a hundred runs at most."""


class DocumentValues(TypedDict):
    """A metric's values of the same documents in the same order, whose mean is the metric."""

    before: list[float] | None
    """Of the base model; None: not measured."""
    after: list[float]


Samples = Mapping[str, DocumentValues]
"""By metric; only those that have a number for each document, and are its mean."""


class GateError(ValueError):
    """The gate asks for something that the run did not measure; the message says what it did measure."""


def judge(
    conditions: list[GateCondition], metrics: Metrics, samples: Samples | None = None, chances: int = 1
) -> list[JudgedCondition]:
    """Judges every condition; the model passes if all do.

    A demand that has a confidence is held against a bound at it: from the documents' values where the metric has such, else
    from the standard errors that the task reports, as if the models had answered different documents. A bound that cannot be
    told meets no demand.

    Args:
        conditions: the recipe's.
        metrics: of the model.
        samples: what metrics are the mean of.
        chances: how many models are judged of which one is taken. The best of several equals looks better than it is: each must
            pass at a confidence at which all of them together are as unlikely to pass by luck as one alone (Bonferroni).

    Returns:
        The conditions, each with the `value`, `gain` and `bounds` it was held against and whether it `passed`.

    Raises:
        GateError: if a metric was not measured, or a gain is asked for and the base model's value is not known.
    """
    return [_judge(condition, metrics, samples or {}, chances) for condition in conditions]


def passes(judged: list[JudgedCondition]) -> bool:
    """Whether all judged conditions hold."""
    return all(condition["passed"] for condition in judged)


def outcome(judged: list[JudgedCondition]) -> str:
    """What a run's log says of its gate: what was missed, and by which number."""
    missed = [_missed(condition) for condition in judged if not condition["passed"]]
    return f"The gate is missed: {'; '.join(missed)}." if missed else "The gate is passed."


def standing(promoted: bool, uri: str) -> str:
    """What a run's log says of a model that is registered."""
    return f"{uri} is registered and promoted." if promoted else f"{uri} is kept but not promoted."


def _missed(condition: JudgedCondition) -> str:
    demands = {name: condition.get(name) for name in ("minimum", "maximum", "minimumGain") if name in condition}
    asked = ", ".join(f"{name} {demand}" for name, demand in demands.items())
    bounds = f" (bounds {json.dumps(condition['bounds'])})" if "bounds" in condition else ""
    return f"{condition['metric']} is {_shown(condition['value'])}, and the gate asks for {asked}{bounds}"


def _shown(value: float | None) -> str:
    return "not a finite number" if value is None else f"{value:.4g}"


def measured(name: str, metrics: Metrics) -> MeasuredMetric:
    """One metric by name.

    Raises:
        GateError: if the run did not measure it.
    """
    if name not in metrics:
        raise GateError(f"metric {name} was not measured; this run measured {', '.join(sorted(metrics))}")
    return metrics[name]


def standard_errors(values: DocumentValues) -> tuple[float | None, float | None, float | None]:
    """Of the base model's value, of the trained model's, and of the gain."""
    before, after = values["before"], values["after"]
    if before is None:
        return None, confidence.standard_error(after), None
    gain = confidence.standard_error(confidence.differences(before, after))
    return confidence.standard_error(before), confidence.standard_error(after), gain


def _judge(condition: GateCondition, metrics: Metrics, samples: Samples, chances: int) -> JudgedCondition:
    name = condition["metric"]
    found = measured(name, metrics)
    before = found["before"]
    if "minimumGain" in condition and before is None:
        raise GateError(f"gate on {name}: minimumGain needs the base model's value, which was not measured")
    # Against what is not a number nothing holds.
    value = math.nan if found["after"] is None else found["after"]
    gain = math.nan if before is None else value - before
    sureness = _confidence(condition, found, samples.get(name))
    # At the least, a demand is held against the measured value itself.
    if sureness is not None and sureness > confidence.LEAST:
        sureness = 1 - (1 - sureness) / chances
    bounds = {} if sureness is None else _bounds(condition, sureness, found, samples.get(name))
    passed = True
    if "minimum" in condition:
        passed &= bounds.get("minimum", value) >= condition["minimum"]
    if "maximum" in condition:
        passed &= bounds.get("maximum", value) <= condition["maximum"]
    if "minimumGain" in condition:
        passed &= bounds.get("minimumGain", gain) >= condition["minimumGain"]
    judged: JudgedCondition = {**condition, "value": found["after"], "passed": passed}
    if "minimumGain" in condition:
        judged["gain"] = gain
    if sureness is not None:
        judged["confidence"] = sureness
        judged["bounds"] = ConfidenceBounds(**bounds)
    return judged


def _confidence(condition: GateCondition, found: MeasuredMetric, values: DocumentValues | None) -> float | None:
    if "confidence" in condition:
        return condition["confidence"]
    if condition.get("minimumGain", -1) < 0:
        return None
    is_known = values is not None or _errors(found)[1] is not None
    return DEFAULT_CONFIDENCE if is_known else None


def _bounds(
    condition: GateCondition, sureness: float, found: MeasuredMetric, values: DocumentValues | None
) -> dict[str, float]:
    """One for each demand; of a confidence that nobody wrote for the gain alone. NaN where nothing tells it."""
    bounds: dict[str, float] = {}
    if "confidence" in condition and "minimum" in condition:
        bounds["minimum"] = _value_bound(found, values, sureness)
    if "confidence" in condition and "maximum" in condition:
        bounds["maximum"] = _upper_value_bound(found, values, sureness)
    if "minimumGain" in condition:
        bounds["minimumGain"] = _gain_bound(found, values, sureness)
    return bounds


def _value_bound(found: MeasuredMetric, values: DocumentValues | None, sureness: float) -> float:
    if values is not None:
        return confidence.lower_bound(values["after"], sureness)
    return confidence.normal_bound(_number(found["after"]), _number(_errors(found)[1]), sureness)


def _upper_value_bound(found: MeasuredMetric, values: DocumentValues | None, sureness: float) -> float:
    if values is not None:
        return confidence.upper_bound(values["after"], sureness)
    return -confidence.normal_bound(-_number(found["after"]), _number(_errors(found)[1]), sureness)


def _gain_bound(found: MeasuredMetric, values: DocumentValues | None, sureness: float) -> float:
    if values is not None and values["before"] is not None:
        return confidence.least_gain(values["before"], values["after"], sureness)
    before, after = _errors(found)
    gain = _number(found["after"]) - _number(found["before"])
    return confidence.normal_bound(gain, math.hypot(_number(before), _number(after)), sureness)


def _errors(found: MeasuredMetric) -> tuple[float | None, float | None]:
    errors = found.get("standardError")
    return (None, None) if errors is None else (errors["before"], errors["after"])


def _number(value: float | None) -> float:
    return math.nan if value is None else value
