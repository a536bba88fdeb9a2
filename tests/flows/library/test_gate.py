import pytest

from posttraining.contracts.recipe import GateCondition
from posttraining.gate import GateError, Metrics, judge, measured, passes

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
    assert judged == [{**condition, "value": METRICS[condition["metric"]]["after"], "passed": passed}]
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
