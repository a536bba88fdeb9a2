"""From recipe and plan to the arguments that all TRL trainers share. Pure: imports neither torch nor transformers."""

from __future__ import annotations

from typing import Any

from posttraining.trainers.job import TrainingJob
from posttraining.trainers.precision import numbers_of, optimizer_arguments


def training_arguments(job: TrainingJob) -> dict[str, Any]:
    """Keyword arguments for the configurations of all of TRL's trainers."""
    recipe, plan = job.recipe, job.plan
    optimizer, duration = recipe["optimizer"], recipe["duration"]
    numbers = numbers_of(recipe, plan)
    length = {"max_steps": duration["steps"]} if "steps" in duration else {"num_train_epochs": duration["epochs"]}
    return {
        **length,
        "output_dir": job.scratch,
        "per_device_train_batch_size": plan["microBatch"],
        "gradient_accumulation_steps": plan["gradientAccumulation"],
        "optim": optimizer["name"],
        "learning_rate": optimizer["learningRate"],
        "lr_scheduler_type": optimizer["schedule"],
        "warmup_steps": optimizer["warmupSteps"],
        "adam_beta1": optimizer["beta1"],
        "adam_beta2": optimizer["beta2"],
        "weight_decay": optimizer["weightDecay"],
        "max_grad_norm": optimizer["maxGradientNorm"],
        "logging_steps": recipe["loggingSteps"],
        "save_strategy": "steps",
        "save_steps": recipe["checkpointEverySteps"],
        "save_total_limit": 1,
        "seed": recipe["seed"],
        "use_cpu": plan["gpusPerNode"] == 0,
        "bf16": numbers.mixes,
        "model_init_kwargs": {"dtype": numbers.loaded, "attn_implementation": recipe["model"]["attention"]},
        **optimizer_arguments(numbers),
        # Names in metrics and progress lines come from the callbacks of this library.
        "report_to": "none",
        "disable_tqdm": True,
        **_sharding(job),
    }


def _sharding(job: TrainingJob) -> dict[str, Any]:
    plan = job.plan
    checkpointing = plan["activationCheckpointing"] == "full"
    sharding = plan["sharding"]
    if sharding == "fsdp2":
        return {
            # FSDP's own recomputation gathers each layer's weights once; the trainer's would gather them twice.
            "gradient_checkpointing": False,
            # Otherwise every process would add up the gradients of the whole model, in as many bytes as all weights take.
            "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
            "fsdp": True,
            "fsdp_config": {
                "version": 2,
                "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "reshard_after_forward": True,
                "activation_checkpointing": checkpointing,
                # Every process writes its own shard; the whole model is gathered once, at the end.
                "state_dict_type": "SHARDED_STATE_DICT",
                "cpu_ram_efficient_loading": plan["gpusPerNode"] > 0,
            },
        }
    # Every weight takes part in every step; looking for others would walk the graph once more each time.
    arguments: dict[str, Any] = {"gradient_checkpointing": checkpointing, "ddp_find_unused_parameters": False}
    if checkpointing:
        arguments["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    if sharding in ("zero2", "zero3"):
        arguments["deepspeed"] = _deepspeed(stage=int(sharding[-1]))
    return arguments


def _deepspeed(stage: int) -> dict[str, Any]:
    """DeepSpeed's configuration; `auto` takes the trainer's value."""
    optimization: dict[str, Any] = {"stage": stage, "overlap_comm": True, "contiguous_gradients": True}
    if stage == 3:
        optimization["stage3_gather_16bit_weights_on_model_save"] = True
    return {
        "zero_optimization": optimization,
        "bf16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
    }
