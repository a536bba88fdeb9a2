"""The facts about tasks and metrics against the installed lm-eval and TRL. Reading lm-eval's task files takes a quarter of a minute, once."""

from __future__ import annotations

import ast
import datetime
import importlib.util
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from posttraining.evaluation_tasks import FACTS_FILE, EvaluationTask, find_task, names_at

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("refresh_evaluation_tasks", ROOT / "dev" / "refresh-evaluation-tasks.py")
assert _spec is not None and _spec.loader is not None
refresh = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(refresh)

TODAY = datetime.date(2026, 11, 28)


@pytest.fixture(scope="module")
def facts() -> Any:
    return refresh.TaskFacts()


def known(name: str) -> EvaluationTask:
    task = find_task(name)
    assert task is not None, name
    return task


def test_the_committed_facts_are_those_of_the_installed_lm_eval(facts: Any):
    committed = json.loads(FACTS_FILE.read_text(encoding="utf-8"))
    found = json.loads(json.dumps(facts.document(TODAY)))
    wrong = [key for key in found if key != "date" and found[key] != committed.get(key)]
    assert wrong == [], "run .posttraining/python/train/bin/python dev/refresh-evaluation-tasks.py"
    assert committed.keys() == found.keys()


def test_a_reader_gets_back_what_was_written(facts: Any):
    kinds = {"TASK": "task", "PY_TASK": "task", "GROUP": "group", "TAG": "tag"}
    for name in [*facts.names[::400], "gsm8k", "mmlu", "ai2_arc", "scrolls_quality"]:
        assert known(name).kind in (kinds[facts.index[name].kind.name], "broken"), name
    assert known("gsm8k").metrics == {"exact_match@strict-match", "exact_match@flexible-extract"}
    assert known("ifeval").metrics == {
        *("prompt_level_strict_acc", "inst_level_strict_acc", "prompt_level_loose_acc", "inst_level_loose_acc"),
    }
    assert known("mmlu").metrics == {"acc"}
    assert known("scrolls_quality").metrics is None
    assert names_at(known("ai2_arc").places, 9) == ["arc_challenge", "arc_easy"]
    assert known("humaneval").is_unsafe
    assert find_task("gsm9k") is None


DOCUMENTS = {
    "arc_easy": {"question": "1 + 1?", "choices": {"text": ["2", "3"], "label": ["A", "B"]}, "answerKey": "A"},
    "gsm8k": {"question": "1 + 1?", "answer": "It is 2.\n#### 2"},
    "lambada_openai": {"text": "One and one is two"},
    "wikitext": {"page": "One and one is two."},
    "piqa": {"goal": "Add", "sol1": "2", "sol2": "3", "label": 0},
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_lm_eval_reports_what_the_facts_say(name: str, facts: Any, monkeypatch: pytest.MonkeyPatch):
    """A real evaluation of a model that guesses, on a dataset of a few equal examples."""
    import datasets
    from lm_eval.evaluator import evaluate
    from lm_eval.models.dummy import DummyLM

    from posttraining.measurement import flatten_results

    examples = datasets.Dataset.from_list([DOCUMENTS[name]] * 8)
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    monkeypatch.setattr("lm_eval.api.task.datasets.load_dataset", lambda **_: splits)
    loaded = facts.manager.load([name])
    loaded["tasks"][name].set_config("num_fewshot", 0)
    results = evaluate(DummyLM(), loaded, bootstrap_iters=0, log_samples=False)
    assert results is not None and "results" in results
    measured, metrics = flatten_results(results["results"], [name]), known(name).metrics
    assert metrics is not None
    assert set(measured) == {f"{name}/{metric}" for metric in metrics}


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ("return {'acc': 1, 'f1': 2}", {"acc", "f1"}),
        ("if doc:\n        return {'acc': 1}\n    return {'em': 0}", {"acc", "em"}),
        ("scores = {'acc': 1}\n    scores['f1'] = 2\n    return scores", {"acc", "f1"}),
        ("return {name: 1 for name in doc}", None),
        ("scores = {'acc': 1}\n    scores.update(doc)\n    return scores", None),
        ("scores = {'acc': 1}\n    scores[doc] = 2\n    return scores", None),
        ("return other(doc)", None),
    ],
)
def test_metrics_are_known_only_where_the_code_writes_them_down(tmp_path: Path, body: str, keys: set[str] | None):
    (tmp_path / "utils.py").write_text(f"def process_results(doc, results):\n    {body}\n")
    config = {"process_results": str(tmp_path / "utils.process_results")}
    found = refresh.task_metrics(config)
    assert found == (None if keys is None else frozenset(keys))


METHODS = ROOT / "flows" / "posttraining" / "methods"


@pytest.mark.parametrize("method", sorted(file.name.partition(".")[0] for file in METHODS.glob("*.facts.json")))
def test_what_trl_logs_is_what_the_file_says(method: str):
    file = json.loads((METHODS / f"{method}.facts.json").read_text(encoding="utf-8"))
    assert file["version"] == version("trl")
    # Of transformers' trainer, and of this project's callback.
    of_others = {"loss", "grad_norm", "learning_rate", "epoch", "step"}
    import trl

    tree = ast.parse((Path(trl.__file__).parent / "trainer" / f"{method}_trainer.py").read_text(encoding="utf-8"))
    logged = {_text(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript) and _is_metric(node)}
    listed = {name for group in file["metrics"].values() for name in group} - of_others
    assert listed and listed <= logged


def _is_metric(node: ast.Subscript) -> bool:
    """`self._metrics[mode][<name>]`"""
    inner = node.value
    return isinstance(inner, ast.Subscript) and ast.unparse(inner.value) == "self._metrics"


def _text(name: ast.expr) -> str:
    if isinstance(name, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{name}" for part in name.values]
        return "".join(map(str, parts)).replace("/", ".")
    return str(name.value).replace("/", ".") if isinstance(name, ast.Constant) else ""
