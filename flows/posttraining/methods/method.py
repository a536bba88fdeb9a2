"""What a training method is to the rest of the library; its TypeScript half is `methods/<name>.ts`."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.methods.columns import Columns
from posttraining.methods.facts import method_facts
from posttraining.trainers.job import TrainingJob

Row = dict[str, Any]
"""An example: values by column, as the dataset has them."""
Turns = list[dict[str, str]]

MethodRecipe = TypeVar("MethodRecipe", bound=Recipe)
"""The recipes of one method."""


@dataclass(frozen=True)
class BaseFacts:
    """What is known of the model that a run starts from, and of the task."""

    base: str
    context_tokens: int | None
    """Tokens of its context; None where they are not known."""
    longest_prompt_tokens: int | None
    """Tokens of the task's longest prompt; None where the task is not the project's own."""


@dataclass(frozen=True)
class NeedsGpu:
    """A value of a recipe that asks for a GPU and for a package, and what to write instead on a machine without."""

    path: str
    value: str
    instead: str
    package: str


def _no_problems(_recipe: Recipe, _known: object) -> Iterator[str]:
    return iter(())


def _one_pass(recipe: Recipe, examples: int) -> int | None:
    return math.ceil(examples / recipe["batch"]["global"])


def _no_names(_recipe: Recipe) -> tuple[str, ...]:
    return ()


def _one(_recipe: Recipe) -> int:
    return 1


def _no_problem(_recipe: Recipe, _example: Row) -> None:
    return None


def _none(_rows: Iterator[Row]) -> None:
    return None


def _no_reader(recipe: Recipe, _column: str) -> str:
    return recipe["method"]


def _no(_recipe: Recipe) -> bool:
    return False


def _nothing(_recipe: Recipe) -> dict[str, Any]:
    return {}


def _needs_none(_recipe: Recipe) -> Iterator[NeedsGpu]:
    return iter(())


@dataclass(frozen=True)
class Method(Generic[MethodRecipe]):
    """The record of one method. What is not said is as for SFT: no rules of its own, nothing generated.

    Importing a record imports neither torch nor TRL: the driver and the checks of recipes read it.
    """

    name: str
    """Value of `method` in a recipe, and folder of the flow below `flows/`."""
    label: str
    """Name as people and TRL's classes write it: `SFT` of `SFTTrainer` and `SFTConfig`."""
    columns: Columns
    """Columns that TRL's trainer accepts."""
    arguments: Callable[[MethodRecipe, TrainingJob, tuple[str, ...]], dict[str, Any]]
    """Arguments of TRL's configuration beyond those that all methods share, from its recipe, the job and the examples' columns."""
    tiny_row: Callable[[Turns, int, random.Random], Row]
    """An example of `tiny:sums`, from the question, the sum and a source of chance."""
    shown: tuple[str, ...]
    """Metrics that progress lines, card and result carry beside the loss; the first is drawn on the card."""
    packs: bool = False
    """Whether several examples can be packed into one sequence."""
    generates: bool = False
    """Whether the policy generates answers, up to `sequence.maxCompletionLength`."""
    forms: str = "messages, conversations (from, value), instruction and output, question and answer"
    """What rows may have instead of the method's columns (data/forms.py), as a message lists it."""
    reads: Callable[[MethodRecipe], tuple[str, ...]] = _no_names
    """Columns that such a recipe reads beside its trainer's."""
    reader_of: Callable[[MethodRecipe, str], str] = _no_reader
    """Who reads such a column, as a message names it."""
    example_problem: Callable[[MethodRecipe, Row], str | None] = _no_problem
    """What is wrong with one example, as a sentence without its subject; None where nothing is."""
    rows_problem: Callable[[Iterator[Row]], str | None] = _none
    """What is wrong with the examples, none of which lacks a value; None where nothing is."""
    relations: Callable[[MethodRecipe, int | None], Iterator[str]] = _no_problems
    """What must hold between its fields, as `path: reason`, from the recipe and the number of examples, where it is known."""
    base_relations: Callable[[MethodRecipe, BaseFacts], Iterator[str]] = _no_problems
    """What must hold between its fields and the model that the run starts from."""
    steps_per_epoch: Callable[[MethodRecipe, int], int | None] = _one_pass
    """Optimizer steps in which every one of the examples is seen once; None where it cannot be said."""
    more_shown: Callable[[MethodRecipe], tuple[str, ...]] = _no_names
    """More of `shown`, of such a recipe."""
    more_metrics: Callable[[MethodRecipe], tuple[str, ...]] = _no_names
    """What TRL logs of such a run beside what it logs of every run of the method."""
    least_micro_batch: Callable[[MethodRecipe], int] = _one
    """Examples that a forward pass takes at least."""
    plan_problems: Callable[[MethodRecipe, Plan], Iterator[str]] = _no_problems
    """What of the method's fields a plan cannot carry out, as `path: reason`."""
    uses_vllm: Callable[[MethodRecipe], bool] = _no
    """Whether vLLM generates answers while such a recipe trains."""
    needs_gpu: Callable[[MethodRecipe], Iterator[NeedsGpu]] = _needs_none
    """What of the method's fields a machine without GPUs cannot do."""
    trainer_arguments: Callable[[MethodRecipe], dict[str, Any]] = _nothing
    """Arguments of TRL's trainer beyond those that all methods share."""

    def metric_names(self, recipe: MethodRecipe) -> tuple[str, ...]:
        """Names of what TRL logs of such a run, other than of mixtures of experts."""
        return (*method_facts(self.name)["metrics"]["always"], *self.more_metrics(recipe))
