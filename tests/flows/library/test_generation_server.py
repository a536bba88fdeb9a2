import sys
import threading
import time
from pathlib import Path

import pytest

from posttraining.generation_server import (
    GenerationServerError,
    exchange_uri,
    nodes_apart,
    run_server,
    server_command,
    training_side,
)
from recipes import plan, recipe, run_document

SERVER = recipe("grpo", grpo__generation={"kind": "vllm-server"})
# Says where its end is written, and then waits to be stopped.
SCRIPT = """
import signal, sys, time
def stop(*_):
    open(sys.argv[1], "w").write("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
open(sys.argv[1], "w").write("serving")
time.sleep(600)
"""


def test_the_plan_says_how_many_nodes_are_set_apart():
    assert nodes_apart(run_document(SERVER, plan(SERVER, nodes=2, generationNodes=1))) == 1
    assert nodes_apart(run_document(recipe("grpo"), plan(recipe("grpo")))) == 0


def test_attempts_do_not_read_each_others_messages():
    assert exchange_uri("s3://models/grpo/7", 0) != exchange_uri("s3://models/grpo/7", 1)


def test_the_server_gets_all_gpus_of_its_node_and_the_recipes_lengths():
    command = server_command(Path("/model"), SERVER, plan(SERVER, gpusPerNode=8))
    assert command[command.index("--tensor-parallel-size") + 1] == "8"
    assert command[command.index("--max-model-len") + 1] == "64"


def test_the_server_is_found_and_stopped_after_the_training(tmp_path: Path):
    exchange, state = (tmp_path / "exchange").as_uri(), tmp_path / "state"
    serving = threading.Thread(
        target=run_server, args=([sys.executable, "-c", SCRIPT, str(state)], exchange), kwargs={"poll_seconds": 0.05}
    )
    serving.start()
    with training_side(exchange, node=0, poll_seconds=0.05, timeout_seconds=60) as host:
        assert host
        while not state.exists() or not state.read_text():
            time.sleep(0.02)
        assert state.read_text() == "serving"
    serving.join(60)
    assert not serving.is_alive()
    assert state.read_text() == "stopped"


def test_the_server_is_stopped_after_a_failed_training_too(tmp_path: Path):
    exchange = (tmp_path / "exchange").as_uri()
    serving = threading.Thread(
        target=run_server,
        args=([sys.executable, "-c", "import time; time.sleep(600)"], exchange),
        kwargs={"poll_seconds": 0.05},
    )
    serving.start()
    with (
        pytest.raises(ZeroDivisionError),
        training_side(exchange, node=0, poll_seconds=0.05, timeout_seconds=60),
    ):
        raise ZeroDivisionError
    serving.join(60)
    assert not serving.is_alive()


def test_a_server_that_ends_by_itself_fails_its_node(tmp_path: Path):
    with pytest.raises(GenerationServerError, match="ended with status 3"):
        run_server([sys.executable, "-c", "raise SystemExit(3)"], tmp_path.as_uri(), poll_seconds=0.05)


def test_a_server_that_never_comes_up_fails_the_training(tmp_path: Path):
    with (
        pytest.raises(GenerationServerError, match="no generation server was announced"),
        training_side(tmp_path.as_uri(), node=1, poll_seconds=0.01, timeout_seconds=0.05),
    ):
        pytest.fail("there is no server")
    assert not (tmp_path / "trained").exists()
