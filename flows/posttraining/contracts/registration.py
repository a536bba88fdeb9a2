"""Types of contracts/index.ts's `registration`; `npm run contracts` writes this file."""

from typing import TypedDict

from .lineage import Lineage
from .promoted_model import PromotedModel


class Registration(TypedDict):
    """What a run wrote to the registry, to restore it from."""

    lineage: Lineage
    pointer: PromotedModel | None
    """Null: the model did not pass its gate."""
