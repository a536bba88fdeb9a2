"""Kills a training on purpose, as a lost node would, to see that the next attempt goes on from the last checkpoint.

`POSTTRAINING_INTERRUPT_AT_STEP=n`: the first attempt is killed after step n. Rehearsals and tests set it.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

VARIABLE = "POSTTRAINING_INTERRUPT_AT_STEP"


class Interruption(TrainerCallback):
    """Ends a node's first process without a chance to clean up, once its step is done."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Kills this process; torchrun then ends the others."""
        if state.global_step >= self._step and state.is_local_process_zero:
            print(f"This training is interrupted on purpose after step {state.global_step} ({VARIABLE}).", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)


def interruption_of(attempt: int) -> Interruption | None:
    """What interrupts this attempt; None where nothing does."""
    step = os.environ.get(VARIABLE)
    return Interruption(int(step)) if step and attempt == 0 else None
