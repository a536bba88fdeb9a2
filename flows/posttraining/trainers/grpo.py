"""Group relative policy optimisation: what differs from the other methods."""

from __future__ import annotations

from typing import Any

from posttraining.rewards import reward_functions
from posttraining.trainers.adapters import adapter_configuration, quantization
from posttraining.trainers.job import TrainingJob

GENERATION_SERVER_PORT = 8000
# Weights travel from the trainer to the server over this port; pods' network policies must allow it.
WEIGHT_SYNC_PORT = 51216

_DEFAULT_MEMORY_UTILIZATION = 0.3  # TRL's own


def grpo_arguments(
    recipe: dict[str, Any], plan: dict[str, Any], generation_server: str | None = None
) -> dict[str, Any]:
    """Arguments of TRL's `GRPOConfig` beyond the shared ones.

    Raises:
        ValueError: if completions come from a server and its host is not given.
    """
    grpo, sequence = recipe["grpo"], recipe["sequence"]
    return {
        "num_generations": grpo["generations"],
        "max_completion_length": sequence["maxCompletionLength"],
        "temperature": grpo["temperature"],
        "beta": grpo["beta"],
        "num_iterations": grpo["iterations"],
        "reward_weights": [reward["weight"] for reward in grpo["rewards"]],
        **_generation(grpo["generation"], sequence["maxLength"], plan.get("generation") or {}, generation_server),
    }


def _generation(
    generation: dict[str, Any], max_length: int, planned: dict[str, Any], server: str | None
) -> dict[str, Any]:
    kind = generation["kind"]
    if kind == "transformers":
        return {"use_vllm": False}
    if kind == "vllm-colocated":
        share = generation["memoryUtilization"]
        if share == "auto":
            share = planned.get("memoryUtilization", _DEFAULT_MEMORY_UTILIZATION)
        return {
            "use_vllm": True,
            "vllm_mode": "colocate",
            "vllm_gpu_memory_utilization": share,
            "vllm_tensor_parallel_size": planned.get("tensorParallel", 1),
            "vllm_enable_sleep_mode": generation["sleep"],
            "vllm_max_model_length": max_length,
        }
    if server is None:
        raise ValueError("grpo.generation: vllm-server needs a node that serves; the plan has none")
    return {
        "use_vllm": True,
        "vllm_mode": "server",
        "vllm_server_host": server,
        "vllm_server_port": GENERATION_SERVER_PORT,
        "vllm_group_port": WEIGHT_SYNC_PORT,
        # Loading a large model takes the server longer than TRL's four minutes.
        "vllm_server_timeout": 3600.0,
    }


def grpo_trainer(job: TrainingJob, dataset: Any, arguments: dict[str, Any]) -> Any:
    """TRL's trainer for the job."""
    from trl import GRPOConfig, GRPOTrainer

    own = grpo_arguments(job.recipe, job.plan, job.generation_server)
    return GRPOTrainer(
        model=job.model,
        args=GRPOConfig(**arguments, **own),
        train_dataset=dataset,
        # TRL's type has lists that may hold None, and a list of numbers is none of them.
        reward_funcs=reward_functions([reward["name"] for reward in job.recipe["grpo"]["rewards"]]),  # pyright: ignore[reportArgumentType]
        peft_config=adapter_configuration(job.recipe["trainable"]),
        quantization_config=quantization(job.recipe["trainable"]),
    )
