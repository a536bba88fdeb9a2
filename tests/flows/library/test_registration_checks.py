"""Faults planted in a trained model: each is seen, and nothing else is said of a model that is whole."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import CLASSES, write_adapter, write_model, write_tokenizer

from posttraining.registration_checks import (
    RegistrationError,
    adapter_problems,
    model_problems,
    require_registrable,
)
from posttraining.trainers.merging import copy_processor_files, merge_adapter
from posttraining.trainers.saving import ADAPTER_FILE

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def merged_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path, Path]]:
    """By class: a base, an adapter beside it, and the merged model."""
    made = {}
    for name in CLASSES:
        folder = tmp_path_factory.mktemp(name)
        base = write_model(folder / "base", name)
        adapter, merged = write_adapter(folder / "adapter", base), folder / "merged"
        copy_processor_files(base, adapter)
        merge_adapter(base, adapter, merged)
        made[name] = (base, adapter, merged)
    return made


def template_of(folder: Path) -> str:
    return (folder / "chat_template.jinja").read_text()


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_is_said_of_a_model_that_is_whole(name: str, merged_models: dict):
    base, adapter, merged = merged_models[name]
    assert model_problems(base, merged, template_of(merged)) == []
    assert adapter_problems(base, adapter, template_of(merged)) == []


def of_weights(change: Callable[[dict[str, Any]], object], file: str = WEIGHTS) -> Callable[[Path, Path], None]:
    def plant(folder: Path, _base: Path) -> None:
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / file)
        change(weights)
        save_file(weights, folder / file, metadata={"format": "pt"})

    return plant


def untouched(folder: Path, base: Path) -> None:
    shutil.copyfile(base / WEIGHTS, folder / WEIGHTS)


def untouched_and_renamed(folder: Path, base: Path) -> None:
    """As a gathered state names a tied head by itself."""
    from safetensors.torch import load_file, save_file

    weights = load_file(base / WEIGHTS)
    weights["by another name"] = weights["model.embed_tokens.weight"].clone()
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def in_json(file: str, **values: Any) -> Callable[[Path, Path], None]:
    def plant(folder: Path, _base: Path) -> None:
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**content, **values}))

    return plant


def without(file: str) -> Callable[[Path, Path], None]:
    return lambda folder, _base: (folder / file).unlink()


def other_template(folder: Path, _base: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ messages }}")


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (untouched, "its weights equal those of its base"),
        (untouched_and_renamed, "its weights equal those of its base"),
        (of_weights(lambda weights: weights.pop(NORM)), f"1 tensor is missing, such as {NORM}"),
        (of_weights(lambda weights: weights.update(other=weights[NORM].clone())), "1 tensor is not of its class, such as other"),
        (of_weights(lambda weights: weights.update({NORM: weights[NORM][:8].clone()})), f"1 tensor is of another shape, such as {NORM}"),
        (without(WEIGHTS), "it cannot be loaded"),
        (without("config.json"), "it cannot be loaded"),
        (in_json("config.json", architectures=["NoSuchModel"]), "names the class NoSuchModel"),
        (without("tokenizer.json"), "it cannot be loaded"),
        (without("chat_template.jinja"), "it has no chat template"),
        (other_template, "its chat template is another than"),
        (in_json("tokenizer_config.json", eos_token="<|endoftext|>"), "its tokenizer's eos_token is"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_seen(plant: Callable[[Path, Path], None], said: str, merged_models: dict, tmp_path: Path):
    base, _, merged = merged_models["LlamaForCausalLM"]
    folder, template = tmp_path / "faulty", template_of(merged)
    shutil.copytree(merged, folder)
    plant(folder, base)
    problems = model_problems(base, folder, template)
    assert [problem for problem in problems if said in problem], problems


def test_a_model_that_lost_its_files_for_pictures_is_seen(merged_models: dict, tmp_path: Path):
    base, _, merged = merged_models["Gemma3ForConditionalGeneration"]
    shutil.copytree(merged, tmp_path / "faulty")
    (tmp_path / "faulty" / "preprocessor_config.json").unlink()
    problems = model_problems(base, tmp_path / "faulty", template_of(merged))
    assert problems == ["preprocessor_config.json is missing, which its base has: pictures or sounds could not be read"]


def test_lost_special_tokens_are_seen(merged_models: dict, tmp_path: Path):
    base, _, merged = merged_models["LlamaForCausalLM"]
    shutil.copytree(base, tmp_path / "base")
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    token = {**tokenizer["added_tokens"][-1], "id": 511, "content": "<|tool|>"}
    (tmp_path / "base" / "tokenizer.json").write_text(
        json.dumps({**tokenizer, "added_tokens": [*tokenizer["added_tokens"], token]})
    )
    problems = model_problems(tmp_path / "base", merged, template_of(merged))
    assert problems == ["its tokenizer lost 1 special tokens of its base, such as <|tool|>"]


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (of_weights(lambda weights: weights.clear(), ADAPTER_FILE), "28 of the adapter's 28 tensors are missing"),
        (of_weights(lambda weights: weights.pop(min(weights)), ADAPTER_FILE), "1 of the adapter's 28 tensors are missing"),
        (of_weights(lambda weights: weights.update(other=weights[min(weights)].clone()), ADAPTER_FILE), "1 of the adapter's tensors do not fit the base, such as other"),
        (of_weights(lambda weights: weights.update({min(weights): weights[min(weights)][:1].clone()}), ADAPTER_FILE), "have another shape"),
        (of_weights(lambda weights: [weights[name].zero_() for name in weights if "lora_B" in name], ADAPTER_FILE), "the adapter changes nothing"),
        (without(ADAPTER_FILE), f"{ADAPTER_FILE} is missing"),
        (without("chat_template.jinja"), "it has no chat template"),
    ],
)  # fmt: skip
def test_a_fault_planted_in_an_adapter_is_seen(
    plant: Callable[[Path, Path], None], said: str, merged_models: dict, tmp_path: Path
):
    base, adapter, merged = merged_models["LlamaForCausalLM"]
    shutil.copytree(adapter, tmp_path / "faulty")
    plant(tmp_path / "faulty", base)
    problems = adapter_problems(base, tmp_path / "faulty", template_of(merged))
    assert [problem for problem in problems if said in problem], problems


def test_every_reason_is_said_and_where_the_model_is_kept():
    require_registrable([], "s3://bucket/model")
    with pytest.raises(RegistrationError, match=r"kept at s3://bucket/model.*\n- one\n- another"):
        require_registrable(["one", "another"], "s3://bucket/model")


def test_a_model_of_another_precision_equals_its_base_too(tmp_path: Path):
    base = write_model(tmp_path / "base", "LlamaForCausalLM", dtype="float32")
    model = write_model(tmp_path / "model", "LlamaForCausalLM", dtype="bfloat16")
    write_tokenizer(model)
    (problem,) = model_problems(base, model, template_of(model))
    assert "its weights equal those of its base" in problem
