from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posttraining.contracts.recipe import Recipe
from posttraining.methods import method_of
from posttraining.methods.columns import DatasetError
from posttraining.trainers.arguments import training_arguments
from posttraining.trainers.job import TrainingJob
from recipes import plan, recipe

FULL = {"kind": "full"}
LORA = {"kind": "lora", "rank": 8, "alpha": 16}


def arguments(chosen: Recipe, **planned: Any) -> dict:
    return training_arguments(job(chosen, **planned))


def job(chosen: Recipe, nodes: int = 1, base: Path = Path("base"), **planned: Any) -> TrainingJob:
    return TrainingJob(chosen, plan(chosen, **planned), str(base), "examples", "model", "scratch", nodes=nodes)


def own_arguments(of: TrainingJob, columns: tuple[str, ...] = ()) -> dict:
    return method_of(of.recipe).arguments(of.recipe, of, columns)


def test_a_job_reaches_other_processes_unchanged(tmp_path: Path):
    written = job(recipe(), nodes=2)
    written.write(tmp_path / "job.json")
    assert TrainingJob.read(tmp_path / "job.json") == written


def test_a_node_has_a_process_for_each_gpu_and_one_without():
    assert job(recipe()).processes_per_node == 1
    assert job(recipe(), gpusPerNode=8).processes_per_node == 8


def test_duration_is_steps_or_epochs():
    assert arguments(recipe())["max_steps"] == 4
    assert "num_train_epochs" not in arguments(recipe())
    by_epochs = arguments(recipe(duration={"epochs": 1.5}))
    assert by_epochs["num_train_epochs"] == 1.5
    assert "max_steps" not in by_epochs


def test_the_planned_batch_is_used():
    found = arguments(recipe(), microBatch=2, gradientAccumulation=8)
    assert (found["per_device_train_batch_size"], found["gradient_accumulation_steps"]) == (2, 8)


def test_without_gpus_the_processor_trains_in_float32():
    found = arguments(recipe())
    assert found["use_cpu"] is True
    assert found["bf16"] is False
    assert found["model_init_kwargs"]["dtype"] == "float32"


@pytest.mark.parametrize(
    ("precision", "sharding", "trainable", "mixes", "loaded"),
    [
        ("float32", "fsdp2", FULL, False, "float32"),
        ("bfloat16-mixed", "none", FULL, True, "float32"),
        ("bfloat16-mixed", "fsdp2", FULL, True, "float32"),
        ("bfloat16-mixed", "fsdp2", LORA, True, "bfloat16"),
        # DeepSpeed keeps float32 weights of its own.
        ("bfloat16-mixed", "zero3", FULL, True, "bfloat16"),
        ("bfloat16", "none", FULL, True, "bfloat16"),
        # accelerate would cast them to float32.
        ("bfloat16", "fsdp2", FULL, False, "bfloat16"),
        ("bfloat16-stochastic", "ddp", FULL, True, "bfloat16"),
    ],
)
def test_trained_weights_are_loaded_and_computed_with_as_the_precision_says(
    precision: str, sharding: str, trainable: dict, mixes: bool, loaded: str
):
    optimizer = {"name": "adamw_torch_8bit"} if precision == "bfloat16-stochastic" else {}
    chosen = recipe(precision=precision, trainable=trainable, optimizer={"learningRate": 1e-3} | optimizer)
    found = arguments(chosen, sharding=sharding, gpusPerNode=8)
    assert found["bf16"] is mixes
    assert found["model_init_kwargs"]["dtype"] == loaded
    assert found.get("optim_args") == ("bf16_stochastic_round=True" if optimizer else None)


def test_sharded_gradients_are_summed_up_after_each_pass():
    found = arguments(recipe(), sharding="fsdp2", gpusPerNode=8)
    assert found["accelerator_config"] == {"gradient_accumulation_kwargs": {"sync_each_batch": True}}


def test_fsdp_recomputes_activations_itself():
    found = arguments(recipe(), sharding="fsdp2", gpusPerNode=8, activationCheckpointing="full")
    assert found["fsdp"] is True
    assert found["fsdp_config"]["activation_checkpointing"] is True
    assert found["gradient_checkpointing"] is False


def test_without_fsdp_the_trainer_recomputes_activations():
    found = arguments(recipe(), activationCheckpointing="full", gpusPerNode=1)
    assert found["gradient_checkpointing"] is True
    assert "fsdp" not in found


@pytest.mark.parametrize(("sharding", "stage"), [("zero2", 2), ("zero3", 3)])
def test_zero_becomes_a_deepspeed_configuration(sharding: str, stage: int):
    assert arguments(recipe(), sharding=sharding, gpusPerNode=8)["deepspeed"]["zero_optimization"]["stage"] == stage


def test_sft_learns_from_answers_only_where_examples_mark_them(tmp_path: Path):
    def sft_arguments(chosen: Recipe, columns: tuple[str, ...]) -> dict:
        return own_arguments(job(chosen, base=tmp_path), columns)

    assert sft_arguments(recipe(), ("prompt", "completion"))["completion_only_loss"] is True
    assert sft_arguments(recipe(), ("messages",))["assistant_only_loss"] is True
    assert sft_arguments(recipe(completionOnlyLoss=False), ("text",))["assistant_only_loss"] is False
    with pytest.raises(DatasetError, match="set it to false"):
        sft_arguments(recipe(), ("text",))


def test_dpo_weighs_its_losses():
    found = own_arguments(
        job(recipe("dpo", dpo={"lossTypes": ["sigmoid", "sft"], "lossWeights": [1, 0.5], "beta": 0.2}))
    )
    assert (found["loss_type"], found["loss_weights"], found["beta"]) == (["sigmoid", "sft"], [1, 0.5], 0.2)


def test_grpo_generates_with_transformers():
    assert own_arguments(job(recipe("grpo")))["use_vllm"] is False


@pytest.mark.parametrize(
    ("asked", "planned", "used"),
    [("auto", {}, 0.3), ("auto", {"memoryUtilization": 0.5, "tensorParallel": 2}, 0.5), (0.7, {}, 0.7)],
)
def test_grpo_shares_gpus_with_vllm(asked: object, planned: dict, used: float):
    chosen = recipe("grpo", grpo__generation={"kind": "vllm-colocated", "memoryUtilization": asked, "sleep": False})
    found = own_arguments(job(chosen, generation=planned))
    assert (found["use_vllm"], found["vllm_mode"]) == (True, "colocate")
    assert found["vllm_gpu_memory_utilization"] == used
    assert found["vllm_enable_sleep_mode"] is False
    assert found["vllm_max_model_length"] == 64


def test_grpo_generates_on_a_server():
    chosen = recipe("grpo", grpo__generation={"kind": "vllm-server"})
    found = own_arguments(replace(job(chosen), generation_server="10.0.0.7"))
    assert (found["vllm_mode"], found["vllm_server_host"]) == ("server", "10.0.0.7")
    with pytest.raises(ValueError, match="vllm-server needs a node that serves"):
        own_arguments(job(chosen))
