"""Types of contracts/index.ts's `lineage`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypedDict

from .flow_result import JudgedCondition, MeasuredMetric
from .plan import Plan
from .recipe import Recipe


class LineageBaseModel(TypedDict):
    """The model that a run started from."""

    uri: str
    """The model that the run started from."""
    lineage: str | None
    """Its own `lineage.json`; null: it is not of the registry."""


class SavedAdapter(TypedDict):
    """How an adapter was saved, and what rounding left of it in merged weights."""

    saves: Literal["merged", "adapter", "both"]
    """The recipe's `trainable.saves`."""
    kept: float | None
    """Share of the adapter's update that is left in the merged weights after rounding; null: it was not merged."""
    error: float | None
    """Length of what rounding changed, by the length of the update; null: it was not merged."""


class LineageData(TypedDict):
    """The examples that a model was trained on."""

    source: str
    """The recipe's `dataset.source`."""
    fingerprint: str
    """Equal for equal examples."""
    examples: int
    """Number of examples that were trained on."""
    form: NotRequired[str]
    """How rows of the dataset were read as examples, in one line."""
    revision: NotRequired[str | None]
    """The hub's commit; null: it is not of the hub, or the hub could not be asked."""


class Lineage(TypedDict):
    """What a model was made from and how good it is: `lineage.json` beside its files."""

    files: dict[str, int]
    """Bytes of the model's files by name."""
    recipe: Recipe
    plan: Plan
    baseModel: LineageBaseModel
    adapter: NotRequired[SavedAdapter | None]
    """Null or left out: all weights were trained."""
    data: LineageData
    code: str
    """SHA-256 over the flow's file and the library, in hex."""
    packages: dict[str, str]
    """Versions of the packages that decide a training's outcome."""
    pathspec: str
    """Metaflow's name of the run: `<Flow>/<run id>`."""
    metrics: dict[str, MeasuredMetric]
    """As in the flow's result."""
    evaluation: dict[str, str]
    """What decides a task's numbers, by task: numbers with equal texts can be compared and reused."""
    gate: list[JudgedCondition]
    """As in the flow's result."""
    promoted: bool
    """The model passed its gate."""
