"""Runs training jobs one after the other, each with a fault that is planted into the real libraries, and has each observed.

    torchrun --nproc_per_node=2 run_faulty_jobs.py FOLDER

`FOLDER/jobs.json` lists `{"job": file, "fault": name}`; a job's observations go into `observed` beside its file.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from posttraining.rehearsal.observation_variables import OBSERVE
from posttraining.trainers import precision, run, saving
from posttraining.trainers.job import TrainingJob


@contextmanager
def adapter_behind_wrappers() -> Iterator[None]:
    """PEFT as it is: torch's wrapper for recomputation hides the adapter's weights from it, and nobody looks."""
    with (
        patch.object(run, "adapters_seen_through_wrappers", nullcontext),
        patch.object(saving, "require_whole_adapter", lambda *_: None),
    ):
        yield


@contextmanager
def examples_see_each_other() -> Iterator[None]:
    """Packed examples are numbered on, so that attention takes them for one."""
    import torch
    from trl.trainer import sft_trainer

    collator = sft_trainer.DataCollatorForLanguageModeling
    call = collator.torch_call

    def numbered_on(self: Any, examples: Any) -> Any:
        batch = call(self, examples)
        batch["position_ids"] = torch.arange(batch["input_ids"].shape[1])[None]
        return batch

    with patch.object(collator, "torch_call", numbered_on):
        yield


@contextmanager
def casts_of_accelerate() -> Iterator[None]:
    """accelerate's own policy: whatever a unit of FSDP2 returns is cast to bfloat16."""
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    kind = torch.bfloat16
    policy = MixedPrecisionPolicy(param_dtype=kind, reduce_dtype=kind, output_dtype=kind)
    with patch.object(precision, "sharded_policy", lambda _: policy):
        yield


FAULTS: dict[str, Callable[[], Any]] = {
    "none": nullcontext,
    "adapter behind wrappers": adapter_behind_wrappers,
    "examples see each other": examples_see_each_other,
    "casts of accelerate": casts_of_accelerate,
}


def main(folder: Path) -> None:
    """Runs the jobs of a folder."""
    for entry in json.loads((folder / "jobs.json").read_text()):
        file = Path(entry["job"])
        os.environ[OBSERVE] = str(file.parent / "observed")
        with ExitStack() as planted:
            planted.enter_context(FAULTS[entry["fault"]]())
            run.run_training(TrainingJob.read(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
