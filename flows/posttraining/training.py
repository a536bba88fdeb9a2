"""One node's part of a training: bring the base model here, train in one process or several, upload the model."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from metaflow import current

from posttraining import generation_server, models, progress, registry
from posttraining.cards import live_training_card
from posttraining.checkpoints import CheckpointStore
from posttraining.contracts.run_document import RunDocument
from posttraining.examples import Examples
from posttraining.finished_model import Finished, finish_model
from posttraining.library_imports import library_on_path
from posttraining.trainers.adapters import require_adaptable
from posttraining.trainers.job import TrainingJob

if TYPE_CHECKING:
    from metaflow.cards import Card


class Training(TypedDict):
    """What a training leaves for the steps after it."""

    modelUri: str
    baseModelUri: str
    finished: Finished
    seconds: float
    history: list[dict[str, float]]


def base_model_of(document: RunDocument) -> str:
    """Reference of the model that a run starts from."""
    return document["baseModelUri"] or document["recipe"]["model"]["base"]


def train_on_this_node(document: RunDocument, examples: Examples, card: Card) -> Training:
    """Trains on this machine alone: in this process, or with torchrun in several."""
    training = _train(document, examples, card, _launch)
    if training is None:
        raise RuntimeError("the only node left no training")
    return training


def train_as_one_of_several_nodes(document: RunDocument, examples: Examples, card: Card) -> Training | None:
    """Trains as one of a group of nodes that Metaflow's `@torchrun` has joined.

    The plan may set the last nodes apart to generate completions for GRPO (`plan.generationNodes`).

    Returns:
        On the first node, what the training leaves; on the others None.
    """
    node, nodes = current.parallel.node_index, current.parallel.num_nodes
    training_nodes = nodes - generation_server.nodes_apart(document)
    exchange = generation_server.exchange_uri(_model_uri(document), current.retry_count)
    if node >= training_nodes:
        generation_server.serve_until_trained(document, base_model_of(document), exchange)
        return None

    def launch(job: TrainingJob, job_file: Path) -> None:
        current.torch.run(
            torchrun_args={"nnodes": str(training_nodes)},
            nproc_per_node=job.processes_per_node,
            entrypoint="-m",
            entrypoint_args=["posttraining.trainers", str(job_file)],
        )

    if training_nodes == nodes:
        return _train(document, examples, card, launch, node=node, nodes=nodes)
    with generation_server.training_side(exchange, node) as host:
        return _train(document, examples, card, launch, node=node, nodes=training_nodes, generation_server_host=host)


def _train(
    document: RunDocument,
    examples: Examples,
    card: Card,
    launch: Callable[[TrainingJob, Path], None],
    node: int = 0,
    nodes: int = 1,
    generation_server_host: str | None = None,
) -> Training | None:
    recipe = document["recipe"]
    base = base_model_of(document)
    with tempfile.TemporaryDirectory(prefix="posttraining-") as scratch_name:
        scratch = Path(scratch_name)
        base_folder = models.fetch_model(base, scratch / "base", recipe["model"].get("revision"))
        require_adaptable(recipe["trainable"], base_folder)
        examples_file = scratch / "examples.jsonl"
        examples.write(examples_file)
        trained = scratch / "trained"
        job = TrainingJob(
            recipe=recipe,
            plan=document["plan"],
            model=str(base_folder),
            examples=str(examples_file),
            output=str(trained),
            scratch=str(scratch),
            node=node,
            nodes=nodes,
            resume_from=_checkpoint(scratch, node, nodes),
            generation_server=generation_server_host,
            attempt=current.retry_count,
        )
        job_file = scratch / "job.json"
        job.write(job_file)
        began = time.monotonic()
        with library_on_path(), live_training_card(card, recipe, job.history):
            launch(job, job_file)
        seconds = time.monotonic() - began
        if node != 0:
            return None
        finished = finish_model(recipe, document["plan"], base, base_folder, trained, scratch / "finished")
        uri = _model_uri(document)
        # What is wrong with it is said by the next step: what was trained is kept in any case.
        registry.upload_model(scratch / "finished", uri)
        return {
            "modelUri": uri,
            "baseModelUri": base,
            "finished": finished,
            "seconds": seconds,
            "history": progress.read_history(job.history),
        }


def _model_uri(document: RunDocument) -> str:
    # A run that makes a lost model again puts it where it was: what was trained from it goes on to name it.
    return document["modelUri"] or registry.model_uri(document["modelsRoot"], document["name"], current.run_id)


def _checkpoint(scratch: Path, node: int, nodes: int) -> str | None:
    """Folder with the last checkpoint of an earlier attempt of this task; the first attempt has none."""
    if current.retry_count == 0:
        return None
    store = CheckpointStore.of_this_task(node, nodes)
    folder = scratch / "resume"
    step = store.load_latest(folder) if store is not None else None
    if step is None:
        print("An earlier attempt left no checkpoint: training starts at step 0.", flush=True)
        return None
    print(f"Training goes on from the checkpoint at step {step}.", flush=True)
    return str(folder)


def _launch(job: TrainingJob, job_file: Path) -> None:
    if job.processes_per_node == 1:
        from posttraining.trainers.run import run_training

        run_training(job)
        return
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", str(job.processes_per_node), "-m", "posttraining.trainers", str(job_file)]
    subprocess.run(command, check=True)
