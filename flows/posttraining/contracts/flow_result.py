"""Types of contracts/index.ts's `flow_result`; `npm run contracts` writes this file."""

from typing import NotRequired, TypedDict


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
    value: float | None
    """The trained model's value; null: not a finite number."""
    passed: bool
    """The condition holds."""


class MeasuredMetric(TypedDict):
    """One metric of the base model and of the trained one."""

    before: float | None
    """The base model's value; null: not measured, or not a finite number."""
    after: float | None
    """The trained model's value; null: not a finite number."""


class Headline(TypedDict):
    """The metric that stands for the whole run."""

    before: float | None
    """The base model's value; null: not measured, or not a finite number."""
    after: float | None
    """The trained model's value; null: not a finite number."""
    metric: str
    """The recipe's `evaluation.headline`."""


class RunSeconds(TypedDict):
    """How long the parts of a run took."""

    train: float | None
    """Seconds of training; null: not known any more."""
    evaluate: float | None
    """Seconds of evaluation; null: not known any more."""


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
