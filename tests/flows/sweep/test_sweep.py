"""The sweep: its grid and its choice as pure functions, and one real sweep over two learning rates."""

import json
import math
from typing import Any, cast

import pytest
from candidates import SweepError, SweptCandidate, best_is_highest, candidates, choose, read_sweep, tied
from comparison_card import draw_comparison

from posttraining.contracts.flow_result import FlowResult, Headline
from posttraining.contracts.recipe import DurationInSteps, Evaluation, GateCondition
from posttraining.contracts.run_document import RunDocument
from posttraining.gate import DocumentValues
from posttraining.plans import plan_for_this_machine
from posttraining.run_document import RECIPES, read_run_document


def _document(models_root: str = "file:///models") -> RunDocument:
    document = read_run_document((RECIPES / "sft-tiny.yaml").read_text())
    recipe = document["recipe"]
    recipe["duration"] = DurationInSteps(steps=20)
    recipe["evaluation"] = Evaluation(tasks=["tiny_sums"], limit=20, batchSize=20, headline="train/loss")
    recipe["gate"] = [GateCondition(metric="train/loss", maximum=5)]
    return {**document, "plan": plan_for_this_machine(recipe, gpus=0), "modelsRoot": models_root, "name": "swept"}


def _result(after: float, promoted: bool) -> FlowResult:
    return {
        "modelUri": "file:///models/swept/1",
        "promoted": promoted,
        "gate": [],
        "metrics": {},
        "headline": {"metric": "a/b", "before": None, "after": after},
        "seconds": {"train": 1.5, "evaluate": 2.5},
        "baseModelUri": None,
    }


def test_names_every_wrong_field_of_a_grid():
    with pytest.raises(SweepError) as caught:
        read_sweep('{"learningRates": [-1, 0.1, 0.1], "baseModels": [], "best": "most", "rates": 1}')
    text = str(caught.value)
    for field in (
        "learningRates.0",
        "learningRates.2: is there twice",
        "baseModels: must be a list",
        "best: must be",
        "rates: is not known",
    ):
        assert field in text


def test_lays_out_every_pair_of_model_and_learning_rate():
    grid = candidates(
        _document(), read_sweep('{"learningRates": [0.1, 0.2], "baseModels": ["tiny:llama", "file:///m"]}')
    )
    assert [(each["baseModel"], each["learningRate"]) for each in grid] == [
        ("tiny:llama", 0.1),
        ("tiny:llama", 0.2),
        ("file:///m", 0.1),
        ("file:///m", 0.2),
    ]
    assert len({each["document"]["name"] for each in grid}) == 4


def test_learning_rates_may_be_yaml_and_default_to_three_around_the_recipe():
    assert read_sweep("learningRates: [1e-3, 2.5e-3]") == {"learningRates": [0.001, 0.0025]}
    assert [each["learningRate"] for each in candidates(_document(), {})] == [0.00067, 0.002, 0.006]


def test_another_base_model_does_not_keep_the_revision_of_the_recipes():
    document = _document()
    document["recipe"]["model"]["revision"] = "abc"
    own, other = candidates(document, {"learningRates": [0.1], "baseModels": ["tiny:llama", "file:///m"]})
    assert own["document"]["recipe"]["model"].get("revision") == "abc"
    assert "revision" not in other["document"]["recipe"]["model"]


def test_only_a_model_that_passed_its_gate_wins():
    assert choose([_result(0.9, False), _result(0.5, True), _result(0.7, True)], highest=True) == 2
    assert choose([_result(0.9, False), _result(0.5, True), _result(0.7, True)], highest=False) == 1
    assert choose([_result(0.1, False), _result(math.nan, False)], highest=True) == 0


def test_a_loss_is_better_when_it_is_lower():
    assert not best_is_highest(_document()["recipe"], {})
    assert best_is_highest(_document()["recipe"], {"best": "highest"})
    ungated = _document()["recipe"]
    ungated["gate"] = [GateCondition(metric="tiny_sums/number", minimum=0.5)]
    assert not best_is_highest(ungated, {})
    ungated["evaluation"]["headline"] = "tiny_sums/number"
    assert best_is_highest(ungated, {})


def test_candidates_that_their_answers_do_not_tell_apart_are_tied():
    def answers(right: int, count: int = 100) -> DocumentValues:
        return {"before": None, "after": [1.0] * right + [0.0] * (count - right)}

    assert tied(answers(52), answers(50), highest=True) is True
    assert tied(answers(60), answers(50), highest=True) is False
    assert tied(answers(50), answers(60), highest=False) is False
    assert tied(answers(50), answers(52), highest=False) is True
    assert tied(None, answers(50), highest=True) is None
    assert tied(answers(50), answers(25, 50), highest=True) is None


def test_a_card_says_how_sure_a_candidates_headline_is():
    shown = Card()
    sure: Headline = {
        "metric": "a/b",
        "before": 0.25,
        "after": 0.5,
        "standardError": {"before": 0.01, "after": 0.02, "gain": 0.015},
    }
    swept: list[SweptCandidate] = [
        {
            "name": f"candidate-{number}",
            "learningRate": 1e-3,
            "baseModel": "tiny:llama",
            "won": number == 1,
            "modelUri": None,
            "promoted": True,
            "tied": None if number == 1 else True,
            "headline": sure,
            "seconds": {"train": 1.5, "evaluate": 2.5},
        }
        for number in (1, 2)
    ]
    draw_comparison(cast("Any", shown), "a/b", swept, {})
    assert shown.rows == [
        ["candidate-1", "0.001", "tiny:llama", "0.250 ± 0.010", "0.500 ± 0.020", "passed", "2 s", "winner"],
        [
            *["candidate-2", "0.001", "tiny:llama"],
            "0.250 ± 0.010",
            "0.500 ± 0.020",
            "passed",
            "2 s",
            "not told from the winner",
        ],
    ]
    assert any("chance alone" in text for text in shown.texts)


class Card:
    """Keeps what is drawn: rows of tables, and texts."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.texts: list[str] = []

    def append(self, component: Any) -> None:
        self.rows += getattr(component, "_data", None) or []
        self.texts.append(str(getattr(component, "_text", "")))


def test_a_wrong_grid_is_one_message_before_anything_runs(metaflow_home: Any):
    wrong = ["--config-value", "sweep", '{"learningRates": [5]}']
    printed = metaflow_home.run_flow("sweep", configuration=_document(), options=wrong, status=1)
    assert "learningRates.0: must be at most 1; it is 5" in printed
    assert "Traceback" not in printed
    assert "Workflow starting" not in printed


def test_trains_all_and_registers_the_best(metaflow_home: Any):
    root = metaflow_home.folder / "models"
    document = _document(f"file://{root.as_posix().replace(' ', '%20')}")
    document["recipe"]["gate"].append(GateCondition(metric="tiny_sums/number", minimum=0, confidence=0.9))
    sweep = ["--config-value", "sweep", '{"learningRates": [1e-5, 3e-3]}']
    metaflow_home.run_flow("sweep", "--max-workers", "2", configuration=document, options=sweep)
    left = metaflow_home.artifacts("SweepFlow", "result", "candidates")
    result, swept = left["result"], left["candidates"]
    assert [candidate["won"] for candidate in swept] == [False, True]
    losses = [candidate["headline"]["after"] for candidate in swept]
    assert losses[1] < losses[0]
    assert result["promoted"]
    # Two models had the chance to pass.
    assert [condition.get("confidence") for condition in result["gate"]] == [None, pytest.approx(0.95)]
    assert (root / "swept" / "promoted.json").is_file()
    weights = list(root.rglob("model.safetensors"))
    assert [result["modelUri"]] == [file.parent.as_uri() for file in weights]
    lineage = json.loads((weights[0].parent / "lineage.json").read_text())
    assert lineage["recipe"]["optimizer"]["learningRate"] == 3e-3
    assert [candidate["modelUri"] for candidate in swept] == [None, result["modelUri"]]
    assert "candidate-2" in metaflow_home.cards("SweepFlow")["end-result"]
