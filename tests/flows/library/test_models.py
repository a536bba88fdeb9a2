from collections.abc import Callable
from pathlib import Path

import pytest

from posttraining.models import ModelError, fetch_model, fetch_tokenizer, read_lineage
from posttraining.tiny_model import write_tiny_model


def test_models_come_from_folders_without_a_copy(tmp_path: Path):
    write_tiny_model(tmp_path / "model")
    assert fetch_model((tmp_path / "model").as_uri(), tmp_path / "elsewhere") == tmp_path / "model"
    assert fetch_model("tiny:llama", tmp_path / "made") == tmp_path / "made"


def test_references_without_a_model_are_named(tmp_path: Path):
    with pytest.raises(ModelError, match="tiny:gpt is not known"):
        fetch_model("tiny:gpt", tmp_path)
    with pytest.raises(ModelError, match=r"no config\.json"):
        fetch_model(tmp_path.as_uri(), tmp_path / "elsewhere")


def test_a_folder_with_a_model_and_an_adapter_is_neither(tmp_path: Path):
    write_tiny_model(tmp_path / "model")
    (tmp_path / "model" / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"is a whole model and an adapter at once.*into a folder of their own"):
        fetch_model((tmp_path / "model").as_uri(), tmp_path / "elsewhere")


def test_models_in_an_object_store(object_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from posttraining import storage

    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    storage._s3.cache_clear()
    write_tiny_model(tmp_path / "model")
    uri = f"s3://{object_store.bucket}/models/{tmp_path.name}"
    storage.upload_folder(tmp_path / "model", uri)
    fetched = fetch_model(uri, tmp_path / "fetched")
    assert (fetched / "model.safetensors").read_bytes() == (tmp_path / "model/model.safetensors").read_bytes()
    assert read_lineage(uri) is None
    storage.write_bytes(f"{uri}/lineage.json", b'{"pathspec": "SftFlow/1"}')
    assert read_lineage(uri) == {"pathspec": "SftFlow/1"}
    with pytest.raises(ModelError, match="nowhere"):
        fetch_model(f"s3://{object_store.bucket}/nowhere", tmp_path / "x")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "does not let this run read it: accept its terms on the hub, and give the run an HF_TOKEN"),
        (401, "RepoNotFound", "there is none on the hub, or it is private"),
        (404, "RevisionNotFound", "has no branch, tag or commit v1 on the hub"),
    ],
)
@pytest.mark.parametrize("fetch", [fetch_model, fetch_tokenizer])
def test_what_the_hub_refuses_is_said_with_what_to_do(
    hub, tmp_path: Path, fetch: Callable[..., Path], status: int, code: str, said: str
):
    hub.refuse(status, code)
    with pytest.raises(ModelError, match=f"model owner/model.*{said}"):
        fetch("owner/model", tmp_path, "v1")


def test_a_tokenizer_needs_no_weights(object_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from posttraining import storage

    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    storage._s3.cache_clear()
    write_tiny_model(tmp_path / "model")
    uri = f"s3://{object_store.bucket}/models/{tmp_path.name}-whole"
    storage.upload_folder(tmp_path / "model", uri)
    fetched = {file.name for file in fetch_tokenizer(uri, tmp_path / "tokenizer").iterdir()}
    assert {"config.json", "tokenizer.json", "chat_template.jinja"} <= fetched
    assert "model.safetensors" not in fetched
    assert fetch_tokenizer((tmp_path / "model").as_uri(), tmp_path / "none") == tmp_path / "model"
    with pytest.raises(ModelError, match="no files below it"):
        fetch_tokenizer(f"s3://{object_store.bucket}/nowhere", tmp_path / "x")


def test_only_registered_models_have_a_lineage(tmp_path: Path):
    assert read_lineage("tiny:llama") is None
    assert read_lineage("owner/model") is None
    assert read_lineage(tmp_path.as_uri()) is None
