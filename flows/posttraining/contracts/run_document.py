"""Types of contracts/index.ts's `run_document`; `npm run contracts` writes this file."""

from typing import TypedDict

from .placement import Placement
from .plan import Plan
from .recipe import Recipe


class RunDocument(TypedDict):
    """What a flow is given."""

    recipe: Recipe
    plan: Plan
    placement: Placement | None
    """Where the run's pods go; null: it runs on this machine."""
    baseModelUri: str | None
    """Model to start from; null: `recipe.model.base`."""
    modelsRoot: str
    """Prefix below which trained models are registered: `s3://bucket/models` or `file:///folder`."""
    name: str
    """Name of the deployment: the first folder below `modelsRoot`."""
    modelUri: str | None
    """Where a lost model is made again; null: below `modelsRoot`, by name and run."""
