"""Types of contracts/index.ts's `rehearsal_request`; `npm run contracts` writes this file."""

from typing import NotRequired, TypedDict

from .plan import Plan
from .recipe import Recipe


class RehearsalExperts(TypedDict):
    """Experts of a layer, shared ones among them."""

    total: int
    """Experts of a layer."""
    active: int
    """Experts of a token."""


class RehearsalShape(TypedDict):
    """What the planner's table says of the model that is scaled down."""

    layers: int
    """Decoder layers."""
    hidden: int
    """Width of the hidden state."""
    heads: int
    """Attention heads."""
    keyValueHeads: int
    """Heads of keys and values."""
    headDimension: int
    """Width of one head."""
    intermediate: int
    """Width of the feed-forward layer; of one expert where there are several."""
    experts: NotRequired[RehearsalExperts]
    """Left out: the layers are dense."""
    tiedEmbeddings: bool
    """Whether the output head shares the embedding's weights."""


class RehearsalRequest(TypedDict):
    """What is rehearsed."""

    identity: str
    """Hash of the recipe, the plan, the flow's code and its packages; the report has it again."""
    recipe: Recipe
    """The recipe as it is to run."""
    plan: Plan
    """The plan as the planner makes it for the GPUs that are paid for."""
    shape: RehearsalShape | None
    """Null: the planner's table has no shape of the model."""
    folder: str
    """Folder of its own, to work in: it is there, and `report.json` goes into it."""
    servePython: str | None
    """Python of the environment that serves models; null: there is none, and serving is not rehearsed."""
    useHub: bool
    """Whether config.json, tokenizer and rows may be fetched from the hub; false: all are made here."""
    processes: int
    """Training processes where the plan spreads states over several."""
    only: NotRequired[list[str]]
    """Names of the phases to rehearse; left out: all. A rehearsal of some proves nothing to `up`."""
