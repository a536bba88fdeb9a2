"""The flows themselves, by Metaflow's own command line."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.placement import Placement
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.run_document import RunDocument
from posttraining.methods import METHODS
from recipes import PLACEMENT, document, plan, recipe, run_document

FLOWS = Path(__file__).resolve().parents[3] / "flows"


def registered_document(home, chosen: Recipe, placement: Placement | None = None, **planned: Any) -> RunDocument:
    """The document of a run whose model is registered in the home's own store."""
    root = f"{home.environment['METAFLOW_DATASTORE_SYSROOT_S3']}/registry"
    return run_document(chosen, plan(chosen, **planned), placement=placement, modelsRoot=root, name="sft")


def command(flow: str, file: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(FLOWS / flow / "flow.py"), "--no-pylint", "--config", "run", str(file), *arguments]


def test_a_wrong_recipe_is_one_message_before_anything_runs(metaflow_home):
    for wrong, problem in (
        (document(trainable__kind="lorra"), 'trainable.kind: must be one of full, lora, qlora; it is "lorra"'),
        (document("dpo"), "method: this flow trains with sft; dpo-test is a recipe for dpo"),
    ):
        output = metaflow_home.run_flow("sft", configuration=wrong, status=1)
        assert problem in output
        assert "Traceback" not in output
        assert "Workflow starting" not in output


def test_processes_of_this_machine_have_one_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    from posttraining.flow import document_for

    def threads(given: str | None, placement: Placement | None) -> str | None:
        monkeypatch.setenv("OMP_NUM_THREADS", given or "")
        if given is None:
            monkeypatch.delenv("OMP_NUM_THREADS")
        chosen = recipe()
        document_for("sft")(json.dumps(run_document(chosen, plan(chosen), placement=placement)))
        return os.environ.get("OMP_NUM_THREADS")

    assert threads(None, None) == "1"
    assert threads("4", None) == "4"
    # A pod has its cores to itself.
    assert threads(None, PLACEMENT) is None


@pytest.fixture(scope="module")
def template(metaflow_home_on_object_store) -> dict:
    """The Argo workflow template of a planned run."""
    home = metaflow_home_on_object_store
    file = home.folder / "planned.json"
    chosen = recipe("dpo")
    file.write_text(json.dumps(registered_document(home, chosen, nodes=2, gpusPerNode=8, placement=PLACEMENT)))
    printed = subprocess.run(
        command("dpo", file, "argo-workflows", "create", "--only-json"),
        # Argo's workflows have one namespace, Metaflow's own.
        env=home.environment | {"METAFLOW_KUBERNETES_NAMESPACE": PLACEMENT["namespace"]},
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    return {part["name"]: part for part in json.loads(printed.stdout)["spec"]["templates"]}


@pytest.mark.parametrize("step", ["train", "evaluate"])
def test_steps_that_compute_get_the_planned_hardware(template: dict, step: str):
    part = template[step]
    assert part["container"]["image"] == "example/training:1"
    assert part["container"]["resources"]["limits"]["nvidia.com/gpu"] == "8"
    assert part["container"]["resources"]["requests"]["vpc.amazonaws.com/efa"] == "32"
    assert part["nodeSelector"] == {"pool": "dpo-70b"}


@pytest.mark.parametrize("step", ["start", "data", "gate", "register", "end"])
def test_other_steps_get_the_image_but_no_gpu(template: dict, step: str):
    part = template[step]
    assert part["container"]["image"] == "example/training:1"
    assert "nvidia.com/gpu" not in part["container"]["resources"]["limits"]
    assert not part["nodeSelector"]


def test_several_nodes_are_one_job_set_with_the_planned_hardware(template: dict):
    manifest = template["train-on-nodes"]["resource"]["manifest"]
    assert "kind: JobSet" in manifest or '"kind": "JobSet"' in manifest
    assert "example/training:1" in manifest
    assert "nvidia.com/gpu" in manifest


def test_every_step_is_tried_again_on_a_cluster(template: dict):
    assert template["train"]["retryStrategy"]["limit"] == 3


def test_the_code_package_runs_without_the_checkout(metaflow_home, tmp_path: Path):
    """What a pod gets: the flow, the library with its tasks, and the run document, without this checkout."""
    home = metaflow_home
    chosen = recipe()
    root = (tmp_path / "models").as_uri()
    (tmp_path / "run.json").write_text(
        json.dumps(run_document(chosen, plan(chosen), modelsRoot=root, name="from-a-pod"))
    )
    archive = tmp_path / "job.tar"
    home.run_command(command("sft", tmp_path / "run.json", "package", "save", str(archive)), home.environment, tmp_path)
    pod = tmp_path / "pod"
    shutil.unpack_archive(archive, pod, "tar")
    environment = home.environment | {
        "PYTHONPATH": str(pod / ".mf_code"),
        "METAFLOW_EXTRACTED_ROOT": str(pod),
        "METAFLOW_FLOW_CONFIG_VALUE": json.dumps({"run": "kv.run"}),
    }
    script = (
        "from posttraining.evaluation import TASKS; print(*sorted(file.name for file in TASKS.glob('*.yaml')), TASKS)"
    )
    output = home.run_command([sys.executable, "-c", script], environment, pod)
    tasks = ["tiny_sums.yaml", "tiny_sums_preference.yaml", "tiny_sums_sampled.yaml"]
    assert output.split() == [*tasks, f"{pod}/.mf_code/posttraining/tasks"]
    shown = home.run_command([sys.executable, "flow.py", "--no-pylint", "show"], environment, pod)
    assert "train_on_nodes" in shown


def test_a_killed_training_goes_on_from_its_checkpoint_with_the_same_numbers(metaflow_home_on_object_store, tmp_path):
    """Kills the training process with a signal that it cannot handle; the retry ends as if nothing had happened.

    So short a training does not pass its gate: the run succeeds, the model is kept, and nothing is promoted.
    """
    home = metaflow_home_on_object_store
    chosen = recipe(duration={"steps": 60}, loggingSteps=1, checkpointEverySteps=20, evaluation__limit=20)
    planned = registered_document(home, chosen)
    file = home.folder / "run.json"
    file.write_text(json.dumps(planned))
    running = subprocess.Popen(
        command("sft", file, "run"),
        # Each of Metaflow's transfers starts this many processes.
        env=home.environment | {"METAFLOW_S3_WORKER_COUNT": "2"},
        cwd=home.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    killed, lines = None, []
    assert running.stdout is not None
    try:
        for line in running.stdout:
            lines.append(line)
            progress = re.search(r"train/\d+ \(pid (\d+)\)\] POSTTRAINING_PROGRESS (.*)", line)
            if killed is None and progress and json.loads(progress[2])["step"] >= 25:
                killed = int(progress[1])
                os.kill(killed, signal.SIGKILL)
        output = "".join(lines)
        assert running.wait() == 0, output
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    resumed = re.search(r"Training goes on from the checkpoint at step (\d+)\.", output)
    assert resumed, output
    # The process had logged step 25; by the time the signal arrives it may be a checkpoint further.
    assert int(resumed[1]) in (20, 40)

    left = home.artifacts("SftFlow", "result", "training")
    losses = {entry["step"]: entry["loss"] for entry in left["training"]["history"]}
    assert sorted(losses) == list(range(1, 61))
    assert losses == _losses_of_an_undisturbed_training(chosen, tmp_path, home)

    result = left["result"]
    assert result["promoted"] is False
    assert result["modelUri"].startswith(f"{planned['modelsRoot']}/sft/")
    assert result["headline"]["metric"] == "tiny_sums/number"
    assert result["baseModelUri"] == "tiny:llama"
    assert set(result["seconds"]) == {"train", "evaluate"}
    assert result["gate"] == [
        {
            "metric": "tiny_sums/number",
            "minimum": 0.5,
            "value": result["metrics"]["tiny_sums/number"]["after"],
            "passed": False,
        }
    ]
    script = (
        "import json, sys; from posttraining import storage;print('FILES', json.dumps(storage.list_files(sys.argv[1])))"
    )
    printed = home.run_command([sys.executable, "-c", script, planned["modelsRoot"]], home.environment, home.folder)
    files = json.loads(printed.split("FILES ", 1)[1])
    names = {name.rpartition("/")[2] for name in files}
    assert {"config.json", "model.safetensors", "tokenizer.json", "lineage.json"} <= names
    assert "promoted.json" not in names


def _losses_of_an_undisturbed_training(chosen: Recipe, folder: Path, home) -> dict[int, float]:
    from posttraining.examples import load_examples
    from posttraining.models import fetch_model
    from posttraining.progress import read_history
    from posttraining.trainers.job import TrainingJob

    (folder / "examples.jsonl").write_bytes(load_examples(chosen).lines)
    job = TrainingJob(
        recipe=chosen,
        plan=plan(chosen),
        model=str(fetch_model("tiny:llama", folder / "base")),
        examples=str(folder / "examples.jsonl"),
        output=str(folder / "model"),
        scratch=str(folder),
    )
    job.write(folder / "job.json")
    home.run_command(
        [sys.executable, "-m", "posttraining.trainers", folder / "job.json"], home.environment, home.folder
    )
    return {int(entry["step"]): entry["loss"] for entry in read_history(job.history)}


@pytest.mark.parametrize("flow", [method.name for method in METHODS])
def test_a_flow_without_configuration_has_its_own_tiny_recipe(flow: str, metaflow_home):
    shown = metaflow_home.run_command(
        [sys.executable, FLOWS / flow / "flow.py", "--no-pylint", "show"],
        metaflow_home.environment,
        metaflow_home.folder,
    )
    assert "Step train" in shown
