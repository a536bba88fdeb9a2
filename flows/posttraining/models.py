"""Models by reference: from the hub, an object store, a folder, or made here; always brought to a local folder."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlparse

from posttraining import storage, tiny_model
from posttraining.contracts.lineage import Lineage

LINEAGE_FILE = "lineage.json"


class ModelError(ValueError):
    """A model reference that leads to no model; the message names it."""


def fetch_model(reference: str, folder: Path, revision: str | None = None) -> Path:
    """Brings a model's files to this machine.

    Args:
        reference: hub id (`owner/name`), `s3://` or `file:///` prefix, or `tiny:llama`.
        folder: where files are put that are not local already.
        revision: hub branch, tag or commit.

    Returns:
        A folder with `config.json`, weights and tokenizer files.

    Raises:
        ModelError: if there is no model behind the reference.
    """
    if reference.startswith("tiny:"):
        if reference != tiny_model.MODEL:
            raise ModelError(f"model {reference} is not known; the project makes {tiny_model.MODEL}")
        tiny_model.write_tiny_model(folder)
        found = folder
    elif reference.startswith("file://"):
        found = Path(unquote(urlparse(reference).path))
    elif reference.startswith("s3://"):
        try:
            storage.download_folder(reference, folder)
        except storage.StorageError as error:
            raise ModelError(f"model {reference}: {error}") from error
        found = folder
    else:
        from huggingface_hub import snapshot_download

        found = Path(
            snapshot_download(
                reference, revision=revision, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
            )
        )
    if not (found / "config.json").is_file():
        raise ModelError(f"model {reference} has no config.json")
    return found


# Files without which a model's tokenizer can be had all the same.
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")


def fetch_tokenizer(reference: str, folder: Path, revision: str | None = None) -> Path:
    """Brings a model's configuration, tokenizer and processor files to this machine, without its weights.

    Args:
        reference: as for `fetch_model`.
        folder: where files are put that are not local already.
        revision: hub branch, tag or commit.

    Raises:
        ModelError: if there is no model behind the reference.
    """
    if reference.startswith(("tiny:", "file://")):
        return fetch_model(reference, folder, revision)
    if reference.startswith("s3://"):
        for name in storage.list_files(reference):
            if not name.endswith(_WEIGHTS):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(storage.read_bytes(storage.join(reference, name)) or b"")
        if not folder.is_dir():
            raise ModelError(f"model {reference}: there are no files below it")
        return folder
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.jinja", "*.model", "*.txt"]
    return Path(snapshot_download(reference, revision=revision, allow_patterns=patterns))


def read_lineage(reference: str) -> Lineage | None:
    """What the registry recorded about a model; None for models that this project did not train."""
    if not reference.startswith(("s3://", "file://")):
        return None
    content = storage.read_bytes(storage.join(reference, LINEAGE_FILE))
    return None if content is None else json.loads(content)
