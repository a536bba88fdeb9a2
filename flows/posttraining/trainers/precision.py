"""Precision is one policy: in which number format a training keeps, computes, sums up, compares and saves.

`numbers_of` decides; the rest of the library asks it. `docs/precision.md` says what each policy learns, and
`recipe_relations.py` what it asks of a recipe. Importing this needs neither torch nor transformers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe

NumberFormat = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Numbers:
    """The formats of one training."""

    loaded: NumberFormat
    """Of the base model's weights. Adapters beside them are float32; those of a quantised base bfloat16, as TRL casts them."""
    mixes: bool
    """accelerate mixes precisions: autocast, or under FSDP2 casts at the borders of its units."""
    gathered: NumberFormat | None
    """Of weights that FSDP2 has gathered, and so of what is computed with them; None: as they are kept."""
    reduced: NumberFormat | None
    """Of gradients that FSDP2 sums up over processes; None: as they were computed."""
    residual: NumberFormat
    """Of the residual stream: under autocast that of the embedding's weights."""
    reference: NumberFormat
    """Of a model that is only compared with."""
    saved: NumberFormat
    """Of the finished model; an adapter stays in float32."""
    rounds_stochastically: bool
    """The optimizer's update is rounded up or down by chance, so that small updates are kept on average."""


def numbers_of(recipe: Recipe, plan: Plan) -> Numbers:
    """The formats of a recipe's training under a plan."""
    precision, sharding = recipe["precision"], plan["sharding"]
    if precision == "float32":
        return Numbers("float32", False, None, None, "float32", "float32", "float32", False)
    if precision == "bfloat16-mixed":
        # DeepSpeed makes the float32 weights itself, beside those that it gets.
        trains_loaded = recipe["trainable"]["kind"] == "full" and sharding not in ("zero2", "zero3")
        loaded: NumberFormat = "float32" if trains_loaded else "bfloat16"
        residual: NumberFormat = "bfloat16" if sharding == "fsdp2" else loaded
        return Numbers(loaded, True, "bfloat16", "float32", residual, "bfloat16", "bfloat16", False)
    # Under FSDP2 accelerate 1.15 would cast every trained weight up to float32 as soon as precisions are mixed.
    mixes, stochastic = sharding != "fsdp2", precision == "bfloat16-stochastic"
    return Numbers("bfloat16", mixes, None, None, "bfloat16", "bfloat16", "bfloat16", stochastic)


def optimizer_arguments(numbers: Numbers) -> dict[str, Any]:
    """What `transformers` must know of the optimizer beside its name and settings."""
    return {"optim_args": "bf16_stochastic_round=True"} if numbers.rounds_stochastically else {}


def sharded_policy(numbers: Numbers) -> Any:
    """FSDP2's policy of casts.

    What a unit returns stays as it was computed (`output_dtype=None`): TRL's head returns log-probabilities in float32, and
    takes the format of its input for its projection, which would be many times slower in float32.
    """
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    def dtype(name: str | None) -> torch.dtype | None:
        return None if name is None else getattr(torch, name)

    return MixedPrecisionPolicy(param_dtype=dtype(numbers.gathered), reduce_dtype=dtype(numbers.reduced))


def mend_sharded_casts(accelerator: Any, numbers: Numbers) -> None:
    """Has an accelerator shard with `sharded_policy` in place of its own; before it shards a model.

    accelerate 1.15 (`FullyShardedDataParallelPlugin.set_mixed_precision`) casts everything to bfloat16: gradients that
    processes sum up, and what the model returns, so that DPO, KTO and GRPO compare log-probabilities of three digits.
    """
    plugin = getattr(accelerator.state, "fsdp_plugin", None)
    if plugin is not None:
        plugin.mixed_precision_policy = sharded_policy(numbers)


def prepare(trainer: Any, recipe: Recipe, plan: Plan) -> None:
    """Sets up what a trainer's arguments cannot say; after it is made, before it trains."""
    numbers = numbers_of(recipe, plan)
    mend_sharded_casts(trainer.accelerator, numbers)
    _mend_weight_transfer(trainer, numbers)
    if numbers.rounds_stochastically:
        own, settings = trainer.get_optimizer_cls_and_kwargs(trainer.args, trainer.model)
        sharded = plan["sharding"] == "fsdp2"
        eager = not _can_compile(plan)
        made = _seeded(own, recipe["seed"], trainer.args.process_index if sharded else 0, eager)
        trainer.optimizer_cls_and_kwargs = (made, settings)


def round_weights(trainer: Any, numbers: Numbers) -> None:
    """Rounds trained weights once to the format in which they are saved; before they are gathered, while each process has its own."""
    import torch

    if numbers.loaded != numbers.saved and not hasattr(trainer.model, "peft_config"):
        trainer.model.to(getattr(torch, numbers.saved))


@contextmanager
def references_in_their_format(module: Any, numbers: Numbers) -> Iterator[None]:
    """Has trainers of TRL's module that are made inside load their reference in `numbers.reference`.

    TRL 1.16 loads it with the arguments of the policy, whose weights may be float32 only to be trained. The first model that a
    trainer loads is the policy. The reference's residual stream has the policy's format, or it would differ from an untrained
    policy by what bfloat16 rounds off in each layer.
    """
    if not hasattr(module, "create_model_from_path"):
        yield
        return
    import torch

    load, loaded = module.create_model_from_path, []

    def load_in_its_format(path: str, *arguments: Any, **named: Any) -> Any:
        if not loaded:
            loaded.append(load(path, *arguments, **named))
            return loaded[0]
        reference = load(path, *arguments, **{**named, "dtype": numbers.reference})
        if numbers.residual != numbers.reference:
            reference.get_input_embeddings().to(getattr(torch, numbers.residual))
        return reference

    module.create_model_from_path = load_in_its_format
    try:
        yield
    finally:
        module.create_model_from_path = load


def _mend_weight_transfer(trainer: Any, numbers: Numbers) -> None:
    """Sends weights to vLLM in the format in which it keeps them.

    TRL 1.16 (`VLLMGeneration._iter_named_params`) sends them as they are trained: twice the bytes where that is float32.
    """
    import torch

    generation = getattr(trainer, "vllm_generation", None)
    if generation is None or numbers.loaded == numbers.saved:
        return
    own, kept = generation._iter_named_params, getattr(torch, numbers.saved)

    def in_its_format() -> Iterator[tuple[str, Any]]:
        for name, weight in own():
            yield name, weight.to(kept) if weight.is_floating_point() else weight

    generation._iter_named_params = in_its_format


def _can_compile(plan: Plan) -> bool:
    """Whether torchao may compile its step: on processors that takes longer than a rehearsal, and Triton needs a C compiler."""
    compilers = (os.environ.get("CC"), "gcc", "clang")
    return plan["gpusPerNode"] > 0 and any(name and shutil.which(name) for name in compilers)


def _seeded(optimizer: Any, seed: int, process: int, eager: bool) -> Any:
    """torchao's optimizer with a draw of its own for each step: copies of a model draw alike, and a resumed run draws what
    one that was not interrupted would have drawn."""
    import torch

    class Seeded(optimizer):
        def step(self, closure: Any = None) -> Any:
            done = next((int(state["step"]) for state in self.state.values() if "step" in state), 0)
            devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(_draw(seed, done, process))
                if not eager:
                    return super().step(closure)
                with torch.compiler.set_stance("force_eager"):
                    return super().step(closure)

    Seeded.__name__ = optimizer.__name__
    return Seeded


def _draw(seed: int, step: int, process: int) -> int:
    """A seed of its own for each run, step and process."""
    from hashlib import sha256

    return int.from_bytes(sha256(f"{seed}/{step}/{process}".encode()).digest()[:7], "big")
