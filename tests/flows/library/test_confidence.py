import numpy as np
import pytest
from scipy import stats

from posttraining.confidence import (
    least_gain,
    least_share_gain,
    lower_bound,
    standard_error,
    student_quantile,
    upper_bound,
)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 10, 30, 499, 1318])
@pytest.mark.parametrize("confidence", [0.6, 0.9, 0.99, 0.999])
def test_students_quantile(freedom: int, confidence: float):
    assert student_quantile(confidence, freedom) == pytest.approx(stats.t.ppf(confidence, freedom), rel=1e-5)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (1, 10), (5, 10), (10, 10), (500, 1319), (1319, 1319)])
def test_shares_have_exact_bounds(right: int, count: int):
    values = [1.0] * right + [0.0] * (count - right)
    least = stats.beta.ppf(0.01, right, count - right + 1) if right else 0
    most = stats.beta.ppf(0.99, right + 1, count - right) if right < count else 1
    assert lower_bound(values, 0.99) == pytest.approx(least, abs=1e-6)
    assert upper_bound(values, 0.99) == pytest.approx(most, abs=1e-6)


def test_other_values_have_those_of_students_distribution():
    values, before = [0.1, 0.4, 0.35, 0.8], [0.2, 0.3, 0.1, 0.2]
    low, high = stats.t.interval(0.9, 3, loc=np.mean(values), scale=stats.sem(values))
    assert lower_bound(values, 0.95) == pytest.approx(low, abs=1e-5)
    assert upper_bound(values, 0.95) == pytest.approx(high, abs=1e-5)
    grown = np.subtract(values, before)
    assert least_gain(before, values, 0.95) == pytest.approx(
        stats.t.interval(0.9, 3, loc=grown.mean(), scale=stats.sem(grown))[0], abs=1e-5
    )
    assert standard_error(values) == pytest.approx(stats.sem(values))
    assert standard_error([0.5]) is None


def test_values_that_are_all_the_same_are_not_held_for_certain():
    assert lower_bound([0.5] * 100, 0.99) == pytest.approx(0.5 - 2.3263 / 102, abs=1e-4)
    assert upper_bound([0.5] * 100, 0.99) == pytest.approx(0.5 + 2.3263 / 102, abs=1e-4)
    assert least_gain([0.5] * 100, [0.75] * 100, 0.99) == pytest.approx(0.25 - 2.3263 / 102, abs=1e-4)
    assert least_gain([20.0] * 100, [10.0] * 100, 0.99) == pytest.approx(-10 - 10 * 2.3263 / 102, abs=1e-4)
    assert least_gain([0.0] * 100, [0.0] * 100, 0.99) < 0
    assert 0.95 < least_gain([0.0] * 200, [1.0] * 200, 0.99) < 1
    # One document says next to nothing.
    assert lower_bound([0.5], 0.99) < 0
    assert least_gain([0.0], [1.0], 0.99) < 0


def test_half_a_confidence_is_the_value_itself():
    assert lower_bound([1.0, 0.0, 0.0, 0.0], 0.5) == 0.25
    assert upper_bound([1.0, 0.0, 0.0, 0.0], 0.5) == 0.25
    assert least_gain([0.0, 0.0], [1.0, 0.0], 0.5) == 0.5


def test_pairs_say_more_than_two_samples_do():
    before = [1.0] * 300 + [0.0] * 200
    after = [1.0] * 310 + [0.0] * 190
    apart = 0.02 - 2.326 * np.hypot(standard_error(before) or 0, standard_error(after) or 0)
    assert least_gain(before, after, 0.99) > 0.004 > 0 > apart
    assert least_gain(before, after, 0.99) == least_share_gain(10, 0, 500, 0.99)
