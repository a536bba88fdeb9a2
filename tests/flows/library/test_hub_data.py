"""Data sets on the hub, in the form in which its client finds them: a folder of their name."""

import json
from pathlib import Path
from typing import Any

import pytest

from posttraining import examples
from posttraining.data.hub import commit_of, licence_of, rows_of_hub
from posttraining.examples import load_examples
from posttraining.methods.columns import DatasetError
from recipes import recipe

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def data(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `owner/data`."""
    from datasets import config

    folder = tmp_path / "owner" / "data"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return folder


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(scratch: Path, split: str = "train", first: int | None = None) -> list[dict[str, Any]]:
    rows = rows_of_hub("owner/data", None, split, None, first, scratch)
    return [rows.row(number) for number in range(rows.count())]


def test_json_is_read_as_it_is_written(data: Path, tmp_path: Path):
    """The library alone takes the text for a date, and gives every row the keys of all."""
    written = [
        {"prompt": "Date?", "completion": "2024-01-01", "n": "007"},
        {"prompt": "?", "completion": "1", "m": None},
    ]
    (data / "train.jsonl").write_text(lines(*written))
    assert read(tmp_path / "scratch") == written
    (data / "train.jsonl").unlink()
    (data / "train.json").write_text(json.dumps(written))
    assert read(tmp_path / "scratch") == written


def test_other_files_are_tables_and_only_what_is_needed_is_read_of_a_stream(data: Path, tmp_path: Path):
    (data / "train.csv").write_text("prompt,completion\na,b\nc,d\ne,f\n")
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}, {"prompt": "e", "completion": "f"}]
    assert read(tmp_path / "scratch") == rows
    assert read(tmp_path / "scratch", first=2) == rows[:2]
    assert read(tmp_path / "scratch", split="train[:1]") == rows[:1]


def test_what_is_not_there_is_named_with_its_cause(data: Path, tmp_path: Path):
    (data / "train.csv").write_text("prompt,completion\na,b\n")
    with pytest.raises(DatasetError, match='owner/data cannot be read from the hub: Unknown split "test"'):
        read(tmp_path / "scratch", split="test")
    (data / "train.csv").unlink()
    with pytest.raises(DatasetError, match="owner/data cannot be read from the hub: "):
        read(tmp_path / "scratch")


def test_what_was_read_is_kept_by_its_commit(hub, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hub.answers["/api/datasets/owner/data/revision/v1"] = {"id": "owner/data", "sha": COMMIT}
    (data / "train.jsonl").write_text(lines({"text": "1"}, {"text": "2"}))
    root = (tmp_path / "store").as_uri()

    def load(**dataset: Any):
        return load_examples(recipe(dataset={"source": "owner/data", "revision": "v1", **dataset}), root)

    first = load()
    assert (first.revision, first.count) == (COMMIT, 2)

    def read_again(*_: object) -> None:
        raise DatasetError("read again")

    monkeypatch.setattr(examples, "rows_of_hub", read_again)
    assert load() == first
    with pytest.raises(DatasetError, match="read again"):
        load(limit=1)
    (tmp_path / "store" / first.uri.rpartition("/")[2]).unlink()
    with pytest.raises(DatasetError, match="read again"):
        load()


def test_commits_and_licences_are_the_hubs_words(hub):
    assert commit_of("owner/data", COMMIT) == COMMIT
    assert commit_of("owner/data", "main") is None
    hub.answers["/api/datasets/owner/data"] = {"id": "owner/data", "sha": COMMIT, "tags": ["license:mit", "size:1K"]}
    hub.answers["/api/models/owner/model"] = {"id": "owner/model", "tags": []}
    assert commit_of("owner/data", None) == COMMIT
    assert licence_of("dataset", "owner/data") == "owner/data has the licence mit"
    assert licence_of("model", "owner/model") == "owner/model states no licence"
    assert licence_of("model", "owner/other") is None
