from pathlib import Path

import pytest

from posttraining.models import ModelError, fetch_model, read_lineage
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


def test_only_registered_models_have_a_lineage(tmp_path: Path):
    assert read_lineage("tiny:llama") is None
    assert read_lineage("owner/model") is None
    assert read_lineage(tmp_path.as_uri()) is None
