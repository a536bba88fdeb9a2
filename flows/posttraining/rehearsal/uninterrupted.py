"""The same training once more, without a kill, in the processes that have just ended the resumed one: importing takes longer."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from posttraining.rehearsal.observation import VARIABLE
from posttraining.trainers.job import TrainingJob

FOLDER = "uninterrupted"

# What would have it take part in the run: its checkpoints are nobody's.
_TASK_VARIABLES = ("METAFLOW_CHECKPOINT_UID",)


def train_uninterrupted(job: TrainingJob) -> None:
    """Trains a job from its beginning, observed beside the attempts of the run; once, after an attempt that went on."""
    root = os.environ[VARIABLE]
    if job.attempt == 0 or Path(root).name == FOLDER:
        return
    from posttraining.trainers.run import run_training

    scratch = Path(job.scratch) / FOLDER
    scratch.mkdir(exist_ok=True)
    hidden = {name: os.environ.pop(name) for name in _TASK_VARIABLES if name in os.environ}
    os.environ[VARIABLE] = str(Path(root) / FOLDER)
    try:
        run_training(replace(job, scratch=str(scratch), output=str(scratch / "output"), resume_from=None))
    finally:
        os.environ.update(hidden)
        os.environ[VARIABLE] = root
