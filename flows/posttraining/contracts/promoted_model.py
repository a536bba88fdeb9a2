"""Types of contracts/index.ts's `promoted_model`; `npm run contracts` writes this file."""

from typing import TypedDict

from .flow_result import MeasuredMetric


class PromotedModel(TypedDict):
    """The last model of a deployment that passed its gate: `promoted.json` in the deployment's folder."""

    modelUri: str
    """Prefix of the model's files."""
    pathspec: str
    """Metaflow's name of the run that made it."""
    promotedAt: str
    """ISO 8601, UTC."""
    metrics: dict[str, MeasuredMetric]
    """As in the flow's result."""
