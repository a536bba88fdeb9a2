import json
from pathlib import Path

import pytest

from posttraining.progress import PREFIX, append_history, progress_line, read_history
from posttraining.training_metrics import metric_name, shown_metrics, training_metrics
from recipes import recipe


def test_single_noisy_logs_do_not_decide():
    history = [{"step": float(step), "loss": float(100 - step)} for step in range(20)]
    assert training_metrics(recipe(), history)["train/loss"] == {"before": 99.5, "after": 81.5}


def test_one_log_is_enough():
    history = [{"step": 1.0, "loss": 2.0, "mean_token_accuracy": 0.5}]
    assert training_metrics(recipe(), history) == {
        "train/loss": {"before": 2.0, "after": 2.0},
        "train/mean_token_accuracy": {"before": 0.5, "after": 0.5},
    }


def test_metrics_that_headline_or_gate_name_are_included():
    chosen = recipe(evaluation__headline="train/entropy", gate=[{"metric": "train/grad_norm", "maximum": 9}])
    history = [{"step": 1.0, "loss": 2.0, "entropy": 3.0, "grad_norm": 4.0, "learning_rate": 5.0}]
    assert set(training_metrics(chosen, history)) == {"train/loss", "train/entropy", "train/grad_norm"}


def test_names_have_one_slash():
    assert metric_name("rewards/tiny_sums_exact/mean") == "rewards.tiny_sums_exact.mean"
    assert "rewards.tiny_sums_exact.mean" in shown_metrics(recipe("grpo"))


def test_a_progress_line_is_the_prefix_and_json():
    line = progress_line("train", 3, 10, 12.345, loss=0.5, metric={"reward": 0.1})
    assert line.startswith(PREFIX)
    assert json.loads(line.removeprefix(PREFIX)) == {
        "phase": "train",
        "step": 3,
        "totalSteps": 10,
        "loss": 0.5,
        "metric": {"reward": 0.1},
        "secondsLeft": 12.3,
    }


@pytest.mark.parametrize("rest", ["", '{"step": 3, "lo'])
def test_the_history_is_read_while_it_is_written(tmp_path: Path, rest: str):
    file = tmp_path / "history.jsonl"
    assert read_history(file) == []
    append_history(file, {"step": 1, "loss": 2.0})
    append_history(file, {"step": 2, "loss": 1.0})
    with file.open("a") as stream:
        stream.write(rest)
    assert [entry["step"] for entry in read_history(file)] == [1, 2]
