"""Bounds of what was measured on a sample of documents: of a metric, and of its gain over the base model. Pure functions.

All bounds are one-sided: with `confidence` 0.99 the true value lies beyond the bound in one of a hundred measurements. What is
compared is compared document by document, which takes the documents' own difficulty out of the difference.

- Every value 0 or 1: a metric's bound is the exact binomial one (Clopper and Pearson, 1934), a gain's that of Agresti and Min
  (2005): half a document is added to each way in which two models can differ or agree. Both hold at the edges, where all documents
  agree and a sample's variance is 0.
- Other values: Student's t of the mean. Where all values, or all differences, are the same, the sample does not show how much
  they vary: half a document is added at each end of the values' range, or of 1 where that is larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

Values = Sequence[float]

LEAST = 0.5
"""Confidence at which a bound is the measured value itself."""


def standard_error(values: Values) -> float | None:
    """The standard error of the mean of values; None for a single one."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def differences(before: Values, after: Values) -> list[float]:
    """By how much each document's value has grown."""
    return [new - old for old, new in zip(before, after, strict=True)]


def lower_bound(values: Values, confidence: float) -> float:
    """What the mean of such values is at least."""
    mean = math.fsum(values) / len(values)
    if confidence <= LEAST:
        return mean
    if _are_shares(values):
        return _least_share(round(math.fsum(values)), len(values), confidence)
    return mean - _reach(values, mean, _range(values), confidence)


def upper_bound(values: Values, confidence: float) -> float:
    """What the mean of such values is at most."""
    return (
        -lower_bound([-value for value in values], confidence)
        if not _are_shares(values)
        else 1 - lower_bound([1 - value for value in values], confidence)
    )


def least_gain(before: Values, after: Values, confidence: float) -> float:
    """What the gain from `before` to `after`, values of the same documents in the same order, is at least."""
    grown = differences(before, after)
    mean = math.fsum(grown) / len(grown)
    if confidence <= LEAST:
        return mean
    if _are_shares(before) and _are_shares(after):
        return least_share_gain(grown.count(1), grown.count(-1), len(grown), confidence)
    return mean - _reach(grown, mean, _range([*before, *after]), confidence)


def least_share_gain(won: int, lost: int, count: int, confidence: float) -> float:
    """What the gain is at least where each of `count` documents is right or wrong: `won` became right, `lost` wrong."""
    difference = (won - lost) / (count + 2)
    error = math.sqrt((won + lost + 1) / (count + 2) - difference**2) / math.sqrt(count + 2)
    return difference - student_quantile(confidence, max(count - 1, 1)) * error


def normal_bound(value: float, error: float, confidence: float) -> float:
    """What a value is at least of which only a standard error is known."""
    return value - normal_quantile(confidence) * error


def normal_quantile(confidence: float) -> float:
    """How many standard errors hold a share `confidence` of the normal distribution below them."""
    return NormalDist().inv_cdf(confidence)


def student_quantile(confidence: float, freedom: int) -> float:
    """The same of Student's distribution, by Hill's expansion (1970, algorithm 396): within a hundred-thousandth."""
    if freedom == 1:
        return math.tan(math.pi * (confidence - 0.5))
    if freedom == 2:
        return (2 * confidence - 1) * math.sqrt(2 / (4 * confidence * (1 - confidence)))
    tails = 2 * (1 - confidence)
    a = 1 / (freedom - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * freedom
    y = (d * tails) ** (2 / freedom)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(tails / 2)
        y = x**2
        if freedom < 5:
            c += 0.3 * (freedom - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y**2)
    else:
        y = (
            (1 / (((freedom + 6) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2) * 3) + 0.5 / (freedom + 4)) * y
            - 1
        ) * (freedom + 1) / (freedom + 2) + 1 / y
    return math.sqrt(freedom * y)


def _are_shares(values: Values) -> bool:
    return all(value in (0, 1) for value in values)


def _range(values: Values) -> float:
    return max(1.0, max(values) - min(values))


def _reach(values: Values, mean: float, extent: float, confidence: float) -> float:
    """How far below the mean of a sample the bound lies."""
    count = len(values)
    error = standard_error(values)
    if error is None or error <= 1e-12 * max(1.0, abs(mean)):
        return normal_quantile(confidence) * extent / (count + 2)
    return student_quantile(confidence, count - 1) * error


def _least_share(right: int, count: int, confidence: float) -> float:
    """The share of which so many right ones among `count` would be seen in 1 - confidence of all samples."""
    if right == 0:
        return 0.0
    low, high = 0.0, right / count
    while high - low > 1e-9:
        share = (low + high) / 2
        if _chance_of_at_least(right, count, share) < 1 - confidence:
            low = share
        else:
            high = share
    return low


def _chance_of_at_least(right: int, count: int, share: float) -> float:
    odds = math.log(share) - math.log1p(-share)
    term = (
        math.lgamma(count + 1)
        - math.lgamma(right + 1)
        - math.lgamma(count - right + 1)
        + count * math.log1p(-share)
        + right * odds
    )
    chance = 0.0
    for found in range(right, count + 1):
        added = math.exp(term)
        chance += added
        if added < chance * 1e-16:
            break
        if found < count:
            term += math.log(count - found) - math.log(found + 1) + odds
    return chance
