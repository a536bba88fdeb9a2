"""Types of contracts/index.ts's `flow_result`; `npm run contracts` writes this file."""

from typing import NotRequired, TypedDict


class ConfidenceBounds(TypedDict):
    """What was held against the demands of the same names; null: it is not known, and the demand is not met."""

    minimum: NotRequired[float | None]
    """Lower bound of the value."""
    maximum: NotRequired[float | None]
    """Upper bound of the value."""
    minimumGain: NotRequired[float | None]
    """Lower bound of the gain."""


class StandardError(TypedDict):
    """How far chance among the documents may move a metric."""

    before: float | None
    """Of the base model's value; null: not known."""
    after: float | None
    """Of the trained model's value; null: not known."""
    gain: float | None
    """Of the gain, document by document; null: not known, since the metric has no value for each document."""


class Headline(TypedDict):
    """The metric that stands for the whole run."""

    before: float | None
    """The base model's value; null: not measured, or not a finite number."""
    after: float | None
    """The trained model's value; null: not a finite number."""
    standardError: NotRequired[StandardError]
    """Standard errors; left out: not known, as of what the trainer logs."""
    metric: str
    """The recipe's `evaluation.headline`."""


class RunSeconds(TypedDict):
    """How long the parts of a run took."""

    train: float | None
    """Seconds of training; null: not known any more."""
    evaluate: float | None
    """Seconds of evaluation; null: not known any more."""


class JudgedCondition(TypedDict):
    """One condition of the gate, and what it was held against."""

    metric: str
    """`<task>/<metric>` or `train/<metric>`."""
    minimum: NotRequired[float]
    """As in the recipe."""
    maximum: NotRequired[float]
    """As in the recipe."""
    minimumGain: NotRequired[float]
    """As in the recipe."""
    confidence: NotRequired[float]
    """As in the recipe, or the default for `minimumGain`; left out: the values themselves were judged."""
    value: float | None
    """The trained model's value; null: not a finite number."""
    gain: NotRequired[float | None]
    """By how much it is above the base model's, where `minimumGain` asks."""
    bounds: NotRequired[ConfidenceBounds]
    """Bounds at `confidence`, one for each demand that is judged by one."""
    passed: bool
    """The condition holds."""


class MeasuredMetric(TypedDict):
    """One metric of the base model and of the trained one."""

    before: float | None
    """The base model's value; null: not measured, or not a finite number."""
    after: float | None
    """The trained model's value; null: not a finite number."""
    standardError: NotRequired[StandardError]
    """Standard errors; left out: not known, as of what the trainer logs."""


class FlowResult(TypedDict):
    """What a run ended with."""

    modelUri: str
    """Prefix of the model's files."""
    promoted: bool
    """The model passed its gate and is the deployment's model from now on."""
    gate: list[JudgedCondition]
    """Every condition of the recipe's gate."""
    metrics: dict[str, MeasuredMetric]
    """By `<task>/<metric>`, and `train/<metric>` for what the trainer logged last."""
    headline: Headline
    seconds: RunSeconds
    baseModelUri: str | None
    """The model that the run started from; null: not known any more."""
