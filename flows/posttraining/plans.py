"""The plan for one machine, for runs that are started by hand; what follows from a plan."""

from __future__ import annotations

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe


def processes_per_node(plan: Plan) -> int:
    """Processes that train on each node: one for each GPU, and without GPUs as many as the plan says."""
    return plan["gpusPerNode"] or plan.get("processesPerNode", 1)


def plan_for_this_machine(recipe: Recipe, gpus: int) -> Plan:
    """The plan for one machine: one process without GPUs or with one, one process for each of several GPUs.

    The TypeScript side plans the same (`planForThisMachine` in recipe/plan.ts): tests/contracts/plans.json.

    Raises:
        ValueError: if the global batch cannot be divided over the processes.
    """
    processes = max(gpus, 1)
    batch = recipe["batch"]
    if batch["global"] % processes:
        raise ValueError(f"batch.global: must be a multiple of {processes}, the GPUs of this machine")
    micro = batch.get("micro", batch["global"] // processes)
    if batch["global"] % (micro * processes):
        raise ValueError(
            f"batch.global: must be a multiple of batch.micro ({micro}) times {processes}, the GPUs of this machine"
        )
    sharding = recipe["sharding"]
    if sharding == "auto":
        sharding = "fsdp2" if processes > 1 else "none"
    checkpointing = recipe["activationCheckpointing"]
    return {
        "nodes": 1,
        "generationNodes": 0,
        "gpusPerNode": gpus,
        "microBatch": micro,
        "gradientAccumulation": batch["global"] // (micro * processes),
        "sharding": sharding,
        "activationCheckpointing": ("full" if gpus else "none") if checkpointing == "auto" else checkpointing,
    }
