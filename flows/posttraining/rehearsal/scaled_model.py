"""The base model, scaled down: its own architecture and tokenizer kind, a small configuration, random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posttraining.contracts.rehearsal_request import RehearsalShape
from posttraining.rehearsal.families import family_of, is_stand_in
from posttraining.rehearsal.problems import RehearsalError
from posttraining.rehearsal.scaled_configuration import scaled_configuration
from posttraining.rehearsal.tokenizer import write_known_tokenizer, write_learnt_tokenizer

_TOKENIZER_FILES = (
    "*token*",
    "chat_template*",
    "vocab*",
    "merges.txt",
    "*.model",
    "*processor*",
    "generation_config.json",
)


class Origin:
    """What stands in for the base model."""

    def __init__(self, architecture: str, known_from: str, replaced: str | None) -> None:
        self.architecture = architecture
        self.known_from = known_from
        self.replaced = replaced
        """What of it only behaves like the publisher's; None if nothing."""


def write_scaled_model(
    model: str, revision: str | None, shape: RehearsalShape | None, texts: Sequence[str], folder: Path, use_hub: bool
) -> Origin:
    """Writes a small model of the same architecture into `folder`, in bfloat16 as models are published.

    Args:
        model: hub id, or a folder (`file:///`).
        revision: of the hub id.
        shape: the planner's, for where no config.json can be had.
        texts: what its tokenizer learns its words from.
        folder: where it goes.
        use_hub: whether config.json and the tokenizer's files may be fetched. Weights never are.

    Raises:
        RehearsalError: if the architecture is not known, or cannot be made small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    published = published_files(model, revision, use_hub)
    if published is not None:
        configuration = json.loads((published / "config.json").read_text(encoding="utf-8"))
        write_learnt_tokenizer(published, texts, folder)
        _copy_processor(published, folder)
        replaced = None
        known_from = f"its config.json ({published})"
    else:
        family = family_of(model)
        if shape is None:
            raise RehearsalError(
                f"model.shape: the planner's table has no shape of {model}, and its config.json cannot be had: let the "
                "rehearsal reach the hub, or name a model of the table that has the same shape"
            )
        configuration = family["config"] | _configuration_of_shape(shape)
        write_known_tokenizer(family, texts, folder)
        replaced = "chat template" if is_stand_in(family) else None
        known_from = "the planner's table and families.json"
    return Origin(_write_weights(configuration, folder, model), known_from, replaced)


def published_files(model: str, revision: str | None, use_hub: bool) -> Path | None:
    """Folder with a model's config.json and tokenizer files; None where they can be had neither here nor from the hub."""
    if model.startswith("file://"):
        from posttraining.models import fetch_model

        return fetch_model(model, Path("unused"))
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["config.json", *_TOKENIZER_FILES]
    for local in (True, False) if use_hub else (True,):
        try:
            found = Path(snapshot_download(model, revision=revision, allow_patterns=patterns, local_files_only=local))
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
            continue
        if (found / "config.json").is_file() and any(found.glob("*token*")):
            return found
    return None


def _configuration_of_shape(shape: RehearsalShape) -> dict[str, Any]:
    known: dict[str, Any] = {
        "num_hidden_layers": shape["layers"],
        "hidden_size": shape["hidden"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["keyValueHeads"],
        "head_dim": shape["headDimension"],
        "intermediate_size": shape["intermediate"],
        "tie_word_embeddings": shape["tiedEmbeddings"],
    }
    if "experts" in shape:
        known |= {
            "num_experts": shape["experts"]["total"],
            "num_experts_per_tok": shape["experts"]["active"],
            "moe_intermediate_size": shape["intermediate"],
        }
    return known


def _copy_processor(published: Path, folder: Path) -> None:
    for file in published.glob("*processor*.json"):
        (folder / file.name).write_bytes(file.read_bytes())


def _write_weights(published: dict[str, Any], folder: Path, model: str) -> str:
    """Random weights; the same ones every time."""
    import torch
    import transformers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    configuration = scaled_configuration(published, tokenizer, model)
    architecture = (published.get("architectures") or [None])[0]
    made = getattr(transformers, architecture or "", None)
    if made is None:
        raise RehearsalError(
            f"model.base: {model} has the architecture {architecture}, which transformers {transformers.__version__} does "
            "not have: choose a model that it knows, or update flows/pyproject.toml"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = made._from_config(configuration, dtype=torch.float32)
    for name, parameter in weights.named_parameters():
        if parameter.dim() > 1:
            # With the usual 0.02 a small model's layers add next to nothing: what one of them does wrong would not show.
            parameter.data.mul_(_GAIN if "embed" not in name else 1.0)
    weights.to(torch.bfloat16).save_pretrained(folder)
    return str(architecture)


_GAIN = 2.0
