"""What a rehearsal has seen, read from the files that `observation.py` wrote and that the run left; nothing is judged here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

Weights = dict[str, "Tensor"]


@dataclass(frozen=True)
class Forward:
    """One forward pass of the first step, as the loss saw it."""

    input_ids: Tensor
    labels: Tensor
    log_probs: Tensor
    """Of shape (rows, tokens - 1): of each token but the first."""
    attention_mask: Tensor | None = None
    position_ids: Tensor | None = None


@dataclass(frozen=True)
class Attempt:
    """One training, from its begin or a checkpoint to its end."""

    facts: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    weights: dict[str, Weights] = field(default_factory=dict)
    """By moment: `begin`, `step-<n>`, `end`."""
    forwards: list[Forward] = field(default_factory=list)
    """Of the model that is trained, all processes'."""
    reference_forwards: list[Forward] = field(default_factory=list)
    """Of the model that it is held against, where the method has one."""
    rows: list[dict[str, list[int]]] = field(default_factory=list)
    """The first examples as the trainer has tokenised them."""
    examples: list[dict[str, Any]] = field(default_factory=list)
    """The first examples as the trainer was given them."""


@dataclass(frozen=True)
class Saved:
    """A model in a folder."""

    folder: Path

    @cached_property
    def weights(self) -> Weights:
        """Its weights by name; none where it has no weights."""
        return read_weights(self.folder, "model*.safetensors")

    @cached_property
    def adapter(self) -> Weights:
        """The weights of its adapter by name, with those of a folder `adapter` below it."""
        return read_weights(self.folder, "adapter_model*.safetensors")

    @property
    def files(self) -> set[str]:
        """Names of its files."""
        return {file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()}


@dataclass(frozen=True)
class Evidence:
    """Everything that the invariants look at."""

    recipe: Recipe
    plan: Plan
    base: Saved
    model: Saved | None
    """What the run registered; None if it registered nothing."""
    killed: Attempt | None
    resumed: Attempt | None
    whole: Attempt | None
    """The same training once more, not interrupted."""
    trained: Saved | None
    """What the trainer wrote: the model, or the adapter."""
    lineage: dict[str, Any] | None


def read_attempt(folder: Path) -> Attempt | None:
    """An attempt's observations; None where there are none."""
    if not (folder / "facts.json").is_file():
        return None
    return Attempt(
        facts=json.loads((folder / "facts.json").read_text()),
        history=_read_lines(folder / "history.jsonl"),
        weights={
            file.stem.removeprefix("weights-"): _read(file) for file in sorted(folder.glob("weights-*.safetensors"))
        },
        forwards=list(_forwards(folder, "policy")),
        reference_forwards=list(_forwards(folder, "reference")),
        rows=json.loads((folder / "rows.json").read_text()) if (folder / "rows.json").is_file() else [],
        examples=_read_lines(folder / "examples.jsonl"),
    )


def _forwards(folder: Path, kind: str) -> Iterator[Forward]:
    for file in sorted(folder.glob(f"forward-{kind}-*.safetensors")):
        tensors = _read(file)
        tensors.pop("label_mask", None)
        yield Forward(**tensors)


def read_weights(folder: Path, pattern: str) -> Weights:
    """All weights in the files of a folder that fit a pattern."""
    found: Weights = {}
    for file in sorted(folder.glob(pattern)):
        found |= _read(file)
    return found


def _read(file: Path) -> Weights:
    from safetensors.torch import load_file

    return load_file(file)


def _read_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
