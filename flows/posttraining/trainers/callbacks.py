"""What happens while a trainer runs: progress lines, the history for the card, checkpoints in the store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch.distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from posttraining import progress
from posttraining.checkpoints import CheckpointStore
from posttraining.trainers.job import TrainingJob
from posttraining.training_metrics import metric_name, shown_metrics


class ProgressCallback(TrainerCallback):
    """Writes what the first process logs as progress lines and into the history."""

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._began = time.monotonic()
        self._first_step = 0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Starts the clock; a resumed training also takes over what was logged up to its checkpoint."""
        self._began, self._first_step = time.monotonic(), state.global_step
        if state.is_world_process_zero:
            for logs in state.log_history:
                if "loss" in logs:
                    progress.append_history(self._job.history, _numbers(logs))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """One line for each of the trainer's logs that carries a loss; its last log, a summary, has none."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        entry = _numbers({**logs, "step": state.global_step})
        progress.append_history(self._job.history, entry)
        done = state.global_step - self._first_step
        each = (time.monotonic() - self._began) / max(done, 1)
        progress.report(
            "train",
            state.global_step,
            state.max_steps,
            each * (state.max_steps - state.global_step),
            loss=entry["loss"],
            metric={name: entry[name] for name in shown_metrics(self._job.recipe) if name in entry},
        )


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {metric_name(key): float(value) for key, value in logs.items() if isinstance(value, int | float)}


class CheckpointCallback(TrainerCallback):
    """Copies each checkpoint of the trainer to the run's store; every node copies what its own processes wrote."""

    def __init__(self, job: TrainingJob, store: CheckpointStore) -> None:
        self._job, self._store = job, store

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The last checkpoint stays on the node: the finished model follows it."""
        if state.global_step >= state.max_steps:
            return
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        if state.is_local_process_zero:
            folder = Path(self._job.scratch) / f"checkpoint-{state.global_step}"
            self._store.save(folder, step=state.global_step)
