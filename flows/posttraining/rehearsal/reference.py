"""What the base model says of the first batch when it is asked plainly: one example at a time, unpacked, unsharded, in float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posttraining.rehearsal.evidence import Attempt, Forward

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Comparison:
    """The log-probabilities of one forward pass, beside those of the reference."""

    trained: Tensor
    """One number for each token that the loss counts."""
    reference: Tensor
    crossing: int = 0
    """Tokens of the loss that begin an example: nothing before them tells of them."""


def compare_forwards(model: Any, attempt: Attempt, temperature: float = 1.0) -> list[Comparison]:
    """Asks the reference for every token that the first step's loss counted.

    Args:
        model: the base model, whole, in float32.
        attempt: what was seen of the training's first step.
        temperature: what the trainer divides logits by.
    """
    return [_compare(model, forward, attempt.rows, temperature) for forward in attempt.forwards]


def _compare(model: Any, forward: Forward, rows: Sequence[dict[str, list[int]]], temperature: float) -> Comparison:
    import torch

    trained, reference, crossing = [], [], 0
    for number in range(forward.input_ids.shape[0]):
        counted = forward.labels[number] != -100
        starts = set()
        for start, end in examples_in_row(forward, number, rows):
            starts.add(start)
            with torch.no_grad():
                ids = forward.input_ids[number, start:end]
                logits = model(input_ids=ids[None]).logits[0].float() / temperature
            said = torch.log_softmax(logits[:-1], dim=-1).gather(1, ids[1:, None])[:, 0]
            here = counted[start + 1 : end]
            reference.append(said[here])
            trained.append(forward.log_probs[number, start : end - 1].float()[here])
        crossing += sum(bool(counted[start]) for start in starts if start > 0)
    return Comparison(torch.cat(trained), torch.cat(reference), crossing)


def examples_in_row(forward: Forward, number: int, rows: Sequence[dict[str, list[int]]]) -> list[tuple[int, int]]:
    """Where each example of a row begins and ends.

    A row of several is cut as the trainer's own packed examples say (`seq_lengths`), whatever the model was told of it.
    """
    ids = forward.input_ids[number].tolist()
    if forward.attention_mask is not None and forward.attention_mask.dim() == 2:
        places = forward.attention_mask[number].nonzero()[:, 0].tolist()
        return [(places[0], places[-1] + 1)] if places else []
    if forward.position_ids is None and not rows:
        return [(0, len(ids))]
    found, start = [], 0
    while start < len(ids):
        row = next((row for row in rows if _is_at(row.get("input_ids"), ids, start)), None)
        lengths = [len(ids) - start] if row is None else row.get("seq_lengths") or [len(row["input_ids"])]
        if row is None and forward.position_ids is not None:
            lengths = [_until_next_start(forward.position_ids[number].tolist(), start)]
        for length in lengths:
            found.append((start, start + length))
            start += length
    return found


def _is_at(part: list[int] | None, ids: list[int], start: int) -> bool:
    return bool(part) and ids[start : start + len(part)] == part


def _until_next_start(positions: list[int], start: int) -> int:
    rest = positions[start + 1 :]
    return rest.index(0) + 1 if 0 in rest else len(positions) - start
