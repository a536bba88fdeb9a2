"""The candidates of a sweep: the grid they come from, the run document of each, and which of them wins. Pure functions."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from copy import deepcopy
from itertools import product
from typing import Literal, NotRequired, TypedDict, cast

from posttraining.confidence import least_gain
from posttraining.contracts.flow_result import FlowResult, Headline, RunSeconds
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.run_document import RunDocument
from posttraining.document_text import parse_document
from posttraining.gate import DocumentValues
from posttraining.recipe import RecipeError, read_recipe
from posttraining.run_document import RECIPES
from posttraining.schema_problems import is_mapping
from posttraining.training import base_model_of

# How far from the recipe's learning rate the default grid looks: about half an order of magnitude to both sides.
_DEFAULT_FACTORS = (1 / 3, 1, 3)

_LIST_FIELDS = {"learningRates": ("optimizer", "learningRate"), "baseModels": ("model", "base")}
_DIRECTIONS = ("highest", "lowest")
# Last parts of lm-eval's and TRL's metric names for which less is better.
_LESS_IS_BETTER = ("loss", "perplexity", "bits_per_byte", "entropy")


# Of a difference between candidates: what is only shown need not be as sure as a gate.
_SURENESS = 0.95


class SweepError(ValueError):
    """A sweep that cannot be run; the message names every wrong field and what to write instead."""


class Sweep(TypedDict):
    """What is swept."""

    learningRates: NotRequired[list[float]]
    baseModels: NotRequired[list[str]]
    best: NotRequired[Literal["highest", "lowest"]]
    """What counts as better of the recipe's headline metric."""


class Candidate(TypedDict):
    """One point of the grid."""

    name: str
    learningRate: float
    baseModel: str


class PlannedCandidate(Candidate):
    """A candidate and the run document that it is trained by."""

    document: RunDocument


class SweptCandidate(Candidate):
    """A candidate that was trained, and what it ended with."""

    won: bool
    modelUri: str | None
    """Prefix of the model's files; None: it did not win, and its files are deleted."""
    promoted: bool
    tied: bool | None
    """Whether the documents do not tell it from the winner; None: it won, or the headline has no value for each document."""
    headline: Headline
    seconds: RunSeconds


def read_sweep(text: str) -> Sweep:
    """Reads the sweep's part of the configuration, JSON or YAML: `learningRates`, `baseModels`, `best`, all optional.

    Raises:
        SweepError: naming every wrong field.
    """
    sweep = _parse(text)
    if not is_mapping(sweep):
        raise SweepError(f"sweep: must be a mapping with learningRates and baseModels; it is {json.dumps(sweep)}")
    known = (*_LIST_FIELDS, "best")
    problems = [f"{key}: is not known; the keys are {', '.join(known)}" for key in sorted(sweep.keys() - set(known))]
    for key, place in _LIST_FIELDS.items():
        if key in sweep:
            problems += _value_problems(key, sweep[key], place)
    if "best" in sweep and sweep["best"] not in _DIRECTIONS:
        problems.append(f"best: must be {' or '.join(_DIRECTIONS)}; it is {json.dumps(sweep['best'])}")
    if problems:
        raise SweepError("\n".join(["The sweep is not valid:", *(f"  {problem}" for problem in problems)]))
    return cast(Sweep, sweep)


def candidates(document: RunDocument, sweep: Sweep) -> list[PlannedCandidate]:
    """One candidate for every pair of base model and learning rate.

    Args:
        document: the run document that all candidates share.
        sweep: what `read_sweep` returned; without `learningRates` three around the recipe's, without `baseModels` the document's.

    Returns:
        For each candidate its `name`, `learningRate`, `baseModel` and `document`. Their models go to folders of their own,
        `<modelsRoot>/<name>/<candidate>/<run id>`.
    """
    rates = sweep.get("learningRates") or [
        float(f"{document['recipe']['optimizer']['learningRate'] * factor:.2g}") for factor in _DEFAULT_FACTORS
    ]
    bases = sweep.get("baseModels") or [base_model_of(document)]
    return [
        {
            "name": f"candidate-{number}",
            "learningRate": rate,
            "baseModel": base,
            "document": _document_of(document, f"candidate-{number}", rate, base),
        }
        for number, (base, rate) in enumerate(product(bases, rates), start=1)
    ]


def best_is_highest(recipe: Recipe, sweep: Sweep) -> bool:
    """Whether more of the recipe's headline metric is better.

    `best` of the sweep says so; else the gate's own demand on the metric; else the metric's name.
    """
    if "best" in sweep:
        return sweep["best"] == "highest"
    headline = recipe["evaluation"]["headline"]
    for condition in recipe["gate"]:
        if condition["metric"] == headline:
            return "minimum" in condition or "minimumGain" in condition
    return not headline.partition("@")[0].endswith(_LESS_IS_BETTER)


def choose(results: Sequence[FlowResult], highest: bool) -> int:
    """Index of the winner: the best headline among those that passed the gate; among all if none passed.

    The first of equals wins. A headline that is not a number loses to every number.

    Args:
        results: of the candidates (docs/contracts.md).
        highest: whether more of the headline metric is better.
    """
    passed = [index for index, result in enumerate(results) if result["promoted"]]

    def merit(index: int) -> float:
        value = results[index]["headline"]["after"]
        if value is None or math.isnan(value):
            return -math.inf
        return value if highest else -value

    return max(passed or range(len(results)), key=merit)


def tied(winner: DocumentValues | None, other: DocumentValues | None, highest: bool) -> bool | None:
    """Whether what two candidates answered to the same documents leaves it open, with 95 % confidence, which is better.

    Args:
        winner: the headline's values of the candidate that won; None where it has none.
        other: those of another.
        highest: whether more of the metric is better.

    Returns:
        None where it cannot be told.
    """
    if winner is None or other is None or len(winner["after"]) != len(other["after"]):
        return None
    better, worse = (winner["after"], other["after"]) if highest else (other["after"], winner["after"])
    return least_gain(worse, better, _SURENESS) <= 0


def _document_of(document: RunDocument, name: str, rate: float, base: str) -> RunDocument:
    recipe = deepcopy(document["recipe"])
    recipe["optimizer"]["learningRate"] = rate
    if base != recipe["model"]["base"]:
        # A revision belongs to the model that it was written for.
        recipe["model"].pop("revision", None)
    return {**document, "recipe": recipe, "baseModelUri": base, "modelUri": None, "name": f"{document['name']}/{name}"}


def _parse(text: str) -> object:
    try:
        return parse_document(text)
    except ValueError as error:
        raise SweepError(f"sweep: {error}") from error


def _value_problems(key: str, values: object, place: tuple[str, str]) -> list[str]:
    """What is wrong with the values of one dimension, by the rules for the recipe's field at `place`."""
    if not isinstance(values, list) or not values:
        return [f"{key}: must be a list of at least one value; it is {json.dumps(values)}"]
    problems: list[str] = []
    for index, value in enumerate(values):
        problems += [f"{key}.{index}: {text}" for text in _problems_in_a_recipe(place, value)]
        if value in values[:index]:
            problems.append(f"{key}.{index}: is there twice: {json.dumps(value)}")
    return problems


def _problems_in_a_recipe(place: tuple[str, str], value: object) -> list[str]:
    document = parse_document((RECIPES / "sft-tiny.yaml").read_text())
    if not is_mapping(document):
        raise SweepError("sweep: sft-tiny.yaml is no recipe")
    section, field = place
    try:
        read_recipe(document | {section: document[section] | {field: value}})
    except RecipeError as error:
        return [problem.partition(": ")[2] for problem in error.problems]
    return []
