"""Checkpoints in Metaflow's datastore, from which a retried task goes on.

On top of `@checkpoint` (metaflow-checkpoint): several nodes each save what their own processes wrote, and a step counts
only if every node has saved it.
"""

from __future__ import annotations

import os
from pathlib import Path

# Set by `@checkpoint` for the task's process and inherited by the processes it starts.
_TASK_VARIABLE = "METAFLOW_CHECKPOINT_UID"


class CheckpointStore:
    """Checkpoints of the running Metaflow task, all its attempts."""

    def __init__(self, node: int, nodes: int) -> None:
        from metaflow import Checkpoint

        self._node, self._nodes = node, nodes
        # One object for all saves: a new one would count versions from zero and overwrite.
        self._checkpoint = Checkpoint()

    @staticmethod
    def of_this_task(node: int = 0, nodes: int = 1) -> CheckpointStore | None:
        """The running task's store; None outside of a task with `@checkpoint`."""
        return CheckpointStore(node, nodes) if _TASK_VARIABLE in os.environ else None

    def save(self, folder: Path, step: int) -> None:
        """Stores this node's part of the checkpoint of a step."""
        self._checkpoint.save(str(folder), name=_name(self._node), metadata={"step": step, "nodes": self._nodes})

    def load_latest(self, folder: Path) -> int | None:
        """Puts all nodes' parts of the last complete checkpoint into `folder`.

        Returns:
            The checkpoint's step; None if no step was saved by every node.
        """
        saved: dict[int, dict[str, dict]] = {}
        for found in self._checkpoint.list():
            if found["metadata"].get("nodes") == self._nodes:
                saved.setdefault(found["metadata"]["step"], {})[found["name"]] = found
        complete = [step for step, parts in saved.items() if len(parts) == self._nodes]
        if not complete:
            return None
        step = max(complete)
        for part in saved[step].values():
            self._checkpoint.load(part, path=str(folder))
        return step


def _name(node: int) -> str:
    return f"node{node}"
