from collections.abc import Mapping, Sequence

from metaflow.cards import Card

class Parallel:
    """Of a task that is one of several: its own number, and how many there are."""

    node_index: int
    num_nodes: int

class TorchRun:
    """Of metaflow-torchrun."""

    def run(
        self, *, torchrun_args: Mapping[str, str], nproc_per_node: int, entrypoint: str, entrypoint_args: Sequence[str]
    ) -> None: ...

class Current:
    """What a task knows of itself; in a task none of it is missing."""

    flow_name: str
    run_id: str
    retry_count: int
    parallel: Parallel
    card: CardOfStep
    torch: TorchRun

class CardOfStep(Card):
    """The step's cards by their ids; itself the only one where a step has one."""

    def __getitem__(self, card_id: str) -> Card: ...

current: Current
