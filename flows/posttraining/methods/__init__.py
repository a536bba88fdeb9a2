"""Training methods, one module each; the registry. Its TypeScript half is `methods/index.ts`.

This file is no part of a run's content hash, and neither are the modules of other methods (components/run/flowCode.ts): a new
method leaves the runs of the others as they are.
"""

from __future__ import annotations

from typing import Any

from posttraining.contracts.recipe import Recipe
from posttraining.methods import dpo, grpo, kto, sft
from posttraining.methods.method import Method

METHODS: tuple[Method[Any], ...] = (
    sft.METHOD,
    dpo.METHOD,
    grpo.METHOD,
    kto.METHOD,
)

_BY_NAME = {method.name: method for method in METHODS}


def method_of(recipe: Recipe) -> Method[Any]:
    """The record of a recipe's method. Raises KeyError if there is none of that name."""
    return _BY_NAME[recipe["method"]]
