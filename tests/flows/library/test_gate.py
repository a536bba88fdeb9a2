import random

import pytest

from posttraining.contracts.recipe import GateCondition
from posttraining.gate import DocumentValues, GateError, Metrics, Samples, judge, measured, outcome, passes, standing

METRICS: Metrics = {
    "sums/number": {"before": 0.2, "after": 0.9},
    "train/loss": {"before": None, "after": 0.5},
}


@pytest.mark.parametrize(
    ("condition", "passed"),
    [
        ({"metric": "sums/number", "minimum": 0.9}, True),
        ({"metric": "sums/number", "minimum": 0.91}, False),
        ({"metric": "sums/number", "maximum": 0.9}, True),
        ({"metric": "sums/number", "maximum": 0.89}, False),
        ({"metric": "sums/number", "minimumGain": 0.7}, True),
        ({"metric": "sums/number", "minimumGain": 0.71}, False),
        ({"metric": "sums/number", "minimum": 0.5, "minimumGain": 0.8}, False),
        ({"metric": "train/loss", "maximum": 1}, True),
    ],
)
def test_a_condition(condition: GateCondition, passed: bool):
    judged = judge([condition], METRICS)
    gain = {"gain": pytest.approx(0.7)} if "minimumGain" in condition else {}
    assert judged == [{**condition, "value": METRICS[condition["metric"]]["after"], "passed": passed} | gain]
    assert passes(judged) is passed


def test_one_failed_condition_fails_the_gate():
    good: GateCondition = {"metric": "sums/number", "minimum": 0.5}
    bad: GateCondition = {"metric": "train/loss", "maximum": 0.1}
    assert passes(judge([good], METRICS))
    assert not passes(judge([good, bad], METRICS))


def test_a_metric_that_was_not_measured_is_named_with_those_that_were():
    with pytest.raises(GateError, match="sums/exact was not measured; this run measured sums/number, train/loss"):
        judge([{"metric": "sums/exact", "minimum": 0.5}], METRICS)
    with pytest.raises(GateError, match="not measured"):
        measured("sums/exact", METRICS)


def test_a_gain_needs_the_base_models_value():
    with pytest.raises(GateError, match="minimumGain needs the base model's value"):
        judge([{"metric": "train/loss", "minimumGain": 0.1}], METRICS)


# 60 of 100 documents right before, 80 after: 25 became right, 5 wrong.
BEFORE = [1.0] * 55 + [1.0] * 5 + [0.0] * 25 + [0.0] * 15
AFTER = [1.0] * 55 + [0.0] * 5 + [1.0] * 25 + [0.0] * 15
SAMPLES: dict[str, DocumentValues] = {"sums/number": {"before": BEFORE, "after": AFTER}}
SAMPLED: Metrics = {"sums/number": {"before": 0.6, "after": 0.8}}


@pytest.mark.parametrize(
    ("condition", "bounds", "passed"),
    [
        ({"minimumGain": 0.05}, {"minimumGain": 0.0754}, True),
        ({"minimumGain": 0.08}, {"minimumGain": 0.0754}, False),
        ({"minimumGain": 0.08, "confidence": 0.9}, {"minimumGain": 0.1303}, True),
        # A confidence that nobody wrote is the gain's alone.
        ({"minimum": 0.8, "minimumGain": 0.05}, {"minimumGain": 0.0754}, True),
        ({"minimum": 0.8, "minimumGain": 0.05, "confidence": 0.99}, {"minimum": 0.6908, "minimumGain": 0.0754}, False),
        ({"minimum": 0.68, "confidence": 0.99}, {"minimum": 0.6908}, True),
        ({"maximum": 0.88, "confidence": 0.99}, {"maximum": 0.8844}, False),
        ({"maximum": 0.89, "confidence": 0.99}, {"maximum": 0.8844}, True),
        ({"minimum": 0.8, "minimumGain": 0.2, "confidence": 0.5}, {"minimum": 0.8, "minimumGain": 0.2}, True),
    ],
)
def test_a_condition_is_held_against_bounds(condition: GateCondition, bounds: dict[str, float], passed: bool):
    (judged,) = judge([{**condition, "metric": "sums/number"}], SAMPLED, SAMPLES)
    assert judged.get("bounds") == pytest.approx(bounds, abs=1e-4)
    assert judged.get("confidence") == condition.get("confidence", 0.99)
    assert judged["passed"] is passed


@pytest.mark.parametrize("condition", [{"minimum": 0.8}, {"maximum": 0.8}, {"minimumGain": -0.1}])
def test_nothing_else_has_a_confidence_by_default(condition: GateCondition):
    (judged,) = judge([{**condition, "metric": "sums/number"}], SAMPLED, SAMPLES)
    assert "confidence" not in judged
    assert "bounds" not in judged
    assert judged["passed"]


def test_a_metric_without_documents_values_is_held_against_its_standard_errors():
    metrics: Metrics = {
        "sums/f1": {"before": 0.6, "after": 0.8, "standardError": {"before": 0.03, "after": 0.04, "gain": None}}
    }
    (judged,) = judge([{"metric": "sums/f1", "minimumGain": 0.05}], metrics)
    assert judged.get("bounds") == pytest.approx({"minimumGain": 0.2 - 2.3263 * 0.05}, abs=1e-4)
    (judged,) = judge([{"metric": "sums/f1", "minimum": 0.7, "maximum": 0.9, "confidence": 0.99}], metrics)
    assert judged.get("bounds") == pytest.approx(
        {"minimum": 0.8 - 2.3263 * 0.04, "maximum": 0.8 + 2.3263 * 0.04}, abs=1e-4
    )
    assert judged["passed"]


def test_a_bound_that_cannot_be_told_meets_no_demand():
    (judged,) = judge([{"metric": "sums/number", "minimum": 0.1, "confidence": 0.9}], METRICS)
    assert judged["passed"] is False
    assert "minimum" in judged.get("bounds", {})
    # By default there is none where no error is known.
    (judged,) = judge([{"metric": "sums/number", "minimumGain": 0.1}], METRICS)
    assert judged["passed"] is True
    assert "confidence" not in judged


def test_the_best_of_several_models_passes_by_luck_no_more_often_than_one():
    draws = random.Random(1)
    lucky = 0
    for _ in range(300):
        before = [float(draws.random() < 0.5) for _ in range(100)]
        for _ in range(9):
            after = [float(draws.random() < 0.5) for _ in before]
            metrics: Metrics = {"sums/number": {"before": sum(before) / 100, "after": sum(after) / 100}}
            samples: Samples = {"sums/number": {"before": before, "after": after}}
            if passes(judge([{"metric": "sums/number", "minimumGain": 0}], metrics, samples, chances=9)):
                lucky += 1
                break
    # At the confidence of a single run they are 22.
    assert lucky <= 6


def test_several_models_raise_a_confidence_and_nothing_else():
    condition: GateCondition = {"metric": "sums/number", "minimumGain": 0.05}
    (judged,) = judge([condition], SAMPLED, SAMPLES, chances=4)
    assert judged.get("confidence") == pytest.approx(0.9975)
    (judged,) = judge([{**condition, "confidence": 0.5}], SAMPLED, SAMPLES, chances=4)
    assert judged.get("confidence") == 0.5
    (judged,) = judge([{"metric": "sums/number", "minimum": 0.8}], SAMPLED, SAMPLES, chances=4)
    assert "confidence" not in judged


def test_a_runs_log_says_what_was_missed_and_that_the_model_is_kept():
    metrics: Metrics = {"task/acc": {"before": 0.5, "after": 0.51}, "task/other": {"before": None, "after": 1.0}}
    conditions: list[GateCondition] = [
        {"metric": "task/acc", "minimum": 0.8, "minimumGain": 0.1},
        {"metric": "task/other", "minimum": 0.8},
    ]
    missed = outcome(judge(conditions, metrics))
    assert "The gate is missed: task/acc is 0.51, and the gate asks for minimum 0.8" in missed
    assert "minimumGain 0.1" in missed
    assert "task/other" not in missed
    # Not "promoted": the checks of the registration come later, and of a sweep's candidates one is registered.
    assert outcome(judge(conditions[1:], metrics)) == "The gate is passed."
    assert standing(True, "s3://models/one") == "s3://models/one is registered and promoted."
    assert standing(False, "s3://models/one") == "s3://models/one is kept but not promoted."
