"""Models by reference: from the hub, an object store, a folder, or made here; always brought to a local folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from posttraining import storage, tiny_model
from posttraining.contracts.lineage import Lineage

LINEAGE_FILE = "lineage.json"
ADAPTER_FOLDER = "adapter"
"""Below a whole model's prefix: the adapter that was merged into it."""
ADAPTER_CONFIGURATION = "adapter_config.json"


class ModelError(ValueError):
    """A model reference that leads to no model; the message names it."""


@dataclass(frozen=True)
class AdaptedModel:
    """An adapter and the model that it is loaded with."""

    base: Path
    """Folder of a whole model."""
    adapter: Path
    """Folder of the adapter, with the tokenizer and the chat template that it was trained with."""
    base_reference: str
    """What the base is known by."""


def fetch_model(reference: str, folder: Path, revision: str | None = None) -> Path:
    """Brings a model's files to this machine. Into an adapter's base the adapter is merged.

    Args:
        reference: hub id (`owner/name`), `s3://` or `file:///` prefix, or `tiny:llama`.
        folder: where files are put that are not local already.
        revision: hub branch, tag or commit.

    Returns:
        A folder with `config.json`, weights and tokenizer files.

    Raises:
        ModelError: if there is no model behind the reference.
    """
    found = fetch_unmerged(reference, folder, revision)
    return found if isinstance(found, Path) else merge_fetched(found, folder)


def merge_fetched(found: AdaptedModel, folder: Path) -> Path:
    """Merges an adapter into its base, which were fetched into `folder`; gives the folder of the whole model."""
    from posttraining.trainers.merging import merge_adapter

    whole = folder / "whole model"
    merge_adapter(found.base, found.adapter, whole)
    # A copy that nobody reads any more may be as large as the disk has room for.
    if found.base.is_relative_to(folder):
        shutil.rmtree(_base_folder(folder))
    return whole


def fetch_unmerged(reference: str, folder: Path, revision: str | None = None) -> Path | AdaptedModel:
    """Brings a model's files to this machine as they were saved: a whole model, or an adapter alone beside its base.

    Args:
        reference: as for `fetch_model`.
        folder: where files are put that are not local already.
        revision: hub branch, tag or commit.

    Raises:
        ModelError: if there is no model behind the reference, or none behind what the adapter names as its base.
    """
    found = _fetch(reference, folder, revision)
    if (found / "config.json").is_file():
        # transformers would load both, and what is trained, merged or compared would be neither.
        if (found / ADAPTER_CONFIGURATION).is_file():
            raise ModelError(
                f"model {reference} is a whole model and an adapter at once: it has config.json and {ADAPTER_CONFIGURATION}; "
                "put the adapter's files into a folder of their own"
            )
        return found
    if not (found / ADAPTER_CONFIGURATION).is_file():
        raise ModelError(f"model {reference} has no config.json")
    return _with_base(reference, found, folder)


def fetch_adapter(reference: str, folder: Path) -> AdaptedModel | None:
    """Brings an adapter and its base to this machine, unmerged: to be served or looked at as it was trained.

    Args:
        reference: an adapter's, or that of a model that has its adapter beside it.
        folder: where files are put that are not local already.

    Returns:
        None where there is no adapter behind the reference.

    Raises:
        ModelError: if there is no model behind the reference, or none behind what the adapter names as its base.
    """
    found = _fetch(reference, folder, None)
    for adapter in (found, found / ADAPTER_FOLDER):
        if (adapter / ADAPTER_CONFIGURATION).is_file():
            return _with_base(reference, adapter, folder)
    return None


def _with_base(reference: str, adapter: Path, folder: Path) -> AdaptedModel:
    named = json.loads((adapter / ADAPTER_CONFIGURATION).read_text(encoding="utf-8"))
    base = named.get("base_model_name_or_path")
    if not base:
        raise ModelError(
            f"the adapter {reference} does not name its base (base_model_name_or_path in {ADAPTER_CONFIGURATION})"
        )
    try:
        whole = fetch_model(base, _base_folder(folder), named.get("revision"))
    except ModelError as error:
        raise ModelError(f"the base of the adapter {reference}: {error}") from error
    return AdaptedModel(base=whole, adapter=adapter, base_reference=base)


def _base_folder(folder: Path) -> Path:
    return folder / "base of adapter"


def _fetch(reference: str, folder: Path, revision: str | None) -> Path:
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
        found = _of_hub(reference, revision, ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"])
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
    if reference.startswith("tiny:"):
        return fetch_model(reference, folder, revision)
    if reference.startswith("file://"):
        return Path(unquote(urlparse(reference).path))
    if reference.startswith("s3://"):
        for name in storage.list_files(reference):
            if not name.endswith(_WEIGHTS):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(storage.read_bytes(storage.join(reference, name)) or b"")
        if not folder.is_dir():
            raise ModelError(f"model {reference}: there are no files below it")
        return folder
    return _of_hub(reference, revision, ["*.json", "*.jinja", "*.model", "*.txt"])


def _of_hub(reference: str, revision: str | None, patterns: list[str]) -> Path:
    """Files of a model on the hub; what it answers is said in words that tell what to do."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Path(snapshot_download(reference, revision=revision, allow_patterns=patterns))
    except GatedRepoError as error:
        raise ModelError(
            f"model {reference}: its owner does not let this run read it: accept its terms on the hub, and give the run an "
            "HF_TOKEN that may read it"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"model {reference} has no branch, tag or commit {revision} on the hub") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"model {reference}: there is none on the hub, or it is private: then give the run an HF_TOKEN that may read it"
        ) from error


def read_lineage(reference: str) -> Lineage | None:
    """What the registry recorded about a model; None for models that this project did not train."""
    if not reference.startswith(("s3://", "file://")):
        return None
    content = storage.read_bytes(storage.join(reference, LINEAGE_FILE))
    return None if content is None else json.loads(content)
