import json
import runpy
import shutil
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_models import write_adapter, write_model, write_tokenizer

from posttraining import evaluation
from posttraining.contracts.recipe import Recipe
from posttraining.evaluation import (
    compare_with_base,
    evaluate_model,
    evaluation_engine,
    task_fingerprints,
    vllm_arguments,
)
from posttraining.evaluation_adapter import adapted_model
from posttraining.measurement import Measurement
from posttraining.models import fetch_model
from posttraining.trainers.chat_template import own_template
from posttraining.trainers.model_class import model_class
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


@pytest.mark.parametrize(("rank", "reserved"), [(2, 8), (8, 8), (9, 16), (64, 64), (200, 256), (512, 512), (600, 600)])
def test_vllm_loads_an_adapter_beside_its_base_with_room_for_its_rank(tmp_path: Path, rank: int, reserved: int):
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    adapter.mkdir()
    (base / "config.json").write_text("{}")
    (adapter / "adapter_config.json").write_text(json.dumps({"r": rank}))
    chosen = recipe()
    whole, found = (vllm_arguments(base, chosen, plan(chosen), beside) for beside in (None, adapter))
    assert found == whole | {
        "lora_local_path": str(adapter),
        "tokenizer": str(adapter),
        "max_lora_rank": reserved,
    }


def sums() -> Recipe:
    return recipe(evaluation__tasks=["tiny_sums", "tiny_sums_preference"], evaluation__limit=50)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a run that saves an adapter alone leaves it; it changes most answers."""
    import torch

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(0)
    written = write_adapter(folder / "adapter", fetch_model("tiny:llama", folder / "base"), scale=0.5)
    configuration = written / "adapter_config.json"
    named = json.loads(configuration.read_text()) | {"base_model_name_or_path": "tiny:llama", "revision": None}
    configuration.write_text(json.dumps(named))
    return written


@pytest.fixture(scope="module")
def merged(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    """What the adapter's merged model answers; the base has its weights in float32, so that merging rounds nothing."""
    whole = fetch_model(adapter.as_uri(), tmp_path_factory.mktemp("merged"))
    return evaluate_model(whole, sums(), plan(sums()), own_template(whole))


def differing(one: Measurement, other: Measurement) -> int:
    """How many of 70 results differ: 20 answers of at most 12 tokens, and 50 preferences."""
    texts = zip(one["answers"]["tiny_sums"], other["answers"]["tiny_sums"], strict=True)
    preferences = (each["samples"]["tiny_sums_preference/acc"] for each in (one, other))
    return sum(a["answer"] != b["answer"] for a, b in texts) + sum(a != b for a, b in zip(*preferences, strict=True))


def evaluated(uri: str) -> Measurement:
    """What a run measures of a trained model, as it keeps it beside the model."""
    compare_with_base(sums(), plan(sums()), uri, "tiny:llama")
    return json.loads((Path(uri.removeprefix("file://")) / evaluation.EVALUATION_FILE).read_text())


def test_an_adapter_that_is_saved_alone_is_evaluated_beside_its_base_with_what_its_folder_has(
    adapter: Path, merged: Measurement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    own = shutil.copytree(adapter, tmp_path / "own")
    # Only the order of the sums differs by a rounding.
    served = evaluated(own.as_uri())
    assert differing(served, merged) <= 2
    assert served["fingerprints"] == merged["fingerprints"]
    assert served["metrics"] == pytest.approx(merged["metrics"], abs=0.04)
    monkeypatch.setattr("peft.PeftModel.from_pretrained", lambda model, adapter: model)
    assert differing(evaluated(own.as_uri()), merged) > 10
    (own / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert evaluated(own.as_uri())["fingerprints"] != merged["fingerprints"]


@pytest.mark.parametrize("forgotten", [False, True])
def test_the_process_that_vllm_has_for_itself_is_told_of_the_adapter(
    forgotten: bool, adapter: Path, merged: Measurement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def run(command: list[str], check: bool) -> None:
        if forgotten:
            asked = json.loads(Path(command[-2]).read_text())
            Path(command[-2]).write_text(json.dumps(asked | {"adapter": None}))
        monkeypatch.setattr(sys, "argv", command[-3:])
        runpy.run_path(str(evaluation.__file__), run_name="__main__")

    monkeypatch.setattr(evaluation, "subprocess", SimpleNamespace(run=run))
    # Here alone: the process finds no GPU, and answers on the processor.
    monkeypatch.setattr(evaluation, "evaluation_engine", lambda plan: "vllm")
    base, template = fetch_model("tiny:llama", tmp_path), own_template(adapter)
    found = evaluate_model(base, sums(), plan(sums()), template, adapter)
    assert (differing(found, merged) > 10) == forgotten


def with_lm_evals_own_option(base: Path, adapter: Path, arguments: dict[str, Any]) -> Any:
    """What `adapted_model` mends."""
    from lm_eval.models import huggingface

    theirs: Any = huggingface.HFLM
    return theirs(pretrained=str(base), peft=str(adapter), tokenizer=str(adapter), **arguments)


def test_the_base_of_an_adapter_keeps_rows_for_which_there_are_no_tokens(adapter: Path, tmp_path: Path):
    """As training and servers keep them; the second half fails once lm-eval keeps them too."""
    base, common = fetch_model("tiny:llama", tmp_path), {"device": "cpu", "dtype": "auto"}
    assert adapted_model(base, adapter, common).model.get_input_embeddings().weight.shape[0] == 320
    theirs = with_lm_evals_own_option(base, adapter, common)
    assert theirs.model.get_input_embeddings().weight.shape[0] == len(theirs.tokenizer) < 320


def test_an_adapter_is_loaded_into_the_class_that_was_trained(tmp_path: Path):
    """lm-eval chooses the text's part alone, in which PEFT finds none of the adapter's modules."""
    base = write_model(tmp_path / "base", "Qwen3_5ForConditionalGeneration", "float32")
    beside, common = write_adapter(tmp_path / "adapter", base), {"device": "cpu", "dtype": "auto"}
    learnt = [
        weight.any()
        for name, weight in adapted_model(base, beside, common).model.named_parameters()
        if "lora_B" in name
    ]
    assert learnt and all(learnt)
    with pytest.raises(ValueError, match="All modules were excluded"):
        with_lm_evals_own_option(base, beside, common)


@pytest.mark.parametrize(
    ("target", "engine", "merges"),
    [("lm_head", "vllm", True), ("q_proj", "vllm", False), ("lm_head", "transformers", False)],
)
def test_an_adapter_of_the_head_is_merged_for_vllm_which_forgets_it_in_prompts(
    target: str, engine: str, merges: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from peft import LoraConfig, get_peft_model

    base, adapter = write_model(tmp_path / "base", "LlamaForCausalLM", "float32"), tmp_path / "adapter"
    configuration = LoraConfig(r=2, target_modules=[target], task_type="CAUSAL_LM", init_lora_weights=False)
    adapted: Any = get_peft_model(model_class(base).from_pretrained(base), configuration)
    adapted.peft_config["default"].base_model_name_or_path = base.as_uri()
    adapted.save_pretrained(adapter)
    write_tokenizer(adapter)
    asked: list[tuple[Path, Path | None]] = []

    def evaluate(folder: Path, recipe: Any, plan: Any, template: str | None, beside: Path | None) -> Measurement:
        assert template == own_template(adapter)
        asked.append((folder, beside))
        raise InterruptedError

    monkeypatch.setattr(evaluation, "evaluate_model", evaluate)
    monkeypatch.setattr(evaluation, "evaluation_engine", lambda plan: engine)
    with pytest.raises(InterruptedError):
        compare_with_base(recipe(), plan(recipe()), adapter.as_uri(), base.as_uri())
    [(folder, beside)] = asked
    assert (folder.name, beside) == (("whole model", None) if merges else ("base", adapter))
