"""`python -m posttraining.trainers JOB`: what torchrun starts once for each process."""

import sys
from pathlib import Path

from posttraining.trainers.job import TrainingJob
from posttraining.trainers.run import run_training

run_training(TrainingJob.read(Path(sys.argv[1])))
