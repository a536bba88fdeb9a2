"""Has PEFT see an adapter's weights where FSDP2 recomputes activations.

accelerate puts a `CheckpointWrapper` around each layer whose activations are recomputed. It stands in the names of modules
(`...layers.0._checkpoint_wrapped_module.mlp...`), and torch leaves it out of the names in state dictionaries. PEFT 0.21.2
selects an adapter's weights from a state dictionary by the names of modules, finds none, and writes an empty adapter without
a word: what was trained is lost, and a checkpoint gives back the optimizer's moments with a new adapter
(docs/upstream/peft-checkpoint-wrapper.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WRAPPER = "_checkpoint_wrapped_module"
"""How torch names the module inside of its wrapper (`torch.distributed.algorithms._checkpoint.checkpoint_wrapper`)."""


def without_wrappers(name: str) -> str:
    """A module's or parameter's name as state dictionaries have it."""
    return ".".join(part for part in name.split(".") if part != WRAPPER)


@contextmanager
def adapters_seen_through_wrappers() -> Iterator[None]:
    """Has PEFT know an adapter's weights by both names inside: with the wrapper (modules) and without (state dictionaries)."""
    from peft.tuners import tuners_utils

    # PEFT's types leave it out, being internal.
    module: Any = tuners_utils
    original = module._get_tuner_state_dict_key_prefixes

    def prefixes(*arguments: Any, **named: Any) -> set[str]:
        found = original(*arguments, **named)
        return found | {without_wrappers(prefix) for prefix in found}

    module._get_tuner_state_dict_key_prefixes = prefixes
    try:
        yield
    finally:
        module._get_tuner_state_dict_key_prefixes = original
