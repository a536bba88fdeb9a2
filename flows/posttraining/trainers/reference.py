"""Shards a reference model layer by layer, as accelerate shards the policy.

TRL 1.16 (`trl.models.utils.prepare_fsdp`) makes the whole reference one unit of FSDP2: every pass would gather all its weights
on each GPU at once, 141 GB for a model of 70B. Nor does it give processes their shards of what the first process alone has
loaded (`cpu_ram_efficient_loading`). accelerate's `fsdp2_prepare_model` does both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from posttraining.trainers.precision import Numbers, mend_sharded_casts


def shard_reference(model: Any, accelerator: Any, numbers: Numbers) -> Any:
    """Shards a model that is only evaluated; takes the place of TRL's `prepare_fsdp`."""
    from accelerate.utils.fsdp_utils import fsdp2_prepare_model

    mend_sharded_casts(accelerator, numbers)

    # Weights that nobody trains stay in the type in which they were loaded.
    model.requires_grad_(False)
    return fsdp2_prepare_model(accelerator, model).eval()


@contextmanager
def references_sharded_by_layer(module: Any, numbers: Numbers) -> Iterator[None]:
    """Has trainers of TRL's module that are made inside shard their reference by `shard_reference`."""
    if not hasattr(module, "prepare_fsdp"):
        yield
        return
    original = module.prepare_fsdp
    module.prepare_fsdp = lambda model, accelerator: shard_reference(model, accelerator, numbers)
    try:
        yield
    finally:
        module.prepare_fsdp = original
