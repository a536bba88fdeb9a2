"""A training job: everything that a training process needs to know, as a file that torchrun's processes read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.plans import processes_per_node


@dataclass(frozen=True)
class TrainingJob:
    """One training. Folders are local to the node."""

    recipe: Recipe
    plan: Plan
    model: str
    """Folder with the base model."""
    examples: str
    """File with the training examples, JSON lines."""
    output: str
    """Folder for the trained model: whole weights, or an adapter where the recipe trains one."""
    scratch: str
    """Folder for checkpoints and the training history."""
    node: int = 0
    nodes: int = 1
    """Nodes that train; a node that only generates is not counted."""
    resume_from: str | None = None
    """Folder with the checkpoint to go on from."""
    generation_server: str | None = None
    """Host of the vLLM server that GRPO generates with."""
    attempt: int = 0
    """Earlier attempts of the task that trains."""

    @property
    def processes_per_node(self) -> int:
        """One for each GPU; without GPUs as many as the plan says."""
        return processes_per_node(self.plan)

    @property
    def shards_on_processors(self) -> bool:
        """Whether FSDP2 spreads states over processes that compute on processors."""
        processes = self.nodes * self.processes_per_node
        return self.plan["gpusPerNode"] == 0 and self.plan["sharding"] == "fsdp2" and processes > 1

    @property
    def history(self) -> Path:
        """File with what the trainer logged, one JSON object a line."""
        return Path(self.scratch) / "history.jsonl"

    def write(self, file: Path) -> None:
        """Writes the job for other processes."""
        file.write_text(json.dumps(asdict(self)))

    @staticmethod
    def read(file: Path) -> TrainingJob:
        """Reads what `write` wrote."""
        return TrainingJob(**json.loads(file.read_text()))
