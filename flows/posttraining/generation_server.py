"""GRPO with a node set apart for generation: vLLM is started there, found by the trainers, and stopped after them.

The nodes of a run know only the first node's address from Metaflow. The others' travel through the run's store.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posttraining import models, storage
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.run_document import RunDocument
from posttraining.methods.grpo import GENERATION_SERVER_PORT
from posttraining.trainers.precision import numbers_of

_SERVER_FILE = "server.json"
_TRAINED_FILE = "trained"

_POLL_SECONDS = 5.0
_START_TIMEOUT_SECONDS = 3600.0
_STOP_TIMEOUT_SECONDS = 60.0


class GenerationServerError(RuntimeError):
    """The generation server did not come up or ended before the training did."""


def nodes_apart(document: RunDocument) -> int:
    """Nodes of the plan that only generate: the last ones."""
    return document["plan"]["generationNodes"]


def exchange_uri(model_uri: str, attempt: int) -> str:
    """Where the nodes of one attempt leave messages for each other."""
    return f"{model_uri}.exchange/{attempt}"


def server_command(model: Path, recipe: Recipe, plan: Plan) -> list[str]:
    """vLLM's server with what TRL 1.16 relies on: weight transfer, and log-probabilities as sampling saw them."""
    generation = plan.get("generation")
    tensor_parallel = generation["tensorParallel"] if generation else max(plan["gpusPerNode"], 1)
    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", str(model)]
    command += ["--host", "0.0.0.0", "--port", str(GENERATION_SERVER_PORT)]
    command += ["--dtype", numbers_of(recipe, plan).saved, "--max-model-len", str(recipe["sequence"]["maxLength"])]
    command += ["--tensor-parallel-size", str(tensor_parallel)]
    command += ["--gpu-memory-utilization", str(generation["memoryUtilization"] if generation else 0.9)]
    command += ["--weight-transfer-config", json.dumps({"backend": "nccl"})]
    command += ["--logprobs-mode", "processed_logprobs", "--max-logprobs", "-1", "--enable-scale-out"]
    return command


def serve_until_trained(document: RunDocument, base: str, exchange: str) -> None:
    """Serves the base model to the trainers, which update its weights, until they are done.

    Raises:
        GenerationServerError: if the server ends before the training.
    """
    recipe = document["recipe"]
    with tempfile.TemporaryDirectory(prefix="posttraining-") as folder:
        model = models.fetch_model(base, Path(folder), recipe["model"].get("revision"))
        run_server(server_command(model, recipe, document["plan"]), exchange)


def run_server(command: list[str], exchange: str, poll_seconds: float = _POLL_SECONDS) -> None:
    """Runs a server on this node, announces it, and stops it once the training side has ended.

    Raises:
        GenerationServerError: if the server ends by itself.
    """
    # TRL reaches weight transfer and server information through endpoints that vLLM offers in this mode only.
    server = subprocess.Popen(command, env={**os.environ, "VLLM_SERVER_DEV_MODE": "1"})
    try:
        host = socket.gethostbyname(socket.gethostname())
        storage.write_bytes(storage.join(exchange, _SERVER_FILE), json.dumps({"host": host}).encode())
        while storage.read_bytes(storage.join(exchange, _TRAINED_FILE)) is None:
            if server.poll() is not None:
                raise GenerationServerError(f"the generation server ended with status {server.returncode}")
            time.sleep(poll_seconds)
    finally:
        server.terminate()
        try:
            server.wait(_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def training_side(
    exchange: str,
    node: int,
    poll_seconds: float = _POLL_SECONDS,
    timeout_seconds: float = _START_TIMEOUT_SECONDS,
) -> Iterator[str]:
    """Waits for the server's address, yields it, and lets the server stop when the first node leaves.

    Raises:
        GenerationServerError: if no server was announced in time.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        while (announced := storage.read_bytes(storage.join(exchange, _SERVER_FILE))) is None:
            if time.monotonic() > deadline:
                raise GenerationServerError(f"no generation server was announced within {timeout_seconds:.0f} s")
            time.sleep(poll_seconds)
        yield json.loads(announced)["host"]
    finally:
        if node == 0:
            storage.write_bytes(storage.join(exchange, _TRAINED_FILE), b"")
