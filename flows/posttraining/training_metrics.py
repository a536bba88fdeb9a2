"""Metrics that trainers log: their names, which are shown, and how a curve becomes one value before and one after."""

from __future__ import annotations

from posttraining.contracts.recipe import Recipe
from posttraining.gate import Metrics
from posttraining.methods import method_of

History = list[dict[str, float]]


def metric_name(logged: str) -> str:
    """TRL's name with dots for slashes, so that `train/<name>` has one slash as tasks' metrics do."""
    return logged.replace("/", ".")


def shown_metrics(recipe: Recipe) -> tuple[str, ...]:
    """Names of the metrics that progress lines, card and result carry beside the loss."""
    method = method_of(recipe)
    return (*method.shown, *method.more_shown(recipe))


def training_metrics(recipe: Recipe, history: History) -> Metrics:
    """`train/<metric>` for the shown metrics, the loss, and those that headline or gate name.

    `before` is the mean over the first tenth of the logs (at least one), `after` over the last tenth: one log is noisy.
    """
    named = [recipe["evaluation"]["headline"], *(condition["metric"] for condition in recipe["gate"])]
    names = {"loss", *shown_metrics(recipe)}
    names |= {name.removeprefix("train/") for name in named if name.startswith("train/")}
    metrics: Metrics = {}
    for name in sorted(names):
        values = [entry[name] for entry in history if name in entry]
        if values:
            tenth = max(len(values) // 10, 1)
            metrics[f"train/{name}"] = {
                "before": sum(values[:tenth]) / tenth,
                "after": sum(values[-tenth:]) / tenth,
            }
    return metrics
