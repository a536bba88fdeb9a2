"""Sweep: trains one candidate for every learning rate and base model, and registers the best.

uv run --group train --group evaluate sweep/flow.py run    # in flows/: three learning rates around the tiny recipe's
uv run ... sweep/flow.py --config run RECIPE_OR_RUN --config-value sweep '{"learningRates": [1e-3, 3e-3]}' run
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from candidates import (
    Candidate,
    PlannedCandidate,
    Sweep,
    SweepError,
    SweptCandidate,
    best_is_highest,
    candidates,
    choose,
    read_sweep,
    tied,
)
from comparison_card import draw_comparison
from metaflow import Config, card, current, step

from posttraining import storage
from posttraining.cards import draw_result
from posttraining.chat_arguments import require_read
from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.run_document import RunDocument
from posttraining.data.step import examples_of
from posttraining.flow import InvalidRunError, PostTrainingFlow, document_for, placed_by_plan
from posttraining.run_document import RECIPES, read_run_document
from posttraining.training_metrics import History


def _document(text: str) -> RunDocument:
    """Parses a run document of any method by the rules of that method's flow."""
    try:
        document = read_run_document(text)
    except ValueError as error:
        raise InvalidRunError(str(error)) from error
    return document_for(document["recipe"]["method"])(json.dumps(document))


def _sweep(text: str) -> Sweep:
    try:
        return read_sweep(text)
    except SweepError as error:
        raise InvalidRunError(str(error)) from error


def _swept(candidate: Candidate, result: FlowResult, won: bool, is_tied: bool | None) -> SweptCandidate:
    return {
        **candidate,
        "won": won,
        "modelUri": result["modelUri"] if won else None,
        "promoted": result["promoted"],
        "tied": None if won else is_tied,
        "headline": result["headline"],
        "seconds": result["seconds"],
    }


@placed_by_plan
class SweepFlow(PostTrainingFlow):
    """Each candidate goes through the steps of the single flows (`posttraining/flow.py`); only the winner is registered."""

    settings = Config("run", default=str(RECIPES / "sft-tiny.yaml"), parser=_document)
    sweep = Config("sweep", default_value="{}", parser=_sweep)
    # Artifacts beside those of the single flows.
    grid: list[PlannedCandidate]
    candidate: Candidate
    candidates: list[SweptCandidate]
    histories: dict[str, History]

    def _what_is_swept(self) -> Sweep:
        return cast(Sweep, self.sweep.to_dict())

    def chances(self) -> int:
        """Every candidate may pass its gate by luck."""
        return len(self.grid)

    @step
    def data(self) -> None:
        """Reads the training examples, which all candidates share, and lays out the grid."""
        self.examples = examples_of(self.document)
        self.grid = candidates(self.document, self._what_is_swept())
        for planned in self.grid:
            require_read(planned["document"]["recipe"], planned["baseModel"])
        self.next(self.prepare, foreach="grid")

    @step
    def prepare(self) -> None:
        """Turns the run document into the candidate's."""
        self.position = self.index
        planned = cast(PlannedCandidate, self.input)
        self.candidate = {
            "name": planned["name"],
            "learningRate": planned["learningRate"],
            "baseModel": planned["baseModel"],
        }
        self.document = planned["document"]
        self.nodes = "several" if self.document["plan"]["nodes"] > 1 else "one"
        self.next({"one": self.train, "several": self.spread}, condition="nodes")

    @step
    def register(self, inputs: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (a step that joins has inputs)
        """Registers the winner, and promotes it if it passed its gate; the other candidates' weights are deleted."""
        from posttraining.registry import register_model

        tasks = sorted(inputs, key=lambda task: task.position)
        highest = best_is_highest(tasks[0].document["recipe"], self._what_is_swept())
        winner = choose([task.result for task in tasks], highest)
        headline = tasks[winner].result["headline"]["metric"]
        answers = [task.evaluation["samples"].get(headline) for task in tasks]
        self.examples = tasks[winner].examples
        self.document = cast(RunDocument, {**tasks[winner].document, "name": self.settings.name})
        self.result = tasks[winner].result
        self.candidates = [
            _swept(task.candidate, task.result, index == winner, tied(answers[winner], answers[index], highest))
            for index, task in enumerate(tasks)
        ]
        self.histories = {task.candidate["name"]: task.training["history"] for task in tasks}
        register_model(
            self.document,
            self.result,
            tasks[winner].training["finished"],
            examples=self.examples,
            evaluation=tasks[winner].evaluation["fingerprints"],
            pathspec=f"{current.flow_name}/{current.run_id}",
            flow_file=Path(sys.argv[0]).resolve(),
        )
        with tempfile.TemporaryDirectory() as nothing:
            for task, candidate in zip(tasks, self.candidates, strict=True):
                if not candidate["won"]:
                    storage.upload_folder(Path(nothing), task.result["modelUri"])
        self.next(self.end)

    @card(type="blank", id="result")
    @step
    def end(self) -> None:
        """Shows the winner beside the other candidates."""
        shown = current.card["result"]
        draw_result(shown, self.document["recipe"], self.result)
        draw_comparison(shown, self.result["headline"]["metric"], self.candidates, self.histories)


if __name__ == "__main__":
    SweepFlow()
