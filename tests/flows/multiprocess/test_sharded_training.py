"""SFT, DPO and GRPO by two processes that shard all states with FSDP2, against the same jobs in one process.

All jobs run once, in two commands, since importing the training libraries takes longer than training here.
"""

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest
from safetensors.numpy import load_file

from posttraining.contracts.recipe import Batch, DurationInSteps, LoraTraining, Recipe
from posttraining.examples import load_examples
from posttraining.methods import METHODS
from posttraining.progress import read_history
from posttraining.run_document import RECIPES, read_run_document
from posttraining.tiny_model import write_tiny_model
from posttraining.trainers.job import TrainingJob

RUN_JOBS = Path(__file__).with_name("run_jobs.py")
GLOBAL_BATCH = 32
METHOD_NAMES = [method.name for method in METHODS]

# Of the tiny model's two layers seven weights each are adapted, by two matrices.
ADAPTER_WEIGHTS = 2 * 7 * 2

# Two processes add up the same numbers in another order. float32 keeps 7 digits, and Adam carries differences on from step to
# step: measured are 3e-7 in the loss (relative) and 4e-6 in the weights. Training on other examples, or gradients that are not
# averaged, changes the second digit.
RELATIVE_TOLERANCE = 1e-5
WEIGHT_TOLERANCE = 1e-4


def _recipe(method: str, steps: int, checkpoint_every_steps: int = 1000) -> Recipe:
    recipe = read_run_document((RECIPES / f"{method}-tiny.yaml").read_text())["recipe"]
    recipe["optimizer"]["schedule"] = "constant"
    recipe["optimizer"]["warmupSteps"] = 0
    recipe["duration"] = DurationInSteps(steps=steps)
    recipe["loggingSteps"] = 1
    recipe["checkpointEverySteps"] = checkpoint_every_steps
    recipe["batch"] = Batch({"global": GLOBAL_BATCH})
    return recipe


def _adapter_recipe(method: str, steps: int) -> Recipe:
    """As the plans of large models train: adapters of dropout beside weights in bfloat16."""
    recipe = _recipe(method, steps, checkpoint_every_steps=2)
    recipe["trainable"] = LoraTraining(kind="lora", rank=4, alpha=8, dropout=0.1, targets="all-linear", saves="adapter")
    recipe["precision"] = "bfloat16-mixed"
    return recipe


@dataclass
class Jobs:
    """Jobs in a folder, to be run by a number of processes."""

    folder: Path
    processes: int
    files: list[Path] = field(default_factory=list)

    def add(
        self,
        name: str,
        recipe: Recipe,
        model: Path,
        resume_from: Path | None = None,
        activation_checkpointing: Literal["none", "full"] = "none",
    ) -> Path:
        """Adds a job and returns the folder that its model will be in."""
        scratch = self.folder / name
        scratch.mkdir(parents=True)
        (scratch / "examples.jsonl").write_bytes(load_examples(recipe).lines)
        job = TrainingJob(
            recipe=recipe,
            plan={
                "nodes": 1,
                "generationNodes": 0,
                "gpusPerNode": 0,
                "processesPerNode": self.processes,
                "microBatch": GLOBAL_BATCH // self.processes,
                "gradientAccumulation": 1,
                "sharding": "fsdp2" if self.processes > 1 else "none",
                "activationCheckpointing": activation_checkpointing,
            },
            model=str(model),
            examples=str(scratch / "examples.jsonl"),
            output=str(scratch / "model"),
            scratch=str(scratch),
            resume_from=None if resume_from is None else str(resume_from),
        )
        file = scratch / "job.json"
        job.write(file)
        self.files.append(file)
        return scratch / "model"


@dataclass(frozen=True)
class Trained:
    """What the jobs left."""

    one: Path
    two: Path

    def history(self, processes: str, name: str) -> list[dict[str, float]]:
        return read_history(getattr(self, processes) / name / "history.jsonl")

    def observed(self, name: str) -> dict[str, float]:
        return json.loads((self.two / name / "observed.json").read_text())

    def adapter(self, name: str) -> dict[str, numpy.ndarray]:
        return load_file(self.two / name / "model" / "adapter_model.safetensors")

    def weights(self, processes: str, name: str) -> dict[str, numpy.ndarray]:
        return load_file(getattr(self, processes) / name / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_command: Any, environment: dict[str, str]) -> Trained:
    folder = tmp_path_factory.mktemp("jobs of processes")
    base = folder / "base"
    write_tiny_model(base)
    one, two = Jobs(folder / "one", 1), Jobs(folder / "two", 2)
    # DPO and GRPO have something to tell only about a model that has begun to speak.
    taught = one.add("taught", _recipe("sft", steps=70), base)
    one.add("sft", _recipe("sft", steps=8), base)
    two.add("sft-first-half", _recipe("sft", steps=4, checkpoint_every_steps=4), base)
    two.add("sft", _recipe("sft", steps=8), base, resume_from=folder / "two" / "sft-first-half" / "checkpoint-4")
    # TRL averages the `sft` term over a process's tokens before it averages processes: it depends on who got which answers.
    preference = _recipe("dpo", steps=4)
    assert preference["method"] == "dpo"
    preference["dpo"]["lossTypes"] = ["sigmoid"]
    preference["dpo"]["lossWeights"] = [1]
    for jobs in (one, two):
        jobs.add("dpo", preference, taught)
        jobs.add("grpo", _recipe("grpo", steps=3), taught)
    for method in METHOD_NAMES:
        for name, steps in (("half", 2), ("whole", 4), ("resumed", 4)):
            half = two.folder / f"{method}-adapter-half" / "checkpoint-2"
            two.add(
                f"{method}-adapter-{name}",
                _adapter_recipe(method, steps),
                taught,
                resume_from=half if name == "resumed" else None,
                activation_checkpointing="full",
            )
    run_command([sys.executable, RUN_JOBS, *one.files], environment, folder)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    run_command([*torchrun, RUN_JOBS, "--shard", *two.files], environment, folder)
    return Trained(one.folder, two.folder)


def test_training_is_refused_where_accelerate_would_replicate_instead_of_shard(trained: Trained):
    refusal = (trained.two / "sft-first-half" / "refusal.txt").read_text()
    assert "FSDP2" in refusal
    assert "replicated" in refusal


@pytest.mark.parametrize("name", ["sft-first-half", "sft", "dpo", "grpo"])
def test_every_parameter_is_sharded(trained: Trained, name: str):
    observed = trained.observed(name)
    assert observed["parameters"] > 0
    assert observed["sharded"] == observed["parameters"]
    assert observed["elementsHere"] == pytest.approx(observed["elements"] / 2, rel=0.01)


def test_a_reference_is_gathered_layer_by_layer(trained: Trained):
    # The tiny model's embedding, tied to its head, is its largest unit; all weights at once would be 1.
    assert 0 < trained.observed("dpo")["referenceUnit"] < 0.5


def test_loss_is_that_of_one_process_across_a_resume_from_sharded_checkpoints(trained: Trained):
    assert [entry["step"] for entry in trained.history("two", "sft-first-half")] == [1, 2, 3, 4]
    # A resumed training takes over what was logged before it.
    sharded = trained.history("two", "sft")
    expected = trained.history("one", "sft")
    assert [entry["step"] for entry in sharded] == [entry["step"] for entry in expected] == list(range(1, 9))
    assert [entry["loss"] for entry in sharded] == pytest.approx(
        [entry["loss"] for entry in expected], rel=RELATIVE_TOLERANCE
    )
    assert expected[-1]["loss"] < 0.7 * expected[0]["loss"]


def test_preference_training_is_that_of_one_process(trained: Trained):
    sharded, expected = trained.history("two", "dpo"), trained.history("one", "dpo")
    assert len(sharded) == len(expected) == 4
    for name in ("loss", "rewards.margins"):
        assert [entry[name] for entry in sharded] == pytest.approx(
            [entry[name] for entry in expected], rel=RELATIVE_TOLERANCE, abs=1e-6
        )


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_the_model_is_saved_whole_and_equals_that_of_one_process(trained: Trained, name: str):
    sharded, expected = trained.weights("two", name), trained.weights("one", name)
    for name_of_tied in sharded.keys() - expected.keys():
        # A state that FSDP has gathered names tied weights twice.
        assert name_of_tied == "lm_head.weight"
        numpy.testing.assert_array_equal(sharded[name_of_tied], sharded["model.embed_tokens.weight"])
    for key, weight in expected.items():
        numpy.testing.assert_allclose(sharded[key], weight, rtol=0, atol=WEIGHT_TOLERANCE, err_msg=key)


def test_policy_generates_with_whole_weights_and_learns_from_its_rewards(trained: Trained):
    rewards = [
        entry["rewards.tiny_sums_sentence.mean"] for entry in trained.history("two", "grpo") if "reward" in entry
    ]
    one = trained.history("one", "grpo")[0]["rewards.tiny_sums_sentence.mean"]
    # Processes draw answers of their own, so rewards are only alike; from a half of the weights come no sentences at all.
    assert one > 0.1
    assert rewards[0] == pytest.approx(one, abs=0.25)
    assert all(math.isfinite(entry["loss"]) for entry in trained.history("two", "grpo"))
    before, after = trained.weights("one", "taught"), trained.weights("two", "grpo")
    assert any(not numpy.array_equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_an_adapter_beside_recomputed_activations_is_saved_whole(trained: Trained, method: str):
    adapter = trained.adapter(f"{method}-adapter-whole")
    assert len(adapter) == ADAPTER_WEIGHTS
    # They begin as zeros.
    assert all(weight.any() for name, weight in adapter.items() if ".lora_B." in name)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_an_adapter_s_training_goes_on_from_its_checkpoint_as_if_it_had_not_ended(trained: Trained, method: str):
    whole, resumed = (trained.history("two", f"{method}-adapter-{name}") for name in ("whole", "resumed"))
    assert [entry["step"] for entry in resumed] == [1, 2, 3, 4]
    assert [entry["loss"] for entry in resumed] == [entry["loss"] for entry in whole]
    expected, found = trained.adapter(f"{method}-adapter-whole"), trained.adapter(f"{method}-adapter-resumed")
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        numpy.testing.assert_array_equal(found[name], weight, err_msg=name)
