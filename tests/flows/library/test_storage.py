from pathlib import Path

import pytest

from posttraining import storage


@pytest.fixture(params=["file", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return (tmp_path / "a folder with spaces").as_uri()
    store = request.getfixturevalue("object_store")
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    storage._s3.cache_clear()
    return f"s3://{store.bucket}/storage/{tmp_path.name}"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_a_folder_comes_back_as_it_was(root: str, tmp_path: Path):
    storage.upload_folder(write(tmp_path / "up", {"config.json": "{}", "shards/1.bin": "one"}), f"{root}/model")
    storage.download_folder(f"{root}/model", tmp_path / "down")
    assert (tmp_path / "down/config.json").read_text() == "{}"
    assert (tmp_path / "down/shards/1.bin").read_text() == "one"
    assert storage.list_files(f"{root}/model") == ["config.json", "shards/1.bin"]


def test_files_of_an_earlier_attempt_go(root: str, tmp_path: Path):
    storage.upload_folder(write(tmp_path / "first", {"a": "1", "b": "1"}), f"{root}/model")
    storage.write_bytes(f"{root}/model-of-another-name", b"stays")
    storage.upload_folder(write(tmp_path / "second", {"b": "2"}), f"{root}/model")
    assert storage.list_files(f"{root}/model") == ["b"]
    assert storage.read_bytes(f"{root}/model/b") == b"2"
    assert storage.read_bytes(f"{root}/model-of-another-name") == b"stays"


def test_a_file_is_replaced_and_a_missing_one_is_none(root: str):
    storage.write_bytes(f"{root}/pointer.json", b"1")
    storage.write_bytes(f"{root}/pointer.json", b"2")
    assert storage.read_bytes(f"{root}/pointer.json") == b"2"
    assert storage.read_bytes(f"{root}/nothing.json") is None


def test_a_file_comes_back_as_one_of_this_machine(root: str, tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text("{}")
    storage.upload_file(tmp_path / "rows.jsonl", f"{root}/data/rows.jsonl")
    found = storage.local_file(f"{root}/data/rows.jsonl", tmp_path / "scratch")
    assert found is not None
    assert found.read_text() == "{}"
    assert storage.local_file(f"{root}/data/others.jsonl", tmp_path / "scratch") is None


def test_a_prefix_without_files_is_named(root: str, tmp_path: Path):
    with pytest.raises(storage.StorageError, match="nothing-there"):
        storage.download_folder(f"{root}/nothing-there", tmp_path / "down")


@pytest.mark.parametrize("uri", ["gs://bucket/model", "s3://bucket", "s3:///model"])
def test_other_locations_are_refused(uri: str):
    with pytest.raises(storage.StorageError, match="must"):
        storage.read_bytes(uri)
