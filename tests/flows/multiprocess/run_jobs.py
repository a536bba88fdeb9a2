"""Runs training jobs one after the other in this process, which torchrun may have started beside others.

    python run_jobs.py JOB... | torchrun --nproc_per_node=2 run_jobs.py --shard JOB...

Every job goes through the project's own `run_training`. Beside each job's output the first process leaves `observed.json`: how many
parameters there were during training, and how many of them were sharded; the share of a reference model's weights that the
largest of its units gathers at once. With `--shard` the first job is also tried as accelerate alone would run it;
what it then says is left in `refusal.txt`.
"""

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from posttraining.trainers import run
from posttraining.trainers.job import TrainingJob
from posttraining.trainers.run import run_training


def main(arguments: list[str]) -> None:
    """Runs the jobs in `arguments`."""
    shards = arguments[0] == "--shard"
    jobs = [TrainingJob.read(Path(name)) for name in arguments[shards:]]
    first_process = os.environ.get("RANK", "0") == "0"
    if shards:
        refusal = _refusal(jobs[0])
        if first_process:
            Path(jobs[0].scratch, "refusal.txt").write_text(refusal)
    observed = _observe_parameters()
    for job in jobs:
        observed.clear()
        run_training(job)
        if first_process:
            Path(job.scratch, "observed.json").write_text(json.dumps(observed))


def _refusal(job: TrainingJob) -> str:
    with mock.patch.object(run, "sharding_of", lambda _job: nullcontext()):
        try:
            run_training(job)
        except RuntimeError as error:
            return str(error)
    return ""


def _observe_parameters() -> dict[str, float]:
    """Adds a callback to all trainers made from now on; it counts in the dictionary that this returns."""
    from torch.distributed.tensor import DTensor
    from transformers import TrainerCallback, trainer

    observed: dict[str, float] = {}

    class Observer(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            parameters = list(kwargs["model"].parameters())
            observed["parameters"] = len(parameters)
            observed["sharded"] = sum(isinstance(each, DTensor) for each in parameters)
            observed["elements"] = sum(each.numel() for each in parameters)
            observed["elementsHere"] = sum(
                each.to_local().numel() if isinstance(each, DTensor) else each.numel() for each in parameters
            )

    # Its type is that of its only entry; any callback may stand in it.
    default_callbacks: list[Any] = trainer.DEFAULT_CALLBACKS
    default_callbacks.append(Observer)
    made = run._trainer

    def make(*arguments):
        made_trainer = made(*arguments)
        reference = getattr(made_trainer, "ref_model", None)
        if reference is not None:
            observed["referenceUnit"] = _largest_unit(reference)
        return made_trainer

    run._trainer = make
    return observed


def _largest_unit(model) -> float:
    """The share of the model's weights that are gathered together; 1 where it is not split into units."""
    from torch.distributed.fsdp import FSDPModule

    units = [
        sum(parameter._orig_size.numel() for parameter in group.fsdp_params)
        for module in model.modules()
        if isinstance(module, FSDPModule)
        for group in module._get_fsdp_state()._fsdp_param_groups
    ]
    return max(units) / sum(units) if units else 1.0


if __name__ == "__main__":
    main(sys.argv[1:])
