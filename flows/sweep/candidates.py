"""The candidates of a sweep: the grid they come from, the run document of each, and which of them wins. Pure functions."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

from posttraining.recipe import RecipeError, read_recipe
from posttraining.run_document import RECIPES, read_run_document
from posttraining.training import base_model_of

# How far from the recipe's learning rate the default grid looks: about half an order of magnitude to both sides.
_DEFAULT_FACTORS = (1 / 3, 1, 3)

_LIST_FIELDS = {"learningRates": ("optimizer", "learningRate"), "baseModels": ("model", "base")}
_DIRECTIONS = ("highest", "lowest")
# Last parts of lm-eval's and TRL's metric names for which less is better.
_LESS_IS_BETTER = ("loss", "perplexity", "bits_per_byte", "entropy")


class SweepError(ValueError):
    """A sweep that cannot be run; the message names every wrong field and what to write instead."""


def read_sweep(text: str) -> dict[str, Any]:
    """Reads the sweep's part of the configuration, JSON or YAML: `learningRates`, `baseModels`, `best`, all optional.

    Raises:
        SweepError: naming every wrong field.
    """
    sweep = _parse(text)
    if not isinstance(sweep, dict):
        raise SweepError(f"sweep: must be a mapping with learningRates and baseModels; it is {json.dumps(sweep)}")
    known = (*_LIST_FIELDS, "best")
    problems = [f"{key}: is not known; the keys are {', '.join(known)}" for key in sorted(sweep.keys() - set(known))]
    read: dict[str, Any] = {}
    for key, place in _LIST_FIELDS.items():
        if key in sweep:
            read[key], wrong = _read_values(key, sweep[key], place)
            problems += wrong
    if "best" in sweep:
        read["best"] = sweep["best"]
        if sweep["best"] not in _DIRECTIONS:
            problems.append(f"best: must be {' or '.join(_DIRECTIONS)}; it is {json.dumps(sweep['best'])}")
    if problems:
        raise SweepError("\n".join(["The sweep is not valid:", *(f"  {problem}" for problem in problems)]))
    return read


def candidates(document: dict[str, Any], sweep: dict[str, Any]) -> list[dict[str, Any]]:
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


def best_is_highest(recipe: dict[str, Any], sweep: dict[str, Any]) -> bool:
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


def choose(results: list[dict[str, Any]], highest: bool) -> int:
    """Index of the winner: the best headline among those that passed the gate; among all if none passed.

    The first of equals wins. A headline that is not a number loses to every number.

    Args:
        results: of the candidates (docs/contracts.md).
        highest: whether more of the headline metric is better.
    """
    passed = [index for index, result in enumerate(results) if result["promoted"]]

    def merit(index: int) -> float:
        value = results[index]["headline"]["after"]
        if math.isnan(value):
            return -math.inf
        return value if highest else -value

    return max(passed or range(len(results)), key=merit)


def _document_of(document: dict[str, Any], name: str, rate: float, base: str) -> dict[str, Any]:
    recipe = document["recipe"]
    model = recipe["model"]
    if base != model["base"]:
        # A revision belongs to the model that it was written for.
        model = {key: value for key, value in model.items() if key != "revision"}
    changed = recipe | {"optimizer": recipe["optimizer"] | {"learningRate": rate}, "model": model}
    return {**document, "recipe": changed, "baseModelUri": base, "modelUri": None, "name": f"{document['name']}/{name}"}


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SweepError(f"sweep: is neither JSON nor YAML: {error}") from error


def _read_values(key: str, values: object, place: tuple[str, str]) -> tuple[list[Any], list[str]]:
    """The values of one dimension, and what is wrong with them by the rules for the recipe's field at `place`."""
    if not isinstance(values, list) or not values:
        return [], [f"{key}: must be a list of at least one value; it is {json.dumps(values)}"]
    read = [_number(value) for value in values] if key == "learningRates" else values
    problems = []
    for index, value in enumerate(read):
        problems += [f"{key}.{index}: {text}" for text in _problems_in_a_recipe(place, value)]
        if value in read[:index]:
            problems.append(f"{key}.{index}: is there twice: {json.dumps(value)}")
    return read, problems


def _number(value: object) -> object:
    """YAML 1.1 reads `1e-3`, without a point, as text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _problems_in_a_recipe(place: tuple[str, str], value: object) -> list[str]:
    recipe = read_run_document((RECIPES / "sft-tiny.yaml").read_text())["recipe"]
    section, field = place
    try:
        read_recipe(recipe | {section: recipe[section] | {field: value}})
    except RecipeError as error:
        return [problem.partition(": ")[2] for problem in error.problems]
    return []
