import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from posttraining import evaluation
from posttraining.evaluation import evaluation_engine, task_fingerprints, vllm_arguments
from recipes import plan, recipe


def test_vllm_answers_on_gpus_where_it_is_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "find_spec", lambda name: name == "vllm")
    assert evaluation_engine(plan(recipe(), gpusPerNode=8)) == "vllm"
    assert evaluation_engine(plan(recipe(), gpusPerNode=0)) == "transformers"
    monkeypatch.setattr(evaluation, "find_spec", lambda name: None)
    assert evaluation_engine(plan(recipe(), gpusPerNode=8)) == "transformers"


def test_numbers_of_one_engine_are_not_compared_with_anothers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "find_spec", lambda name: True)
    chosen = recipe()
    assert task_fingerprints(chosen, plan(chosen), None) != task_fingerprints(chosen, plan(chosen, gpusPerNode=8), None)


@pytest.mark.parametrize(("positions", "longest"), [(512, 512), (131_072, 8192)])
def test_vllm_has_all_gpus_and_contexts_that_fit_its_cache(tmp_path: Path, positions: int, longest: int):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": positions}))
    chosen = recipe(seed=3)
    found = vllm_arguments(tmp_path, chosen, plan(chosen, gpusPerNode=8))
    assert (found["tensor_parallel_size"], found["max_model_len"], found["seed"]) == (8, longest, 3)


def test_answers_of_other_lengths_are_not_compared():
    plain, short = recipe(), recipe(evaluation__maxAnswerTokens=4)
    assert task_fingerprints(plain, plan(plain), None) != task_fingerprints(short, plan(short), None)


def test_questions_that_say_the_day_are_compared_on_that_day_alone(monkeypatch: pytest.MonkeyPatch):
    chosen, dated = recipe(), "{{ strftime_now('%d %B %Y') }}"
    today = task_fingerprints(chosen, plan(chosen), dated)
    undated = task_fingerprints(chosen, plan(chosen), "{{ messages }}")
    monkeypatch.setattr(evaluation, "date", SimpleNamespace(today=lambda: date(2001, 1, 1)))
    assert task_fingerprints(chosen, plan(chosen), dated) != today
    assert task_fingerprints(chosen, plan(chosen), "{{ messages }}") == undated
