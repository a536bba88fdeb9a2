"""Adapters of models of every kind are merged into the class that was trained."""

import json
from pathlib import Path

import pytest
from tiny_models import CLASSES, MULTIMODAL, write_adapter, write_model

from posttraining.trainers.merging import MergeError, Rounding, merge_adapter, stored_dtype
from posttraining.trainers.saving import ADAPTER_CONFIGURATION, ADAPTER_FILE


def weights_of(folder: Path) -> dict:
    from safetensors.torch import load_file

    return {name: weight for file in folder.glob("model*.safetensors") for name, weight in load_file(file).items()}


@pytest.mark.parametrize("name", CLASSES)
def test_a_merged_model_is_its_base_plus_the_update_rounded_once_in_its_own_class(name: str, tmp_path: Path):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    base = write_model(tmp_path / "base", name)
    adapter, merged = write_adapter(tmp_path / "adapter", base), tmp_path / "merged"
    rounding = merge_adapter(base, adapter, merged)

    assert json.loads((merged / "config.json").read_text())["architectures"] == [name]
    before, after, matrices = weights_of(base), weights_of(merged), load_file(adapter / ADAPTER_FILE)
    assert after.keys() == before.keys()
    updated = {key.removesuffix(".lora_A.weight") for key in matrices if key.endswith(".lora_A.weight")}
    found = 0
    for key, weight in after.items():
        module = next((each for each in updated if each.endswith(_text_part(key))), None)
        expected = before[key]
        if module is not None:
            update = matrices[f"{module}.lora_B.weight"] @ matrices[f"{module}.lora_A.weight"] * 2
            expected = (before[key].float() + update).to(torch.bfloat16)
            found += 1
        assert weight.dtype == torch.bfloat16
        torch.testing.assert_close(weight, expected, rtol=0, atol=0, msg=key)
    assert found == len(updated) > 0
    assert 0.9 < rounding.kept < 1.1
    assert AutoTokenizer.from_pretrained(merged).chat_template
    assert {file.name for file in merged.iterdir()}.isdisjoint({ADAPTER_CONFIGURATION, ADAPTER_FILE})


def _text_part(key: str) -> str:
    """A weight's module, from the part that every name of it has: files of some classes name the rest otherwise."""
    layers = key.find("layers.")
    is_text = layers >= 0 and not any(tower in key for tower in ("vision", "visual"))
    return key[layers:].removesuffix(".weight") if is_text and key.endswith(".weight") else "\0"


@pytest.mark.parametrize("name", MULTIMODAL)
def test_a_model_that_sees_keeps_its_processor_but_not_its_template(name: str, tmp_path: Path):
    base = write_model(tmp_path / "base", name)
    merge_adapter(base, write_adapter(tmp_path / "adapter", base), tmp_path / "merged")
    written = json.loads((tmp_path / "merged" / "preprocessor_config.json").read_text())
    assert written == {"image_processor_type": "its own"}


def test_a_type_of_less_precision_is_rounded_to_once_and_what_is_lost_is_said(tmp_path: Path):
    base = write_model(tmp_path / "base", "LlamaForCausalLM", dtype="float32")
    adapter = write_adapter(tmp_path / "adapter", base, scale=3e-4)
    assert stored_dtype(base) == "float32"
    exact = merge_adapter(base, adapter, tmp_path / "exact")
    assert exact.kept == pytest.approx(1, abs=1e-4)
    assert exact.advice is None
    rounded = merge_adapter(base, adapter, tmp_path / "rounded", "bfloat16")
    assert stored_dtype(tmp_path / "rounded") == "bfloat16"
    assert rounded.error > 0.3
    assert rounded.advice is not None
    assert "trainable.saves" in rounded.advice


def test_weights_in_torchs_own_files_are_merged_into_as_well(tmp_path: Path):
    import torch
    from safetensors.torch import load_file

    base = write_model(tmp_path / "base", "LlamaForCausalLM")
    adapter = write_adapter(tmp_path / "adapter", base)
    merge_adapter(base, adapter, tmp_path / "expected")
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    assert stored_dtype(base) == "bfloat16"
    merge_adapter(base, adapter, tmp_path / "merged")
    expected, merged = weights_of(tmp_path / "expected"), weights_of(tmp_path / "merged")
    assert expected.keys() == merged.keys()
    assert all(torch.equal(expected[name], merged[name]) for name in expected)


def test_advice_is_given_where_much_is_lost():
    assert Rounding(kept=0.99, error=0.1).advice is None
    assert "kept 40% of the adapter's update" in (Rounding(kept=0.4, error=0.1).advice or "")
    assert "rounding error is 90%" in (Rounding(kept=1, error=0.9).advice or "")


def test_an_adapter_that_does_not_fit_or_changes_nothing_is_refused(tmp_path: Path):
    import torch
    from safetensors.torch import load_file, save_file

    base = write_model(tmp_path / "base", "LlamaForCausalLM")
    adapter = write_adapter(tmp_path / "adapter", base)
    whole = load_file(adapter / ADAPTER_FILE)
    first = min(whole)

    def merge_with(weights: dict) -> None:
        save_file(weights, adapter / ADAPTER_FILE, metadata={"format": "pt"})
        merge_adapter(base, adapter, tmp_path / "merged")

    with pytest.raises(MergeError, match=rf"1 of {len(whole)} weights are missing, such as {first}"):
        merge_with({name: weight for name, weight in whole.items() if name != first})
    with pytest.raises(MergeError, match=rf"{len(whole)} of {len(whole)} weights are missing"):
        merge_with({})
    with pytest.raises(MergeError, match=r"1 would not be used, such as base_model.model.other"):
        merge_with({**whole, "base_model.model.other.lora_A.weight": torch.ones(2, 2)})
    with pytest.raises(MergeError, match="changes no weight"):
        merge_with({name: torch.zeros_like(weight) for name, weight in whole.items()})
    with pytest.raises(MergeError, match="survives rounding to bfloat16"):
        merge_with({name: weight * 1e-6 for name, weight in whole.items()})
