"""Metaflow cards: the training as it goes, and the run's result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from posttraining import progress
from posttraining.contracts.flow_result import FlowResult, Headline, JudgedCondition, MeasuredMetric
from posttraining.contracts.recipe import Recipe
from posttraining.gate import Metrics
from posttraining.training_metrics import History, shown_metrics

if TYPE_CHECKING:
    from metaflow.cards import Card

# Metaflow renders each update of a card in a process of its own, which takes about a second of a processor core.
REFRESH_SECONDS = 10


@contextmanager
def live_training_card(card: Card, recipe: Recipe, history: Path) -> Iterator[None]:
    """Draws loss and metrics while the training inside runs, from the file that it writes, and once more when it ends.

    Args:
        card: an entry of `current.card`.
        recipe: the run's recipe.
        history: `TrainingJob.history`.
    """
    drawing = _TrainingDrawing(card, recipe)
    stopped = threading.Event()

    def follow() -> None:
        while not stopped.wait(REFRESH_SECONDS):
            if entries := progress.read_history(history):
                drawing.update(entries)
                card.refresh()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        stopped.set()
        follower.join()
        drawing.update(progress.read_history(history))


class _TrainingDrawing:
    def __init__(self, card: Card, recipe: Recipe) -> None:
        from metaflow.cards import Markdown, VegaChart

        self._names = ("loss", *shown_metrics(recipe))
        self._state = Markdown("The first step has not been logged yet.")
        self._charts = {name: VegaChart(_curve(name, [])) for name in self._names}
        card.append(Markdown(f"# {recipe['name']}\n\n{recipe['description']}"))
        card.append(self._state)
        card.extend(list(self._charts.values()))

    def update(self, history: History) -> None:
        if not history:
            return
        last = history[-1]
        values = ", ".join(f"{name} {last[name]:.4g}" for name in self._names if name in last)
        self._state.update(f"Step {last['step']:.0f}: {values}")
        for name, chart in self._charts.items():
            chart.update(_curve(name, history))


def _curve(name: str, history: History) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": name,
        "width": "container",
        "height": 220,
        "data": {"values": [{"step": entry["step"], "value": entry[name]} for entry in history if name in entry]},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "value", "type": "quantitative", "title": name, "scale": {"zero": False}},
        },
    }


def draw_result(card: Card, recipe: Recipe, result: FlowResult) -> None:
    """Draws what came out of a run: verdict, headline, gate, metrics and where the model is."""
    from metaflow.cards import Markdown, Table

    headline = result["headline"]
    verdict = "promoted" if result["promoted"] else "kept, but not promoted: it did not pass its gate"
    card.append(Markdown(f"# {recipe['name']}: the model is {verdict}"))
    gain = _gain(headline)
    card.append(
        Markdown(
            f"**{headline['metric']}**: {_number(headline['before'])} → {_number(headline['after'])}"
            + (f" (gain {gain})" if gain != "-" else "")
        )
    )
    card.append(Markdown(f"Model: `{result['modelUri']}`, trained from `{result['baseModelUri']}`"))
    card.append(Markdown("## Gate"))
    card.append(
        Table(
            [
                [c["metric"], _demand(c), _number(c["value"]), _bounds(c), "yes" if c["passed"] else "no"]
                for c in result["gate"]
            ],
            headers=["metric", "demanded", "reached", "held against the demand", "passed"],
        )
    )
    card.append(Markdown("## Metrics"))
    card.append(Table(_metric_rows(result["metrics"]), headers=["metric", "before", "after", "gain"]))
    seconds = result["seconds"]
    took = [
        f"{name} {value:.0f} s"
        for name, value in (("Training took", seconds["train"]), ("evaluation", seconds["evaluate"]))
        if value is not None
    ]
    card.append(Markdown(f"{', '.join(took)}."))


def _metric_rows(metrics: Metrics) -> list[list[str]]:
    return [
        [name, with_error(value, "before"), with_error(value, "after"), _gain(value)]
        for name, value in sorted(metrics.items())
    ]


def with_error(measured: MeasuredMetric | Headline, moment: Literal["before", "after"]) -> str:
    """A value with its standard error, where that is known."""
    errors = measured.get("standardError")
    return _with(_number(measured[moment]), None if errors is None else errors[moment])


def _gain(measured: MeasuredMetric | Headline) -> str:
    before, after, errors = measured["before"], measured["after"], measured.get("standardError")
    if before is None or after is None:
        return "-"
    return _with(f"{after - before:+.3f}", None if errors is None else errors["gain"])


def _with(text: str, error: float | None) -> str:
    return text if error is None or text == "-" else f"{text} ± {error:.3f}"


_DEMANDS = {"minimum": "at least", "maximum": "at most", "minimumGain": "a gain of at least"}


def _demand(condition: JudgedCondition) -> str:
    return ", ".join(f"{text} {condition.get(key)}" for key, text in _DEMANDS.items() if key in condition)


def _bounds(condition: JudgedCondition) -> str:
    """The bounds, and how sure they are; where there are none, the values themselves were judged."""
    bounds = condition.get("bounds")
    if not bounds:
        return "the value itself"
    told = ", ".join(
        f"{text} {_number(cast('float | None', bounds[key]))}" for key, text in _DEMANDS.items() if key in bounds
    )
    return f"{told} ({condition.get('confidence', 0):.6g} confidence)"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
