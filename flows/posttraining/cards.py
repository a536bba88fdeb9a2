"""Metaflow cards: the training as it goes, and the run's result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posttraining import progress
from posttraining.contracts.flow_result import FlowResult, JudgedCondition
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
    card.append(Markdown(f"**{headline['metric']}**: {_number(headline['before'])} → {_number(headline['after'])}"))
    card.append(Markdown(f"Model: `{result['modelUri']}`, trained from `{result['baseModelUri']}`"))
    card.append(Markdown("## Gate"))
    card.append(
        Table(
            [[c["metric"], _demand(c), _number(c["value"]), "yes" if c["passed"] else "no"] for c in result["gate"]],
            headers=["metric", "demanded", "reached", "passed"],
        )
    )
    card.append(Markdown("## Metrics"))
    card.append(Table(_metric_rows(result["metrics"]), headers=["metric", "before", "after"]))
    seconds = result["seconds"]
    took = [
        f"{name} {value:.0f} s"
        for name, value in (("Training took", seconds["train"]), ("evaluation", seconds["evaluate"]))
        if value is not None
    ]
    card.append(Markdown(f"{', '.join(took)}."))


def _metric_rows(metrics: Metrics) -> list[list[str]]:
    return [[name, _number(value["before"]), _number(value["after"])] for name, value in sorted(metrics.items())]


def _demand(condition: JudgedCondition) -> str:
    words = {"minimum": "at least", "maximum": "at most", "minimumGain": "a gain of at least"}
    return ", ".join(f"{text} {condition.get(key)}" for key, text in words.items() if key in condition)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
