"""Runs a training job in this process: alone, or as one of the processes that torchrun started."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from posttraining.chat_arguments import with_chat_arguments
from posttraining.checkpoints import CheckpointStore
from posttraining.data.features import dataset_of
from posttraining.library_imports import lean_imports
from posttraining.methods import method_of
from posttraining.trainers.adapters import adapter_configuration, quantization
from posttraining.trainers.arguments import training_arguments
from posttraining.trainers.chat_template import processing_class
from posttraining.trainers.checkpointed_adapters import adapters_seen_through_wrappers
from posttraining.trainers.job import TrainingJob
from posttraining.trainers.precision import numbers_of, prepare, references_in_their_format, round_weights
from posttraining.trainers.processor_sharding import sharding_on_processors
from posttraining.trainers.reference import references_sharded_by_layer
from posttraining.trainers.saving import save_trained
from posttraining.trainers.training_templates import training_templates_known


def run_training(job: TrainingJob) -> None:
    """Trains, and has the first process write model (or adapter) and tokenizer to `job.output`."""
    # Every model and dataset is a local file by now; asking the hub about each would only cost time.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with lean_imports():
        from transformers import PrinterCallback

        from posttraining.trainers.callbacks import CheckpointCallback, ProgressCallback

        trainer_module = import_module(f"trl.trainer.{job.recipe['method']}_trainer")
    # In a file that the node's processes share: what one has tokenised, or computed with the reference model, all read.
    dataset = dataset_of(Path(job.examples), Path(job.scratch) / "datasets")
    numbers = numbers_of(job.recipe, job.plan)
    with (
        references_in_their_format(trainer_module, numbers),
        references_sharded_by_layer(trainer_module, numbers),
        training_templates_known(trainer_module),
        sharding_of(job),
    ):
        trainer = _trainer(job, with_chat_arguments(dataset, job.recipe))
    prepare(trainer, job.recipe, job.plan)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressCallback(job))
    store = CheckpointStore.of_this_task(node=job.node, nodes=job.nodes)
    if store is not None:
        trainer.add_callback(CheckpointCallback(job, store))
    _require_planned_processes(job, trainer)
    finish_observing = _observe(job, trainer)
    with nullcontext() if job.recipe["trainable"]["kind"] == "full" else adapters_seen_through_wrappers():
        trainer.train(resume_from_checkpoint=job.resume_from)
        round_weights(trainer, numbers)
        save_trained(trainer, Path(job.output))
    finish_observing()


def _observe(job: TrainingJob, trainer: Any) -> Callable[[], None]:
    """Has a rehearsal watch the training, and kill it where it says so; in all other runs it does nothing.

    Returns:
        What is to be done once the model is saved.
    """
    from posttraining.trainers.interruption import interruption_of

    observer = None
    if os.environ.get("POSTTRAINING_OBSERVE"):
        from posttraining.rehearsal.observation import observe

        observer = observe(trainer, job)
    interruption = interruption_of(job.attempt)
    if interruption is not None:
        trainer.add_callback(interruption)

    def finish() -> None:
        if observer is not None:
            from posttraining.rehearsal.uninterrupted import train_uninterrupted

            observer.finish()
            train_uninterrupted(job)

    return finish


def sharding_of(job: TrainingJob) -> AbstractContextManager[None]:
    """What must hold while the trainer is made, so that it shards as planned."""
    return sharding_on_processors() if job.shards_on_processors else nullcontext()


def _trainer(job: TrainingJob, dataset: Any) -> Any:
    """TRL's trainer of the method, `<label>Trainer` with its `<label>Config`."""
    import trl

    method, trainable = method_of(job.recipe), job.recipe["trainable"]
    own = method.arguments(job.recipe, job, tuple(dataset.column_names))
    return getattr(trl, f"{method.label}Trainer")(
        model=job.model,
        args=getattr(trl, f"{method.label}Config")(**training_arguments(job), **own),
        train_dataset=dataset,
        processing_class=processing_class(job.recipe, Path(job.model)),
        peft_config=adapter_configuration(trainable, Path(job.model)),
        quantization_config=quantization(trainable),
        **method.trainer_arguments(job.recipe),
    )


def _require_planned_processes(job: TrainingJob, trainer: Any) -> None:
    """Fails where what was planned did not come about, rather than training slower, or several times the same.

    Without a usable GPU torchrun's processes stay apart and each trains alone; and where accelerate does not support
    FSDP, it falls back to copies of all states in every process without a word.
    """
    import torch
    from accelerate.utils import DistributedType

    gpus, processes = job.plan["gpusPerNode"], job.nodes * job.processes_per_node
    if gpus > torch.cuda.device_count():
        raise RuntimeError(f"the plan has {gpus} GPUs on each node, but torch sees {torch.cuda.device_count()} here")
    if trainer.args.world_size != processes:
        raise RuntimeError(f"the plan has {processes} processes, but {trainer.args.world_size} have joined")
    kind = trainer.accelerator.distributed_type
    if job.plan["sharding"] == "fsdp2" and processes > 1 and kind != DistributedType.FSDP:
        raise RuntimeError(f"the plan shards with FSDP2, but accelerate chose {kind.value}: states would be replicated")
