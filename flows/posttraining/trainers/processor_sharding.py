"""Lets accelerate shard with FSDP2 over processes that compute on processors (gloo).

accelerate 1.15 chooses FSDP only for worlds of GPU-like devices (`AcceleratorState.__init__`): on processors it silently stays
with data parallelism, although FSDP2 itself runs there. This reaches into private state of accelerate;
`run._require_planned_processes` refuses a training whose states are not sharded as planned, so it cannot stop working unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def sharding_on_processors() -> Iterator[None]:
    """Has every accelerator that is made inside take FSDP where it was asked for."""
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType

    made_by_accelerate = AcceleratorState.__init__

    def __init__(self: Any, *arguments: Any, fsdp_plugin: Any = None, **named: Any) -> None:
        made_by_accelerate(self, *arguments, fsdp_plugin=fsdp_plugin, **named)
        if fsdp_plugin is None or self.distributed_type != DistributedType.MULTI_CPU:
            return
        self.distributed_type = DistributedType.FSDP
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP
        if self._mixed_precision != "no":
            fsdp_plugin.set_mixed_precision(self._mixed_precision)
        self.fsdp_plugin = fsdp_plugin

    AcceleratorState.__init__ = __init__
    try:
        yield
    finally:
        AcceleratorState.__init__ = made_by_accelerate
