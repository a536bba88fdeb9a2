"""What KTO takes, and what its tiny recipe's gate stops."""

import json
from pathlib import Path
from typing import Any

import pytest

from posttraining import tiny_task
from posttraining.checks import check_run
from posttraining.contracts.recipe import Recipe
from posttraining.examples import load_examples
from posttraining.gate import Metrics, judge, passes
from posttraining.methods import kto
from posttraining.methods.columns import DatasetError
from posttraining.recipe import RecipeError
from posttraining.run_document import RECIPES, read_run_document
from posttraining.trainers.job import TrainingJob
from recipes import PLACEMENT, plan, recipe, run_document


def problems(chosen: Recipe, **planned: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check_run(run_document(chosen, plan(chosen, **planned), placement=PLACEMENT), "kto")
    return caught.value.problems


def test_answers_are_good_and_bad_as_their_labels_say():
    rows = load_examples(recipe("kto")).rows()
    assert 0.4 < sum(row["label"] for row in rows) / len(rows) < 0.6
    for row in rows:
        first, second = (int(part) for part in row["prompt"][0]["content"] if part.isdigit())
        answer = row["completion"][0]["content"]
        is_good = tiny_task.is_right(answer, str(first + second)) and "think" not in answer
        assert row["label"] is is_good, row


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([True, None], "example 2 has no label, which kto needs"),
        ([True, "bad"], 'example 2 has the label "bad"; write true'),
        ([5, False], "example 1 has the label 5; write true"),
        ([True, True], "every label is true; KTO learns from good and from bad answers"),
        ([0, 0], "every label is false; KTO"),
    ],
)
def test_labels_that_kto_cannot_learn_from_are_named(tmp_path: Path, labels: list[object], problem: str):
    with pytest.raises(DatasetError, match=problem):
        load_examples(recipe("kto", dataset={"source": answers(tmp_path, labels)}))


def test_labels_may_be_numbers_and_pairs_have_none(tmp_path: Path):
    assert load_examples(recipe("kto", dataset={"source": answers(tmp_path, [1, 0])})).count == 2
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"chosen": "Q: a", "rejected": "Q: b", "label": "from a survey"}) + "\n")
    assert load_examples(recipe("kto", dataset={"source": pairs.as_uri()})).count == 1


def answers(folder: Path, labels: list[object]) -> str:
    file = folder / "answers.jsonl"
    file.write_text("".join(json.dumps({"prompt": "p", "completion": "c", "label": label}) + "\n" for label in labels))
    return file.as_uri()


def test_arguments_are_those_of_trl():
    chosen = recipe("kto", kto={"lossType": "apo_zero_unpaired", "beta": 0.2, "desirableWeight": 1.5})
    assert chosen["method"] == "kto"
    job = TrainingJob(chosen, plan(chosen), "base", "examples", "model", "scratch")
    found = kto.METHOD.arguments(chosen, job, ())
    assert found == {
        "max_length": 64,
        "beta": 0.2,
        "loss_type": "apo_zero_unpaired",
        "desirable_weight": 1.5,
        "undesirable_weight": 1,
        "precompute_ref_log_probs": False,
    }


def test_a_forward_pass_has_two_examples_or_more_where_the_loss_compares_them():
    chosen = recipe("kto", batch={"global": 4})
    [problem] = problems(chosen, gpusPerNode=4, microBatch=1, gradientAccumulation=1)
    assert problem.startswith("batch.global: got 4; KTO takes 2 or more examples in one forward pass")
    assert "write 8 or more" in problem


def test_what_one_node_precomputes_others_do_not_have():
    chosen = recipe("kto", kto={"precomputeReferenceLogProbabilities": True})
    [problem] = problems(chosen, nodes=2, gpusPerNode=1, microBatch=8)
    assert problem.startswith("kto.precomputeReferenceLogProbabilities: only the first of several nodes")


@pytest.mark.parametrize(
    ("preferred", "right", "promoted"),
    [
        (0.995, 0.94, True),
        # Measured at a learning rate of 3e-4 and beta 0.1, which unlearns to add.
        (0.98, 0.655, False),
        # Measured with every label turned round.
        (0.31, 0.06, False),
    ],
)
def test_the_gate_stops_what_has_gone_wrong(preferred: float, right: float, promoted: bool):
    gate = read_run_document((RECIPES / "kto-tiny.yaml").read_text(encoding="utf-8"))["recipe"]["gate"]
    metrics: Metrics = {
        "tiny_sums_preference/acc": {"before": 0.59, "after": preferred},
        "tiny_sums/number": {"before": 0.96, "after": right},
    }
    assert passes(judge(gate, metrics)) is promoted
