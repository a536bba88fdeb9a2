"""Direct preference optimisation: what differs from the other methods."""

from __future__ import annotations

from typing import Any

from posttraining.trainers.adapters import adapter_configuration, quantization
from posttraining.trainers.job import TrainingJob


def dpo_arguments(recipe: dict[str, Any]) -> dict[str, Any]:
    """Arguments of TRL's `DPOConfig` beyond the shared ones."""
    dpo = recipe["dpo"]
    return {
        "max_length": recipe["sequence"]["maxLength"],
        "beta": dpo["beta"],
        "loss_type": dpo["lossTypes"],
        "loss_weights": dpo["lossWeights"],
        "precompute_ref_log_probs": dpo["precomputeReferenceLogProbabilities"],
    }


def dpo_trainer(job: TrainingJob, dataset: Any, arguments: dict[str, Any]) -> Any:
    """TRL's trainer for the job."""
    from trl import DPOConfig, DPOTrainer

    return DPOTrainer(
        model=job.model,
        args=DPOConfig(**arguments, **dpo_arguments(job.recipe)),
        train_dataset=dataset,
        peft_config=adapter_configuration(job.recipe["trainable"]),
        quantization_config=quantization(job.recipe["trainable"]),
    )
