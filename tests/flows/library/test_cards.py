from typing import Any, cast

from posttraining.cards import draw_result
from posttraining.contracts.flow_result import FlowResult, MeasuredMetric
from recipes import recipe

SURE: MeasuredMetric = {
    "before": 0.25,
    "after": 0.5,
    "standardError": {"before": 0.01, "after": 0.02, "gain": 0.015},
}


class Card:
    """Keeps what is drawn: rows of tables, and texts."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.texts: list[str] = []

    def append(self, component: Any) -> None:
        self.rows += getattr(component, "_data", None) or []
        self.texts.append(str(getattr(component, "_text", "")))


def test_a_result_is_shown_with_how_sure_it_is():
    result: FlowResult = {
        "modelUri": "file:///models/1",
        "baseModelUri": "tiny:llama",
        "promoted": False,
        "metrics": {"a/b": SURE, "train/loss": {"before": None, "after": 1.0}},
        "gate": [
            {
                "metric": "a/b",
                "minimum": 0.4,
                "minimumGain": 0.22,
                "confidence": 0.99,
                "value": 0.5,
                "gain": 0.25,
                "bounds": {"minimumGain": 0.215},
                "passed": False,
            },
            {
                "metric": "a/c",
                "maximum": 1,
                "confidence": 0.9,
                "value": 0.5,
                "bounds": {"maximum": None},
                "passed": False,
            },
            {"metric": "train/loss", "maximum": 2, "value": 1.0, "passed": True},
        ],
        "headline": {**SURE, "metric": "a/b"},
        "seconds": {"train": 1.0, "evaluate": None},
    }
    shown = Card()
    draw_result(cast("Any", shown), recipe(), result)
    assert "**a/b**: 0.250 → 0.500 (gain +0.250 ± 0.015)" in shown.texts
    assert shown.rows == [
        [
            "a/b",
            "at least 0.4, a gain of at least 0.22",
            "0.500",
            "a gain of at least 0.215 (0.99 confidence)",
            "no",
        ],
        ["a/c", "at most 1", "0.500", "at most - (0.9 confidence)", "no"],
        ["train/loss", "at most 2", "1.000", "the value itself", "yes"],
        ["a/b", "0.250 ± 0.010", "0.500 ± 0.020", "+0.250 ± 0.015"],
        ["train/loss", "-", "1.000", "-"],
    ]
