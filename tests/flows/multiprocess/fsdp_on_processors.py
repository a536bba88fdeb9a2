"""Lets accelerate shard with FSDP2 over processes that compute on processors (gloo). For tests alone.

accelerate 1.15 chooses FSDP only for worlds of GPU-like devices (`AcceleratorState.__init__`): on processors it silently stays
with data parallelism, although FSDP2 itself runs there. This patches private state of accelerate, so it may need a look when
accelerate is updated; the tests that use it assert that parameters are sharded, so it cannot stop working unnoticed.
"""

from typing import Any


def shard_on_processors() -> None:
    """Has every accelerator that is made from now on take FSDP where it was asked for."""
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
