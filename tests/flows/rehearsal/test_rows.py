"""Rows that are made where the hub cannot be reached: the real schemas, read by the project's own readers."""

import json
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.recipe import Recipe, RecipeDataset
from posttraining.examples import load_examples
from posttraining.rehearsal import hub, rows
from posttraining.rehearsal.problems import RehearsalError
from posttraining.run_document import RECIPES, read_run_document

METHODS = {
    "allenai/tulu-3-sft-mixture": ["sft"],
    "allenai/...-preference-mixture": ["dpo", "kto"],
    "HuggingFaceH4/ultrafeedback_binarized": ["dpo", "kto"],
    "HuggingFaceH4/ultrachat_200k": ["sft"],
    "openai/gsm8k": ["sft", "grpo"],
    "Intel/orca_dpo_pairs": ["dpo", "kto"],
    "Anthropic/hh-rlhf": ["dpo", "kto"],
    "trl-lib/kto-mix-14k": ["kto"],
    "trl-lib/ultrafeedback_binarized": ["dpo", "kto"],
    "trl-lib/tldr": ["sft"],
    "BytedTsinghua-SIA/DAPO-Math-17k": ["grpo"],
    "AI-MO/NuminaMath-TIR": ["sft", "grpo"],
    "open-r1/OpenR1-Math-220k": ["sft", "grpo"],
    "HuggingFaceTB/smoltalk": ["sft"],
    "teknium/OpenHermes-2.5": ["sft"],
    "tatsu-lab/alpaca": ["sft"],
}


def recipe(method: str, source: str) -> Recipe:
    made = read_run_document((RECIPES / f"{method}-tiny.yaml").read_text())["recipe"]
    made["dataset"]["source"] = source
    if made["method"] == "grpo":
        made["grpo"]["rewards"] = [{"name": "final_number", "weight": 1}]
    return made


def dataset(source: str) -> RecipeDataset:
    return recipe("sft", source)["dataset"]


def test_every_family_is_tried():
    assert {family.name for family in rows.FAMILIES} == set(METHODS)


@pytest.mark.parametrize("family", rows.FAMILIES, ids=lambda family: family.name)
def test_rows_of_a_schema_are_read_by_the_methods_that_take_them(family: rows.DataFamily, tmp_path: Path):
    made = rows.made_rows(family, rows.COUNT)
    assert made == rows.made_rows(family, rows.COUNT)
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in made))
    for method in METHODS[family.name]:
        examples = load_examples(recipe(method, file.as_uri()))
        assert examples.count >= rows.COUNT
        lengths = {len("".join(rows.texts_of([row]))) for row in examples.rows()}
        # Packing has something to pack.
        assert len(lengths) > 5


def test_rows_are_made_where_the_hub_is_not_to_be_used():
    sample = rows.sample_of(dataset("openai/gsm8k"), use_hub=False)
    assert not sample.real
    assert set(sample.rows[0]) == {"question", "answer"}
    assert "#### " in sample.rows[0]["answer"]


def test_rows_are_made_where_the_hub_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def fail(_: Any) -> Any:
        raise ConnectionError("no such host")

    monkeypatch.setattr(rows, "_real_rows", fail)
    assert not rows.sample_of(dataset("openai/gsm8k"), use_hub=True).real
    assert "openai/gsm8k cannot be read from the hub here (no such host)" in capsys.readouterr().out


def test_an_unknown_data_set_is_refused_without_the_hub():
    with pytest.raises(RehearsalError, match=r"dataset.source: got some/thing.*openai/gsm8k.*--set dataset.source"):
        rows.sample_of(dataset("some/thing"), use_hub=False)


def test_a_hub_that_does_not_answer_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert not hub.hub_is_reachable()
