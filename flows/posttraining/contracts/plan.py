"""Types of contracts/index.ts's `plan`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

Sharding: TypeAlias = Literal["none", "ddp", "fsdp2", "zero2", "zero3"]
"""How training states are spread over GPUs."""


ActivationCheckpointing: TypeAlias = Literal["none", "full"]
"""Which activations are recomputed in the backward pass instead of being kept."""


class PlanGeneration(TypedDict):
    """How vLLM uses the GPUs."""

    memoryUtilization: float
    """vLLM's share of a GPU's memory."""
    tensorParallel: int
    """GPUs per engine."""


class Plan(TypedDict):
    """What the planner decided for one run; the flow carries it out."""

    nodes: int
    """All nodes of the run, those that only generate among them."""
    generationNodes: int
    """Of `nodes`, those that only generate: the last ones. 0 but for GRPO with `vllm-server`."""
    gpusPerNode: int
    """GPUs of each node; 0: the run trains on one machine's processors."""
    processesPerNode: NotRequired[int]
    """Training processes of a node without GPUs; left out: 1. With GPUs there is one for each of them."""
    microBatch: int
    """Sequences (DPO: pairs, GRPO: completions) per forward pass on one device."""
    gradientAccumulation: int
    """Forward passes on each device per optimizer step."""
    sharding: Sharding
    """How training states are spread over the devices that train."""
    activationCheckpointing: ActivationCheckpointing
    generation: NotRequired[PlanGeneration]
    """Only for GRPO with vLLM."""
