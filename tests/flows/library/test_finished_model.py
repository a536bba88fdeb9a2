"""What the trainer wrote becomes what is registered, and models are fetched from that again, one adapter on top of another."""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
from tiny_models import write_adapter

from posttraining import models, storage
from posttraining.finished_model import Finished, finish_model
from posttraining.models import ADAPTER_FOLDER, ModelError, fetch_adapter, fetch_model, fetch_unmerged
from posttraining.trainers.saving import ADAPTER_CONFIGURATION, ADAPTER_FILE
from recipes import plan, recipe

Saves = Literal["merged", "adapter", "both"]
WEIGHTS = "model.safetensors"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return fetch_model("tiny:llama", tmp_path / "base")


def finish(base: Path, trained: Path, folder: Path, saves: Saves, reference: str = "tiny:llama") -> Finished:
    chosen = recipe(trainable={"kind": "lora", "rank": 2, "alpha": 4, "saves": saves})
    return finish_model(chosen, plan(chosen), reference, base, trained, folder)


def weights_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / WEIGHTS)


def test_a_model_is_saved_merged_with_its_adapter_beside_it_or_as_an_adapter_alone(base: Path, tmp_path: Path):
    trained = write_adapter(tmp_path / "trained", base)
    text_files = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    adapter_files = {ADAPTER_CONFIGURATION, ADAPTER_FILE}
    model_files = {"config.json", "generation_config.json", WEIGHTS} | text_files
    expected = {
        "merged": model_files,
        "both": model_files | {f"{ADAPTER_FOLDER}/{name}" for name in adapter_files | text_files},
        "adapter": adapter_files | text_files,
    }
    for saves in ("merged", "both", "adapter"):
        folder = tmp_path / saves
        finished = finish(base, trained, folder, saves)
        assert finished["problems"] == []
        assert set(finished["files"]) == expected[saves]
        assert finished["files"] == {name: (folder / name).stat().st_size for name in finished["files"]}
        saved = finished["adapter"]
        assert saved is not None
        assert saved["saves"] == saves
        assert (saved["kept"] is None) == (saves == "adapter")
    named = json.loads((tmp_path / "adapter" / ADAPTER_CONFIGURATION).read_text())
    assert (named["base_model_name_or_path"], named["revision"]) == ("tiny:llama", None)


def test_whole_weights_that_did_not_change_are_kept_and_the_reason_is_said(base: Path, tmp_path: Path):
    shutil.copytree(base, tmp_path / "trained")
    chosen = recipe()
    finished = finish_model(chosen, plan(chosen), "tiny:llama", base, tmp_path / "trained", tmp_path / "finished")
    assert finished["adapter"] is None
    assert finished["problems"] == [
        "its weights equal those of its base: nothing was learnt, or what was learnt was not saved"
    ]
    assert (tmp_path / "finished" / WEIGHTS).is_file()


@pytest.mark.parametrize("saves", ["merged", "both"])
def test_an_adapter_that_cannot_be_merged_is_kept_itself(saves: Saves, base: Path, tmp_path: Path):
    trained = write_adapter(tmp_path / "trained", base, scale=0)
    finished = finish(base, trained, tmp_path / "finished", saves)
    assert any("the adapter changes no weight" in problem for problem in finished["problems"])
    assert {ADAPTER_CONFIGURATION, ADAPTER_FILE} <= finished["files"].keys()


def test_an_adapter_of_an_adapter_leads_back_to_whole_weights(base: Path, tmp_path: Path):
    """As SFT leaves an adapter alone, and DPO trains another from it."""
    import torch

    first, second = tmp_path / "first", tmp_path / "second"
    finish(base, write_adapter(tmp_path / "trained", base), first, "adapter")
    whole = fetch_model(first.as_uri(), tmp_path / "whole")
    assert whole != first
    assert not [file for file in whole.iterdir() if file.name == ADAPTER_CONFIGURATION]
    finish(whole, write_adapter(tmp_path / "trained again", whole, seed=2), second, "adapter", first.as_uri())
    last = fetch_model(second.as_uri(), tmp_path / "last")
    key = "model.layers.0.self_attn.q_proj.weight"
    once, twice = (weights_of(folder)[key] - weights_of(base)[key] for folder in (whole, last))
    assert once.abs().max() > 0
    assert not torch.allclose(once, twice)
    # What is in between goes as soon as it is merged.
    assert [each.name for each in (tmp_path / "last").iterdir()] == ["whole model"]


def test_an_adapter_is_fetched_with_its_base_from_beside_a_merged_model_or_alone(base: Path, tmp_path: Path):
    trained = write_adapter(tmp_path / "trained", base)
    for saves in ("both", "adapter"):
        finish(base, trained, tmp_path / saves, saves)
        found = fetch_adapter((tmp_path / saves).as_uri(), tmp_path / f"fetched {saves}")
        assert found is not None
        assert (found.adapter / ADAPTER_FILE).read_bytes() == (trained / ADAPTER_FILE).read_bytes()
        assert (found.base / WEIGHTS).read_bytes() == (base / WEIGHTS).read_bytes()
        assert found.base_reference == "tiny:llama"
    assert fetch_adapter(base.as_uri(), tmp_path / "none") is None


def test_what_is_not_to_be_merged_is_fetched_as_it_was_saved(base: Path, tmp_path: Path):
    trained = write_adapter(tmp_path / "trained", base)
    for saves in ("both", "adapter"):
        finish(base, trained, tmp_path / saves, saves)
    assert fetch_unmerged((tmp_path / "both").as_uri(), tmp_path / "whole") == tmp_path / "both"
    alone = fetch_unmerged((tmp_path / "adapter").as_uri(), tmp_path / "alone")
    assert not isinstance(alone, Path)
    assert (alone.adapter, alone.base_reference) == (tmp_path / "adapter", "tiny:llama")


def test_an_adapter_whose_base_is_gone_is_named(base: Path, tmp_path: Path):
    adapter = tmp_path / "adapter"
    finish(base, write_adapter(tmp_path / "trained", base), adapter, "adapter", reference="tiny:other")
    with pytest.raises(ModelError, match=r"the base of the adapter file:.*: model tiny:other is not known"):
        fetch_model(adapter.as_uri(), tmp_path / "fetched")
    (adapter / ADAPTER_CONFIGURATION).write_text("{}")
    with pytest.raises(ModelError, match="does not name its base"):
        fetch_model(adapter.as_uri(), tmp_path / "fetched")


def test_a_lineage_is_read_of_an_adapter_as_of_a_model(tmp_path: Path):
    uri = tmp_path.as_uri()
    storage.write_bytes(storage.join(uri, models.LINEAGE_FILE), b'{"pathspec": "SftFlow/1"}')
    assert models.read_lineage(uri) == {"pathspec": "SftFlow/1"}
