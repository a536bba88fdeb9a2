"""Faults that are planted into the real libraries: two processes train small models, and the invariants see what is wrong.

All jobs run in one command, since importing the libraries takes longer than training here.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import DurationInSteps, FullTraining, Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.contracts.rehearsal_request import RehearsalRequest
from posttraining.examples import load_examples
from posttraining.rehearsal import rows, scaling
from posttraining.rehearsal.evidence import Attempt, Saved, read_attempt
from posttraining.rehearsal.invariants import adapter, formats, loss, resuming, sharding, weights
from posttraining.rehearsal.scaled_model import write_scaled_model
from posttraining.run_document import RECIPES, read_run_document
from posttraining.trainers.job import TrainingJob

RUN_JOBS = Path(__file__).with_name("run_faulty_jobs.py")

PLAN: Plan = {
    "nodes": 1,
    "generationNodes": 0,
    "gpusPerNode": 8,
    "microBatch": 4,
    "gradientAccumulation": 8,
    "sharding": "fsdp2",
    "activationCheckpointing": "full",
}


class Jobs:
    """The recipe sft-70b, scaled: packing, adapters, FSDP2 and recomputation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: list[dict[str, str]] = []
        recipe = read_run_document((RECIPES / "sft-70b.yaml").read_text())["recipe"]
        request: RehearsalRequest = {
            "identity": "test",
            "recipe": recipe,
            "plan": PLAN,
            "shape": {
                "layers": 80,
                "hidden": 8192,
                "heads": 64,
                "keyValueHeads": 8,
                "headDimension": 128,
                "intermediate": 28672,
                "tiedEmbeddings": False,
            },
            "folder": str(folder),
            "servePython": None,
            "useHub": False,
            "processes": 2,
        }
        sample = rows.sample_of(recipe["dataset"], use_hub=False).rows
        (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in sample))
        self.base = folder / "base"
        write_scaled_model(
            recipe["model"]["base"], None, request["shape"], list(rows.texts_of(sample)), self.base, False
        )
        made = scaling.scaled(request, self.base.as_uri(), (folder / "rows.jsonl").as_uri())
        self.recipe, self.plan = made.recipe, made.plan
        self.recipe["optimizer"]["schedule"] = "constant"
        self._examples = load_examples(made.recipe).lines

    def add(self, name: str, fault: str, recipe: Recipe, steps: int, resume_from: str | None = None) -> None:
        """Adds a job; it saves a checkpoint at step 2."""
        scratch = self._folder / name
        scratch.mkdir()
        (scratch / "examples.jsonl").write_bytes(self._examples)
        recipe = deepcopy(recipe)
        recipe["duration"] = DurationInSteps(steps=steps)
        job = TrainingJob(
            recipe=recipe,
            plan=self.plan,
            model=str(self.base),
            examples=str(scratch / "examples.jsonl"),
            output=str(scratch / "output"),
            scratch=str(scratch),
            resume_from=resume_from and str(self._folder / resume_from),
        )
        job.write(scratch / "job.json")
        self._jobs.append({"job": str(scratch / "job.json"), "fault": fault})

    def run(self, run_command: Any, environment: dict[str, str]) -> None:
        (self._folder / "jobs.json").write_text(json.dumps(self._jobs))
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        run_command([*torchrun, RUN_JOBS, self._folder], environment, self._folder)

    def attempt(self, name: str) -> Attempt:
        found = read_attempt(self._folder / name / "observed" / "attempt-0")
        assert found is not None
        return found

    def output(self, name: str) -> Saved:
        return Saved(self._folder / name / "output")

    def loss(self, name: str) -> RehearsalInvariant:
        import torch

        from posttraining.rehearsal.reference import compare_forwards
        from posttraining.trainers.model_class import model_class

        model = model_class(self.base).from_pretrained(self.base, dtype=torch.float32, attn_implementation="eager")
        seen = self.attempt(name)
        return loss.loss_is_the_references(self.recipe, seen, compare_forwards(model.eval(), seen))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory, run_command: Any, environment: dict[str, str]) -> Jobs:
    made = Jobs(tmp_path_factory.mktemp("faulty jobs"))
    made.add("sound", "none", made.recipe, steps=2)
    made.add("hidden", "adapter behind wrappers", made.recipe, steps=2)
    made.add("hidden resumed", "adapter behind wrappers", made.recipe, steps=3, resume_from="hidden/checkpoint-2")
    made.add("leaking", "examples see each other", made.recipe, steps=1)
    made.add("cast", "casts of accelerate", made.recipe, steps=1)
    pure = deepcopy(made.recipe)
    pure["trainable"] = FullTraining(kind="full")
    pure["precision"] = "bfloat16"
    pure["optimizer"]["learningRate"] = 1e-5
    made.add("pure", "none", pure, steps=2)
    made.run(run_command, environment)
    return made


def caught(found: RehearsalInvariant, *words: str) -> None:
    assert not found["passed"], found
    for word in words:
        assert word in found["message"]


def test_nothing_is_found_where_nothing_is_wrong(jobs: Jobs):
    seen = jobs.attempt("sound")
    for found in (
        sharding.as_planned(jobs.plan, seen),
        formats.states_in_formats(jobs.recipe, jobs.plan, seen),
        formats.loss_in_float32(seen),
        weights.trained_weights_change(jobs.recipe, seen),
        weights.frozen_weights_stay(seen),
        adapter.adapter_is_saved(seen, jobs.output("sound")),
        jobs.loss("sound"),
    ):
        assert found["passed"], found


def test_an_empty_adapter_is_caught(jobs: Jobs):
    found = adapter.adapter_is_saved(jobs.attempt("hidden"), jobs.output("hidden"))
    caught(found, "28 of 28 trained weights are not in adapter_model.safetensors")


def test_a_resume_without_its_adapter_is_caught(jobs: Jobs):
    found = resuming.checkpoint_is_restored(jobs.attempt("hidden"), jobs.attempt("hidden resumed"), 2)
    caught(found, "trained weights are not those of the checkpoint")


def test_packed_examples_that_see_each_other_are_caught(jobs: Jobs):
    caught(jobs.loss("leaking"), "examples that are packed together see each other")


def test_log_probabilities_in_bfloat16_are_caught(jobs: Jobs):
    caught(formats.loss_in_float32(jobs.attempt("cast")), "bfloat16", "output_dtype=float32")


def test_weights_that_hardly_change_in_bfloat16_are_caught(jobs: Jobs):
    """What was trained is as before the mend: a recipe that asked for mixed precision trained bfloat16 weights."""
    asked, seen = deepcopy(jobs.recipe), jobs.attempt("pure")
    asked["trainable"] = FullTraining(kind="full")
    asked["optimizer"]["learningRate"] = 1e-5
    caught(weights.trained_weights_change(asked, seen), "90.0% or more should have with precision bfloat16-mixed")
    caught(formats.states_in_formats(asked, jobs.plan, seen), "trained weights are bfloat16")
