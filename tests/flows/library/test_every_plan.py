"""Whatever the planner plans, the flows accept, and its processes make the batch of the recipe."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from posttraining.checks import check_run
from posttraining.run_document import read_run_document
from posttraining.trainers.arguments import training_arguments
from posttraining.trainers.job import TrainingJob

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def documents() -> list[str]:
    """Run documents of every plan that the planner gives for the project's recipes and variants of them, as JSON."""
    node = shutil.which("node")
    assert node is not None, "the planner needs Node"
    script = [node, "--require", "ts-node/register/transpile-only", str(ROOT / "tests/contracts/everyPlan.ts")]
    printed = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.splitlines()


def test_there_are_plans_of_all_kinds(documents: list[str]):
    plans = [json.loads(document)["plan"] for document in documents]
    assert len(plans) > 500
    assert {plan["sharding"] for plan in plans} == {"none", "ddp", "fsdp2"}
    assert {plan["generationNodes"] for plan in plans} == {0, 1}
    assert {plan["gpusPerNode"] for plan in plans} >= {0, 1, 8}
    assert max(plan["nodes"] for plan in plans) > 8


def test_every_plan_is_one_that_its_flow_runs(documents: list[str]):
    refused: dict[str, str] = {}
    for text in documents:
        try:
            document = read_run_document(text)
            check_run(document, document["recipe"]["method"])
        except ValueError as error:
            refused[str(error)] = text
    assert refused == {}


def test_every_plan_makes_the_batch_of_its_recipe(documents: list[str]):
    for text in documents:
        document = json.loads(text)
        recipe, plan = document["recipe"], document["plan"]
        nodes = plan["nodes"] - plan["generationNodes"]
        job = TrainingJob(recipe, plan, "base", "examples", "model", "scratch", nodes=nodes)
        arguments = training_arguments(job)
        of_one_process = arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"]
        assert of_one_process * nodes * job.processes_per_node == recipe["batch"]["global"], text
