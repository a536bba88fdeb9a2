"""What is seen of a training while it runs: weights, number formats, the first batch and what the model said of it.

`POSTTRAINING_OBSERVE=<folder>` has every training write it there, in a folder for each attempt: `facts.json`, `rows.json`,
`weights-<moment>.safetensors`, `forward-<kind>-<process>-<number>.safetensors`, `history.jsonl`, and a copy of what was saved.
Nothing is decided here: `invariants/` does that.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from posttraining.methods import method_of
from posttraining.rehearsal.observation_variables import OBSERVE
from posttraining.trainers.job import TrainingJob

VARIABLE = OBSERVE

_ROWS = 64
_WRAPPERS = ("_checkpoint_wrapped_module.", "_fsdp_wrapped_module.", "_orig_mod.")
_INPUTS = ("input_ids", "attention_mask", "position_ids", "labels")
_OUTPUTS = ("log_probs", "label_mask")


def attempt_folder(root: Path, attempt: int) -> Path:
    """Where an attempt's observations are."""
    return root / f"attempt-{attempt}"


def varied_reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """A reward that differs from answer to answer: what a random model says earns none of a recipe's own, and moves nothing."""
    return [sum(ids) % 8 / 8 for ids in completion_ids]


class Observer(TrainerCallback):
    """Watches one training; every process of it has one."""

    def __init__(self, folder: Path, job: TrainingJob, trainer: Any) -> None:
        self._folder, self._job, self._trainer = folder, job, trainer
        self._folder.mkdir(parents=True, exist_ok=True)
        self._first_step = True
        self._numbers: Counter[str] = Counter()
        self._facts: dict[str, Any] = {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps what the training starts with: after a checkpoint was read, where there is one."""
        model = self._trainer.model
        named = [(_plain_name(name), parameter) for name, parameter in model.named_parameters()]
        self._facts |= {
            "firstStep": state.global_step,
            "processes": args.world_size,
            "distributed": str(self._trainer.accelerator.distributed_type.value),
            "weightTypes": {name: _type_name(parameter.dtype) for name, parameter in named},
            "trained": [name for name, parameter in named if parameter.requires_grad],
            "sharded": [name for name, parameter in named if _is_sharded(parameter)],
            "recomputedLayers": _recomputed(model),
            "attention": getattr(model.config, "_attn_implementation", None),
            "chatTemplate": _tokenizer_of(self._trainer).chat_template,
            "specialTokens": {
                name: str(token) for name, token in _tokenizer_of(self._trainer).special_tokens_map.items()
            },
        }
        self._write_weights("begin")
        self._write_rows()
        self._write_facts()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Looks at the gradients of the first step."""
        if self._first_step:
            parameters = [one for one in self._trainer.model.parameters() if one.requires_grad]
            self._facts["gradientTypes"] = dict(
                Counter("none" if one.grad is None else _type_name(one.grad.dtype) for one in parameters)
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """After the first step no more batches are kept."""
        if self._first_step:
            self._first_step = False
            states = self._trainer.optimizer.state.values()
            self._facts["momentTypes"] = dict(
                Counter(_type_name(value.dtype) for state in states for name, value in state.items() if name != "step")
            )
            self._write_facts()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps the weights that a checkpoint has."""
        self._write_weights(f"step-{state.global_step}")

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keeps what the training ends with."""
        self._facts["lastStep"] = state.global_step
        self._write_weights("end")
        self._write_facts()

    def finish(self) -> None:
        """Keeps what was logged and saved."""
        if self._trainer.is_world_process_zero():
            shutil.copyfile(self._job.history, self._folder / "history.jsonl")
            shutil.copytree(self._job.output, self._folder / "saved", dirs_exist_ok=True)

    @contextmanager
    def watching(self, model: Any, inputs: Any) -> Iterator[None]:
        """Keeps what goes into a model, and comes out of it, while the loss of a batch of the first step is computed."""
        if not self._first_step:
            yield
            return
        self._keep_prompts(inputs)
        reference = getattr(self._trainer, "ref_model", None)
        handles = [
            each.register_forward_hook(self._keep_forward, with_kwargs=True)
            for each in (model, reference)
            if each is not None
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _keep_forward(self, _module: Any, _arguments: Any, named: dict[str, Any], output: Any) -> None:
        if getattr(output, "log_probs", None) is None:
            return
        from safetensors.torch import save_file

        kind = "policy" if torch.is_grad_enabled() else "reference"
        tensors = {name: named[name] for name in _INPUTS if isinstance(named.get(name), torch.Tensor)}
        tensors |= {name: getattr(output, name) for name in _OUTPUTS}
        process, number = self._trainer.args.process_index, self._numbers[kind]
        self._numbers[kind] += 1
        save_file(
            {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
            self._folder / f"forward-{kind}-{process}-{number}.safetensors",
        )

    def _keep_prompts(self, inputs: Any) -> None:
        """Prompts that GRPO tokenises while it generates."""
        if "prompt_ids" not in inputs or "prompt_mask" not in inputs or not self._trainer.is_world_process_zero():
            return
        rows = [
            {"prompt_ids": ids[mask.bool()].tolist()}
            for ids, mask in zip(inputs["prompt_ids"].cpu(), inputs["prompt_mask"].cpu(), strict=True)
        ]
        file = self._folder / "rows.json"
        known = json.loads(file.read_text()) if file.is_file() else []
        file.write_text(json.dumps(known + rows))

    def _write_rows(self) -> None:
        """The first examples as the trainer has tokenised them, and as it was given them."""
        if not self._trainer.is_world_process_zero():
            return
        with Path(self._job.examples).open("rb") as examples:
            lines = [line for line, _ in zip(examples, range(_ROWS), strict=False)]
        (self._folder / "examples.jsonl").write_bytes(b"".join(lines))
        dataset = self._trainer.train_dataset
        rows = [dataset[number] for number in range(min(_ROWS, len(dataset)))]
        tokens = [{name: value for name, value in row.items() if _is_numbers(value)} for row in rows]
        (self._folder / "rows.json").write_text(json.dumps([row for row in tokens if row]))

    def _write_weights(self, moment: str) -> None:
        from safetensors.torch import save_file

        whole: dict[str, torch.Tensor] = {}
        for name, parameter in self._trainer.model.named_parameters():
            # All processes take part in gathering a weight.
            value = parameter.full_tensor() if _is_sharded(parameter) else parameter
            whole[_plain_name(name)] = value.detach().cpu().contiguous().clone()
        if self._trainer.is_world_process_zero():
            save_file(whole, self._folder / f"weights-{moment}.safetensors")

    def _write_facts(self) -> None:
        if self._trainer.is_world_process_zero():
            (self._folder / "facts.json").write_text(json.dumps(self._facts, indent=2))


def observe(trainer: Any, job: TrainingJob) -> Observer | None:
    """Has a training watched if `POSTTRAINING_OBSERVE` says so; None where it does not."""
    root = os.environ.get(VARIABLE)
    if not root:
        return None
    observer = Observer(attempt_folder(Path(root), job.attempt), job, trainer)
    trainer.add_callback(observer)
    if method_of(job.recipe).generates:
        _reward_variety(trainer)
    trainer.compute_loss = _watched(trainer.compute_loss, observer)
    return observer


def _watched(compute_loss: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def compute(model: Any, inputs: Any, *arguments: Any, **named: Any) -> Any:
        with observer.watching(model, inputs):
            return compute_loss(model, inputs, *arguments, **named)

    return compute


def _reward_variety(trainer: Any) -> None:
    trainer.reward_funcs.append(varied_reward)
    trainer.reward_func_names.append(varied_reward.__name__)
    trainer.reward_processing_classes.append(None)
    trainer.reward_weights = torch.cat([trainer.reward_weights, torch.ones(1)])


def _plain_name(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _is_sharded(parameter: Any) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(parameter, DTensor)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, int) for each in value)


def _recomputed(model: Any) -> int:
    """Modules whose activations are recomputed in the backward pass."""
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointWrapper

    return sum(
        isinstance(module, CheckpointWrapper) or bool(getattr(module, "gradient_checkpointing", False))
        for module in model.modules()
    )


def _tokenizer_of(trainer: Any) -> Any:
    return getattr(trainer.processing_class, "tokenizer", trainer.processing_class)
