"""Batch inference with the tiny model, and with everything that a person can get wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from prompts import PromptsError, read_prompts

from posttraining.models import fetch_model


def test_answers_every_prompt_in_order_beside_a_manifest(metaflow_home: Any, tmp_path: Path):
    prompts = tmp_path / "prompts.jsonl"
    rows = [
        {"prompt": "What is 1 plus 2?"},
        {"prompt": [{"role": "user", "content": "Add 2 and 3."}]},
        {"prompt": "Hi"},
    ]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "answers"
    # A model whose template must be told what it was trained with, which the registry's record of it says.
    model = fetch_model("tiny:llama", tmp_path / "models" / "taught" / "1")
    template = model / "chat_template.jinja"
    must_be_told = "{%- if enable_thinking is not defined %}{{ raise_exception('untold') }}{%- endif %}"
    template.write_text(must_be_told + template.read_text())
    trained = {"recipe": {"model": {"chatTemplateArguments": {"enable_thinking": False}}}}
    (model / "lineage.json").write_text(json.dumps(trained))
    promoted = tmp_path / "models" / "taught" / "promoted.json"
    promoted.write_text(json.dumps({"modelUri": model.as_uri()}))
    parameters = ["--model", "promoted:taught", "--models-root", f"file://{tmp_path}/models"]
    parameters += ["--prompts", f"file://{prompts}", "--output", f"file://{output}"]
    printed = metaflow_home.run_flow("batch_inference", *parameters, "--batch-size", "2", "--max-tokens", "8")
    answers = [json.loads(line) for line in (output / "answers.jsonl").read_text().splitlines()]
    assert [answer["prompt"][0]["content"] for answer in answers] == ["What is 1 plus 2?", "Add 2 and 3.", "Hi"]
    assert all(isinstance(answer["answer"], str) for answer in answers)
    manifest = json.loads((output / "manifest.json").read_text())
    assert (manifest["count"], manifest["modelUri"], manifest["engine"]) == (3, model.as_uri(), "transformers")
    assert '"step": 2, "totalSteps": 3' in printed
    assert "3 answers by" in metaflow_home.cards("BatchInferenceFlow")["end-answers"]


def test_names_every_wrong_parameter_at_once(metaflow_home: Any, tmp_path: Path):
    parameters = ["--model", "promoted:grpo", "--models-root", f"file://{tmp_path}/models", "--limit", "-1"]
    parameters += ["--prompts", "/a/path", "--output", "answers"]
    printed = metaflow_home.run_flow("batch_inference", *parameters, status=1)
    assert 'model: no model named "grpo" was promoted below' in printed
    assert "limit: got -1; must be at least 0" in printed
    assert "prompts: got /a/path; write an s3:// or file:///" in printed
    assert "output: got answers; write an s3:// or file:///" in printed


def test_names_every_line_that_is_no_prompt(tmp_path: Path):
    file = tmp_path / "prompts.jsonl"
    file.write_text('\n{"prompt": "right"}\nnot json\n{"question": "wrong key"}\n')
    with pytest.raises(PromptsError) as caught:
        read_prompts(f"file://{file}")
    assert "line 3: is not JSON" in str(caught.value)
    assert 'line 4: write {"prompt": "text"}' in str(caught.value)
    assert "line 2" not in str(caught.value)


def test_says_when_there_are_no_prompts(tmp_path: Path):
    with pytest.raises(PromptsError, match="there is no file"):
        read_prompts(f"file://{tmp_path}/none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(PromptsError, match="is empty"):
        read_prompts(f"file://{tmp_path}/empty.jsonl")


def test_the_projects_own_questions_can_be_limited():
    assert len(read_prompts("tiny:sums", limit=7)) == 7
