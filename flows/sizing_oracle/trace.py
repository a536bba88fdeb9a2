"""Traces one training step: the real model class and TRL's trainers' own loss at full shape, without weights or a GPU.

PyTorch's `FakeTensorMode` gives tensors shapes and no data; `MemTracker` counts live storages as they come and go.
The loss is `compute_loss` of TRL's `SFTTrainer`, `DPOTrainer`, `KTOTrainer` and `GRPOTrainer` with TRL's scoring head
(`add_fused_lm_head`), adapters are PEFT's, and accelerate shards with FSDP2 over a fake process group. GRPO's completions
are given, not generated. The peak is that of allocated memory: no allocator slack, CUDA context or NCCL.

Number formats are those of `posttraining.trainers.precision`, and packed rows arrive as TRL's collator makes them: all in one row,
whose mask is dense where the attention is not a flash kernel.

The head's fallback for processors makes float32 tiles that its GPU kernel keeps in registers; narrow tiles keep that
difference below 0.2 GiB. torchao's optimizer is counted as it is compiled: without temporary copies.

    python -m sizing_oracle.trace --output ../bench/measurements/oracle-traces.json

Any recipe with its plan is traced from a file, `{"recipe": ..., "plan": ..., "shape": ...}`; `shape`, the planner's (catalog/models.ts),
may be left out for the models that are known here. The answer goes to `--output`, or is printed: `{"peakGib": ..., "parametersPerRank": ...,
"units": ...}`: of one rank the allocated peak of a step, parameters as it holds them, and units that FSDP2 gathers one by one (0: nothing
is sharded). The status is 3, with the reason, for what is not traced: quantised weights, DeepSpeed, mixtures of experts.

    PYTHONPATH=flows python -m sizing_oracle.trace --run run.json --output trace.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.distributed.device_mesh import init_device_mesh
from torch.utils.hooks import RemovableHandle

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.trainers.precision import Numbers, mend_sharded_casts, numbers_of

GIB = 2**30


class _Tracker(MemTracker):
    """PyTorch's tracker for models with frozen parameters, which have no gradients to hook."""

    _patched = ("register_hook", "register_post_accumulate_grad_hook")

    def __init__(self, policy: torch.nn.Module) -> None:
        super().__init__()
        self._policy = set(policy.modules())

    def __enter__(self) -> Any:
        self._originals = {name: getattr(torch.Tensor, name) for name in self._patched}
        for name, original in self._originals.items():

            def register(tensor: torch.Tensor, hook: Any, original: Any = original) -> Any:
                return original(tensor, hook) if tensor.requires_grad else RemovableHandle(OrderedDict())

            setattr(torch.Tensor, name, register)
        return super().__enter__()

    def _only_scores(self, module: torch.nn.Module) -> bool:
        """A pass through the policy before or after the one that trains, or a second one through a reference model: PyTorch's
        tracker knows one pass through a module. Tensors count all the same."""
        return not torch.is_grad_enabled() and (module in self._policy or module in self.memory_tracking)

    def _pre_fw_hook(self, module: torch.nn.Module, inputs: Any) -> None:
        if not self._only_scores(module):
            super()._pre_fw_hook(module, inputs)

    def _post_fw_hook(self, module: torch.nn.Module, inputs: Any, outputs: Any) -> None:
        if not self._only_scores(module):
            super()._post_fw_hook(module, inputs, outputs)

    def _update_peak_stats(self, peak_state: Any) -> None:
        """Only the step's own peak: PyTorch's goes through all modules, thousands with adapters, at every operation."""
        for device, snapshot in self._curr_mem_snap.items():
            if self._peak_mem.get(device, 0) < snapshot["Total"]:
                self._peak_mem[device] = snapshot["Total"]
                self._peak_mem_snap[device] = dict(snapshot)

    def __exit__(self, *exception: Any) -> None:
        for name, original in self._originals.items():
            setattr(torch.Tensor, name, original)
        super().__exit__(*exception)


@dataclass(frozen=True)
class Job:
    """One training step; sizes per GPU."""

    method: str
    model: str
    trainable: str
    rank: int
    sequenceTokens: int
    completionTokens: int
    microBatch: int
    checkpointing: str
    reference: str
    shards: int
    dropout: float = 0.0
    adapterBytes: int = 4
    precision: str = "bfloat16-mixed"
    packed: bool = False
    attention: str = "sdpa"
    accumulates: bool = False
    targets: str | list[str] = "all-linear"

    @property
    def name(self) -> str:
        """What the job is, in words; unique."""
        sharding = f", 1 of {self.shards} FSDP2 ranks" if self.shards > 1 else ""
        trainable = f"LoRA of rank {self.rank}" if self.trainable == "lora" else "all weights"
        adapters = " in bf16 with dropout" if self.adapterBytes == 2 and self.dropout > 0 else ""
        reference = f", reference {self.reference}" if self.reference != "none" else ""
        packed = f" packed ({self.attention})" if self.packed else ""
        accumulates = ", accumulating" if self.accumulates else ""
        precision = "" if self.precision == "bfloat16-mixed" else f", {self.precision}"
        return (
            f"{self.method.upper()} {self.model.split('/')[-1]}, {trainable}{adapters}, {self.microBatch} x"
            f" {self.sequenceTokens}{packed}{reference}, checkpointing {self.checkpointing}{sharding}{accumulates}"
            f"{precision}"
        )

    @property
    def numbers(self) -> Numbers:
        """Its number formats."""
        recipe = {"precision": self.precision, "trainable": {"kind": self.trainable}}
        return numbers_of(cast("Recipe", recipe), cast("Plan", {"sharding": "fsdp2" if self.shards > 1 else "none"}))


_CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "HuggingFaceTB/SmolLM3-3B": (
        "smollm3",
        {
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 4,
            "vocab_size": 128256,
            "tie_word_embeddings": True,
            "pad_token_id": 0,
        },
    ),
    "meta-llama/Llama-3.2-3B": (
        "llama",
        {
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_hidden_layers": 28,
            "num_attention_heads": 24,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 128256,
            "tie_word_embeddings": True,
        },
    ),
    "Qwen/Qwen2.5-32B": (
        "qwen2",
        {
            "hidden_size": 5120,
            "intermediate_size": 27648,
            "num_hidden_layers": 64,
            "num_attention_heads": 40,
            "num_key_value_heads": 8,
            "vocab_size": 152064,
            "tie_word_embeddings": False,
        },
    ),
    "meta-llama/Llama-3.1-70B": (
        "llama",
        {
            "hidden_size": 8192,
            "intermediate_size": 28672,
            "num_hidden_layers": 80,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "vocab_size": 128256,
            "tie_word_embeddings": False,
        },
    ),
}


def _model(name: str, dtype: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, settings = _CONFIGURATIONS[name]
    config = AutoConfig.for_model(kind, **settings)
    return AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype), attn_implementation="sdpa")


def _materialise(model: torch.nn.Module) -> None:
    """Gives every meta parameter and buffer a fake storage; must run under `FakeTensorMode`. Tied weights stay tied."""
    made: dict[int, Any] = {}
    for module in model.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is None:
                continue
            if id(parameter) not in made:
                fake = torch.empty(parameter.shape, dtype=parameter.dtype)
                made[id(parameter)] = torch.nn.Parameter(fake, requires_grad=parameter.requires_grad)
            module._parameters[name] = made[id(parameter)]
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


# What each trainer has its head compute for every token beside the log-probability.
_HEAD_OUTPUTS = {
    "sft": ("log_probs", "entropy", "is_top1"),
    "dpo": ("log_probs", "entropy", "mean_logits", "is_top1"),
    "kto": ("log_probs", "entropy", "mean_logits"),
    "grpo": ("log_probs", "entropy"),
}


def _policy(job: Job, outputs: tuple[str, ...], dtype: str) -> Any:
    from trl.trainer.utils import add_fused_lm_head

    model = _model(job.model, dtype)
    model.train()
    add_fused_lm_head(model, outputs=outputs)
    if job.checkpointing == "full" and job.shards == 1:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if job.trainable == "lora":
        from peft import LoraConfig, get_peft_model

        model.enable_input_require_grads()
        adapter = LoraConfig(r=job.rank, lora_alpha=2 * job.rank, lora_dropout=job.dropout, target_modules=job.targets)
        model = get_peft_model(model, adapter, low_cpu_mem_usage=True, autocast_adapter_dtype=job.adapterBytes == 4)
        if job.adapterBytes == 2:
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.to(torch.bfloat16)
    return model


class _ShardingAccelerator:
    """What accelerate asks of its `Accelerator` while it shards a model with FSDP2, as the project's flows set it up."""

    device = torch.device("cpu")
    is_main_process = True

    def __init__(self, mesh: Any, numbers: Numbers, mixes: bool) -> None:
        from accelerate.utils import FullyShardedDataParallelPlugin

        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            reshard_after_forward=True,
            auto_wrap_policy="transformer_based_wrap",
            cpu_ram_efficient_loading=False,
        )
        self.mixed_precision = "bf16" if mixes else "no"
        self.state = SimpleNamespace(fsdp_plugin=plugin)
        mend_sharded_casts(self, numbers)
        self.torch_device_mesh = mesh
        self.parallelism_config = SimpleNamespace(fsdp_dim_names=mesh.mesh_dim_names)


def _shard(model: Any, accelerator: _ShardingAccelerator, checkpointing: str) -> Any:
    """The units that accelerate makes: each layer, the embedding, and norm and head, which stay gathered after forward."""
    from accelerate.utils.fsdp_utils import fsdp2_apply_ac, fsdp2_prepare_model

    accelerator.state.fsdp_plugin.set_auto_wrap_policy(model)
    if checkpointing == "full":
        model = fsdp2_apply_ac(accelerator, model)
    return fsdp2_prepare_model(accelerator, model)


class _LossIsDone(Exception):
    """The trainer asks for its first metric: the loss is there, and metrics need numbers that fake tensors lack."""


class _Accelerator:
    """What the trainers' loss asks of `accelerate.Accelerator`, for one process."""

    device = torch.device("cpu")
    num_processes = 1
    is_main_process = True
    parallelism_config = None

    def __init__(self, method: str) -> None:
        # KTO's loss itself needs one mean over all processes, of how far the model has moved.
        self._passes = 1 if method == "kto" else 0

    def autocast(self) -> Any:
        return nullcontext()  # the whole step runs under one already

    def unwrap_model(self, model: Any) -> Any:
        return model

    def gather_for_metrics(self, tensor: Any) -> Any:
        if self._passes == 0:
            raise _LossIsDone
        self._passes -= 1
        return tensor

    def reduce(self, tensor: Any, reduction: str) -> Any:
        raise _LossIsDone


def _trainer(job: Job, model: Any, reference: Any) -> Any:
    """TRL's trainer for the method with its default settings; made without `__init__`, which loads models and data."""
    import trl

    kind = job.method.upper()
    arguments = getattr(trl, f"{kind}Config")(output_dir="unused", use_cpu=True, bf16=False, report_to="none")
    common = {
        "model": model,
        "args": arguments,
        "accelerator": _Accelerator(job.method),
        "aux_loss_enabled": False,
        "_metrics": defaultdict(lambda: defaultdict(list)),
    }
    own: dict[str, dict[str, Any]] = {
        "sft": {"compute_loss_func": None, "label_smoother": None},
        "dpo": {
            "ref_model": reference,
            "precompute_ref_logps": job.reference == "precomputed",
            "ld_alpha": None,
            "f_divergence_type": "reverse_kl",
            "loss_types": ["sigmoid"],
            "loss_weights": [1.0],
            "beta": 0.1,
            "label_smoothing": 0.0,
            "use_weighting": False,
        },
        "kto": {
            "ref_model": reference,
            "precompute_ref_logps": job.reference == "precomputed",
            "calculate_KL": True,
            "loss_type": "kto",
            "beta": 0.1,
            "desirable_weight": 1.0,
            "undesirable_weight": 1.0,
        },
        "grpo": {
            "beta": 0.0 if job.reference == "none" else 0.1,
            "loss_type": "grpo",
            "importance_sampling_level": "token",
            "epsilon_low": 0.2,
            "epsilon_high": 0.2,
            "top_entropy_quantile": 1.0,
            "off_policy_mask_threshold": None,
            "use_vllm": False,
            "current_gradient_accumulation_steps": 1,
            "_entropy_bonus_enabled": False,
        },
    }
    trainer = object.__new__(getattr(trl, f"{kind}Trainer"))
    trainer.__dict__.update(common | own[job.method])
    return trainer


_COLUMNS = ("input_ids", "attention_mask", "completion_mask")


def _batch(job: Job) -> dict[str, torch.Tensor]:
    """What the method's data collator hands to the loss."""

    def ones(rows: int, tokens: int) -> torch.Tensor:
        return torch.ones((rows, tokens), dtype=torch.int64)

    prompt = job.sequenceTokens - job.completionTokens
    match job.method:
        case "sft" if job.packed:
            whole = ones(1, job.microBatch * job.sequenceTokens)
            # A flash kernel is told where sequences begin; what it allocates is what a causal kernel without a mask does.
            positions = {"position_ids": torch.zeros_like(whole)} if job.attention == "sdpa" else {}
            return {"input_ids": whole, "labels": whole.clone(), **positions}
        case "sft":
            whole = ones(job.microBatch, job.sequenceTokens)
            return {"input_ids": whole, "attention_mask": torch.ones_like(whole), "labels": whole.clone()}
        case "dpo":
            whole = ones(2 * job.microBatch, job.sequenceTokens)
            computed = ("ref_chosen_logps", "ref_rejected_logps") if job.reference == "precomputed" else ()
            return {
                "input_ids": whole,
                "attention_mask": torch.ones_like(whole),
                "completion_mask": torch.ones_like(whole),
                **{name: torch.ones(job.microBatch) for name in computed},
            }
        case "kto":
            # Half of the answers are good; beside each, a prompt with the answer of another.
            whole = ones(job.microBatch, job.sequenceTokens)
            computed = ("ref_logps", "ref_KL_logps") if job.reference == "precomputed" else ()
            return {
                **{f"{prefix}{name}": whole.clone() for prefix in ("", "KL_") for name in _COLUMNS},
                "label": torch.ones(job.microBatch, dtype=torch.bool),
                **{name: torch.ones(job.microBatch) for name in computed},
            }
        case "grpo":
            return {
                "prompt_ids": ones(job.microBatch, prompt),
                "prompt_mask": ones(job.microBatch, prompt),
                "completion_ids": ones(job.microBatch, job.completionTokens),
                "completion_mask": ones(job.microBatch, job.completionTokens),
                **(
                    {}
                    if job.reference == "none"
                    else {"ref_per_token_logps": torch.ones(job.microBatch, job.completionTokens)}
                ),
                "advantages": torch.ones(job.microBatch),
            }
    raise ValueError(f"method: {job.method} is not sft, dpo, kto or grpo")


@contextmanager
def _half_are_good() -> Iterator[None]:
    """KTO looks up which answers are good; fake labels cannot tell, so that every second one counts as such."""
    nonzero = torch.nonzero

    def half(labels: torch.Tensor, *, as_tuple: bool = False) -> torch.Tensor:
        return torch.zeros((len(labels) // 2, 1), dtype=torch.int64)

    torch.nonzero = half
    try:
        yield
    finally:
        torch.nonzero = nonzero


@contextmanager
def _rows_hold_several(several: bool) -> Iterator[None]:
    """transformers looks whether a row holds several sequences; fake positions cannot tell."""
    from transformers import masking_utils

    found = masking_utils.find_packed_sequence_indices
    masking_utils.find_packed_sequence_indices = lambda positions: torch.zeros_like(positions) if several else None
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = found


class _CompiledAdamW8bit(torch.optim.Optimizer):
    """What torchao's compiled optimizer holds: two moments of a byte each, with a float32 scale for every 256 of them."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {})

    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Makes the moments; updates in place make nothing."""
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                for name in ("exp_avg", "exp_avg_sq") if not state else ():
                    state[name] = torch.zeros_like(parameter, dtype=torch.uint8)
                    state[f"{name}_scale"] = torch.zeros(max(1, state[name].numel() // 256))


def _optimizer(job: Job, model: torch.nn.Module) -> torch.optim.Optimizer:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if job.numbers.rounds_stochastically:
        return _CompiledAdamW8bit(trained)
    return torch.optim.AdamW(trained, lr=1e-5, fused=False, foreach=False)


def _loss_in(frame: FrameType) -> torch.Tensor | None:
    """The loss among the variables of a trainer's frame; KTO takes the mean of its losses last of all."""
    if frame.f_code.co_name not in ("compute_loss", "_compute_loss"):
        return None
    if "loss" in frame.f_locals:
        return frame.f_locals["loss"]
    losses = frame.f_locals.get("losses")
    return None if losses is None else losses.nanmean()


def _loss(trainer: Any, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The trainer's loss, taken from its frame when it turns to its metrics."""
    try:
        with _half_are_good():
            return trainer.compute_loss(model, batch)
    # A number of a fake tensor is asked for by metrics only.
    except (_LossIsDone, DataDependentOutputException) as done:
        loss = None
        frame = done.__traceback__
        while frame is not None:
            found = _loss_in(frame.tb_frame)
            loss = loss if found is None else found
            frame = frame.tb_next
        # The frames would hold what the trainer lets go of when it returns.
        done.__traceback__ = None
        if loss is None:
            raise RuntimeError("the trainer gathers metrics before it has a loss; see trl's release notes") from None
        return loss


@dataclass(frozen=True)
class Built:
    """The models of a job and what trains them, on fake tensors."""

    policy: Any
    reference: Any
    optimizer: torch.optim.Optimizer
    autocast: bool


def _cast_embedding(model: Any, dtype: torch.dtype) -> None:
    """What `references_in_their_format` does to a reference, for weights without data; a tied head goes with the embedding."""
    narrow = model.get_input_embeddings().weight
    wide = torch.nn.Parameter(torch.empty(narrow.shape, dtype=dtype, device="meta"), requires_grad=False)
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is narrow:
                module._parameters[name] = wide


def _build(job: Job, mesh: Any) -> Built:
    """Must run under `FakeTensorMode`."""
    numbers, sharded = job.numbers, mesh is not None
    mixes = numbers.mixes and job.adapterBytes == 4
    with torch.device("meta"):
        model = _policy(job, _HEAD_OUTPUTS[job.method], numbers.loaded)
        reference = None
        if job.reference == "separate":
            frozen = replace(job, trainable="full", checkpointing="none")
            reference = _policy(frozen, ("log_probs",), numbers.reference)
            reference.requires_grad_(False)
            if numbers.residual != numbers.reference:
                _cast_embedding(reference, getattr(torch, numbers.residual))
    for built in (model, reference):
        if built is not None:
            _materialise(built)
    if sharded:
        accelerator = _ShardingAccelerator(mesh, numbers, mixes)
        model = _shard(model, accelerator, job.checkpointing)
        if reference is not None:
            reference = _shard(reference, accelerator, "none").eval()
    # Sharded, accelerate casts at the borders of units and leaves autocast off.
    return Built(model, reference, _optimizer(job, model), mixes and not sharded)


def _mesh(job: Job) -> Any:
    """The mesh holds real numbers, so it is made before tensors turn fake."""
    return init_device_mesh("cpu", (job.shards,), mesh_dim_names=("dp_shard",)) if job.shards > 1 else None


def _of_rank(model: torch.nn.Module) -> dict[str, int]:
    """Parameters that one rank holds, and units that FSDP2 gathers one by one."""
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

    held = [each.to_local() if isinstance(each, DTensor) else each for each in model.parameters()]
    units = {
        id(group)
        for module in model.modules()
        if isinstance(module, FSDPModule)
        for group in module._get_fsdp_state()._fsdp_param_groups
    }
    return {"parametersPerRank": sum(each.numel() for each in held), "units": len(units)}


def trace(job: Job) -> dict[str, Any]:
    """Peak of one step, GiB, in total and by category, with what a rank holds."""
    mesh = _mesh(job)
    with FakeTensorMode(allow_non_fake_inputs=True), _rows_hold_several(job.packed and job.attention == "sdpa"):
        built = _build(job, mesh)
        model, optimizer = built.policy, built.optimizer
        trainer = _trainer(job, model, built.reference)
        batch = _batch(job)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        for parameter in trained:  # a first step of zeros makes the optimizer's states
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        if not job.accumulates:
            optimizer.zero_grad()
        tracker = _Tracker(model)
        tracker.track_external(*[m for m in (model, built.reference, optimizer) if m is not None])
        with tracker:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=built.autocast):
                loss = _loss(trainer, model, batch)
            loss.backward()
            optimizer.step()
        peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]
        of_rank = _of_rank(model)
    named = {str(getattr(key, "value", key)): value / GIB for key, value in peak.items()}
    total = next(value for key, value in named.items() if "total" in key.lower())
    return {
        "name": job.name,
        **asdict(job),
        "peakGib": round(total, 3),
        "byCategoryGib": {
            key: round(value, 3) for key, value in named.items() if "total" not in key.lower() and value > 0
        },
        **of_rank,
    }


_NOT_TRACED = 3
"""argparse itself ends with 2 for options that it does not know: a caller that errs would read that nothing is traced."""


class NotTracedError(ValueError):
    """A run that the tracer does not know how to trace."""


def _learn_shape(name: str, shape: dict[str, Any] | None) -> None:
    """Makes a model known by its shape, as a Llama: its layers' sizes decide, not their names."""
    if name in _CONFIGURATIONS:
        return
    if shape is None:
        raise NotTracedError(f"model.shape: {name} is not known here, and the file has no shape of it")
    if "experts" in shape or not shape.get("gatedMlp", True):
        raise NotTracedError(f"model.base: {name} has experts, or layers that are not gated, which are not traced")
    sizes = {
        "hidden_size": shape["hidden"],
        "intermediate_size": shape["intermediate"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["keyValueHeads"],
        "head_dim": shape["headDimension"],
        "vocab_size": shape["vocabulary"],
        "tie_word_embeddings": shape["tiedEmbeddings"],
    }
    _CONFIGURATIONS[name] = ("qwen3" if shape.get("queryKeyNorm") else "llama", sizes)


def _reference_of(recipe: Any, kind: str) -> str:
    """Where a recipe's reference comes from."""
    method = recipe["method"]
    if method in ("dpo", "kto"):
        precomputed = recipe[method]["precomputeReferenceLogProbabilities"]
        return "precomputed" if precomputed else "separate" if kind == "full" else "adapter-off"
    compares = method == "grpo" and recipe["grpo"]["beta"] > 0
    return "none" if not compares else "separate" if kind == "full" else "adapter-off"


def job_of_run(run: dict[str, Any]) -> Job:
    """The training step of a recipe under a plan.

    Raises:
        NotTracedError: for what is not traced, with the field.
    """
    recipe, plan = run["recipe"], run["plan"]
    trainable, sharding = recipe["trainable"], plan["sharding"]
    if trainable["kind"] == "qlora":
        raise NotTracedError("trainable.kind: qlora is not traced: bitsandbytes has no fake tensors")
    if sharding in ("zero2", "zero3"):
        raise NotTracedError(f"sharding: {sharding} is not traced: DeepSpeed has no fake tensors")
    model = recipe["model"].get("shape", recipe["model"]["base"])
    _learn_shape(model, run.get("shape"))
    processes = (plan["nodes"] - plan["generationNodes"]) * max(plan["gpusPerNode"], plan.get("processesPerNode", 1))
    longest = recipe["sequence"]["maxLength"]
    attention = "flash" if recipe["model"]["attention"].startswith("flash") else "sdpa"
    return Job(
        method=recipe["method"],
        model=model,
        trainable=trainable["kind"],
        rank=trainable.get("rank", 0),
        sequenceTokens=longest,
        completionTokens=recipe["sequence"].get("maxCompletionLength", longest),
        microBatch=plan["microBatch"],
        checkpointing=plan["activationCheckpointing"],
        reference=_reference_of(recipe, trainable["kind"]),
        shards=processes if sharding == "fsdp2" else 1,
        dropout=trainable.get("dropout", 0.0),
        precision=recipe["precision"],
        packed=recipe["method"] == "sft" and recipe["sequence"]["packing"],
        attention=attention,
        accumulates=plan["gradientAccumulation"] > 1,
        targets=trainable.get("targets", "all-linear"),
    )


def jobs() -> list[Job]:
    """What nobody has published: DPO, KTO, GRPO and sharded 70B; two SFT jobs tie the oracle to what was measured."""
    small = "HuggingFaceTB/SmolLM3-3B"
    llama = "meta-llama/Llama-3.2-3B"
    large = "meta-llama/Llama-3.1-70B"
    # The training steps of the plans that the README suggests.
    accumulating = [
        Job("sft", small, "lora", 32, 4096, 4096, 1, "none", "none", 1, packed=True),
        Job("sft", small, "full", 0, 4096, 4096, 1, "none", "none", 1, packed=True),
        Job("sft", large, "lora", 32, 4096, 4096, 1, "full", "none", 8, packed=True),
        Job("sft", large, "full", 0, 4096, 4096, 1, "full", "none", 8, packed=True),
        Job("dpo", small, "lora", 32, 2048, 2048, 1, "none", "adapter-off", 1),
        Job("dpo", small, "full", 0, 2048, 2048, 1, "none", "separate", 1),
        Job("dpo", large, "lora", 32, 2048, 2048, 1, "full", "adapter-off", 8),
        Job("grpo", small, "lora", 32, 1536, 1024, 2, "none", "none", 1),
        Job("grpo", small, "full", 0, 1536, 1024, 2, "none", "none", 1),
        Job("grpo", large, "lora", 32, 1536, 1024, 1, "full", "none", 8),
    ]
    suggested = [
        *(replace(each, accumulates=True) for each in accumulating),
        Job("dpo", large, "full", 0, 2048, 2048, 4, "full", "separate", 32),
        Job("grpo", large, "full", 0, 1536, 1024, 8, "full", "none", 32),
    ]
    adapters = [
        Job("sft", llama, "lora", 16, 2048, 2048, 2, "none", "none", 1),
        Job("sft", large, "lora", 32, 4096, 4096, 2, "full", "none", 8),
        Job("dpo", small, "lora", 16, 2048, 2048, 1, "none", "adapter-off", 1),
        Job("grpo", small, "lora", 32, 1536, 1024, 4, "full", "none", 1),
        # SageMaker HyperPod's recipe for 32B at its limit of tokens, the tightest of all on the instances that they name.
        Job(
            "dpo", "Qwen/Qwen2.5-32B", "lora", 16, 4096, 4096, 1, "full", "adapter-off", 8, dropout=0.05, adapterBytes=2
        ),
        Job("kto", small, "lora", 32, 2048, 2048, 2, "none", "adapter-off", 1),
        Job("kto", large, "lora", 32, 2048, 2048, 2, "full", "adapter-off", 8),
    ]
    narrow = [
        Job("sft", small, "full", 0, 4096, 4096, 8, "full", "none", 1),
        Job("sft", large, "full", 0, 4096, 4096, 4, "full", "none", 16),
        Job("sft", large, "full", 0, 4096, 4096, 1, "full", "none", 8),
        Job("sft", llama, "full", 0, 2048, 2048, 2, "none", "none", 1),
        Job("dpo", small, "full", 0, 2048, 2048, 1, "full", "separate", 1),
        Job("dpo", small, "full", 0, 2048, 2048, 1, "none", "separate", 1),
        Job("dpo", small, "full", 0, 2048, 2048, 1, "full", "precomputed", 1),
        Job("dpo", large, "full", 0, 2048, 2048, 1, "full", "separate", 8),
        Job("dpo", large, "full", 0, 2048, 2048, 1, "full", "precomputed", 8),
        Job("grpo", small, "full", 0, 1536, 1024, 1, "none", "none", 1),
        Job("grpo", small, "full", 0, 1536, 1024, 4, "none", "none", 1),
        Job("grpo", large, "full", 0, 1536, 1024, 8, "full", "none", 16),
        Job("kto", small, "full", 0, 2048, 2048, 2, "full", "separate", 1),
        Job("kto", small, "full", 0, 2048, 2048, 2, "none", "precomputed", 1),
        Job("kto", large, "full", 0, 2048, 2048, 2, "full", "separate", 8),
    ]
    return suggested + adapters + [replace(each, precision="bfloat16") for each in narrow]


def _prepare(processes: int) -> None:
    """A process group that sends nothing, and narrow tiles of the head."""
    import trl.trainer.utils
    from torch.testing._internal.distributed.fake_pg import FakeStore

    trl.trainer.utils._CHUNKED_LOGPROB_CHUNK_SIZE = 1024
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=processes)


def trace_run(file: Path, output: Path | None) -> int:
    """Traces the run in a file; returns the process's status."""
    try:
        job = job_of_run(json.loads(file.read_text(encoding="utf-8")))
    except NotTracedError as error:
        print(error, file=sys.stderr, flush=True)
        return _NOT_TRACED
    _prepare(job.shards)
    traced = trace(job)
    dist.destroy_process_group()
    answer = json.dumps({name: traced[name] for name in ("peakGib", "parametersPerRank", "units")})
    if output is None:
        print(answer, flush=True)
    else:
        output.write_text(answer + "\n", encoding="utf-8")
    return 0


def main() -> int:
    """Traces the jobs and writes what it finds after each of them; or the run of a file."""
    parser = argparse.ArgumentParser(description="Traces one training step of each job.")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--run", type=Path, help="trace this recipe with its plan, and nothing else")
    parser.add_argument("--only", default="", help="trace only jobs whose name contains this")
    parser.add_argument("--again", action="store_true", help="trace jobs anew that the output already holds")
    arguments = parser.parse_args()
    if arguments.run is not None:
        return trace_run(arguments.run, arguments.output)
    if arguments.output is None:
        parser.error("--output: name the file of traces, or a run with --run")
    _prepare(max(job.shards for job in jobs()))
    # Traces of earlier runs stay, so that a run may be cut short and gone on with.
    stored = json.loads(arguments.output.read_text())["traces"] if arguments.output.exists() else []
    traces = {trace["name"]: trace for trace in stored}
    failed = 0
    for job in jobs():
        if arguments.only not in job.name or (job.name in traces and not arguments.again):
            continue
        started = time.monotonic()
        try:
            traced = trace(job)
        except Exception as error:
            print(f"{job.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            failed += 1
            continue
        print(f"{job.name}: {traced['peakGib']} GiB in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        traces[job.name] = traced
        versions = {name: version(name) for name in ("torch", "transformers", "trl", "peft")}
        arguments.output.write_text(
            json.dumps({"versions": versions, "traces": list(traces.values())}, indent=2) + "\n"
        )
    dist.destroy_process_group()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
