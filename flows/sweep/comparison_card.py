"""The part of a sweep's card that compares its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from candidates import SweptCandidate

from posttraining.cards import with_error
from posttraining.training_metrics import History

if TYPE_CHECKING:
    from metaflow.cards import Card

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def draw_comparison(card: Card, headline: str, swept: list[SweptCandidate], histories: dict[str, History]) -> None:
    """Draws a table of the candidates, their headline metric over the learning rate, and their losses.

    Args:
        card: an entry of `current.card`.
        headline: the metric that stands for a run.
        swept: the candidates, trained.
        histories: what the trainers logged, by candidate.
    """
    from metaflow.cards import Markdown, Table, VegaChart

    passed = sum(candidate["promoted"] for candidate in swept)
    card.append(Markdown(f"## Candidates: {passed} of {len(swept)} passed the gate"))
    if passed == 0:
        card.append(Markdown("None passed, so nothing was promoted; the best of those that failed was kept."))
    card.append(
        Table(
            [_row(candidate) for candidate in swept],
            headers=["candidate", "learning rate", "base model", f"{headline} before", "after", "gate", "training", ""],
        )
    )
    if any(candidate["tied"] for candidate in swept):
        card.append(
            Markdown(
                "Candidates that are not told from the winner answered the same documents so alike that chance alone may "
                "have set them apart (95 % confidence): more documents, or another reason, must choose among them."
            )
        )
    card.append(VegaChart(_headline_chart(headline, swept)))
    card.append(VegaChart(_loss_chart(histories)))


def _row(candidate: SweptCandidate) -> list[str]:
    seconds = candidate["seconds"]["train"]
    return [
        candidate["name"],
        f"{candidate['learningRate']:g}",
        candidate["baseModel"],
        with_error(candidate["headline"], "before"),
        with_error(candidate["headline"], "after"),
        "passed" if candidate["promoted"] else "failed",
        "-" if seconds is None else f"{seconds:.0f} s",
        "winner" if candidate["won"] else "not told from the winner" if candidate["tied"] else "",
    ]


def _headline_chart(headline: str, swept: list[SweptCandidate]) -> dict[str, Any]:
    values = [
        {
            "candidate": candidate["name"],
            "learning rate": candidate["learningRate"],
            "base model": candidate["baseModel"],
            "gate": "passed" if candidate["promoted"] else "failed",
            "value": candidate["headline"]["after"],
        }
        for candidate in swept
    ]
    return {
        "$schema": _SCHEMA,
        "title": f"{headline} by learning rate",
        "width": "container",
        "height": 260,
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 120, "tooltip": True},
        "encoding": {
            "x": {"field": "learning rate", "type": "quantitative", "scale": {"type": "log"}},
            "y": {"field": "value", "type": "quantitative", "title": headline, "scale": {"zero": False}},
            "color": {"field": "base model", "type": "nominal"},
            "shape": {
                "field": "gate",
                "type": "nominal",
                "scale": {"domain": ["passed", "failed"], "range": ["circle", "cross"]},
            },
        },
    }


def _loss_chart(histories: dict[str, History]) -> dict[str, Any]:
    values = [
        {"candidate": name, "step": entry["step"], "loss": entry["loss"]}
        for name, history in histories.items()
        for entry in history
    ]
    return {
        "$schema": _SCHEMA,
        "title": "Loss of every candidate",
        "width": "container",
        "height": 260,
        "data": {"values": values},
        "mark": {"type": "line"},
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "loss", "type": "quantitative", "scale": {"zero": False}},
            "color": {"field": "candidate", "type": "nominal", "sort": None},
        },
    }
