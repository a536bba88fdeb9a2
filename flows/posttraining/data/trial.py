"""The first examples through TRL's own trainer, before any GPU: what fails on them would fail on the GPU node.

The trainer is whole, with the base's tokenizer and template, but for the model: one of a few thousand weights stands in for it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from posttraining.chat_arguments import with_chat_arguments
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.data.features import dataset_of
from posttraining.library_imports import lean_imports
from posttraining.methods import method_of
from posttraining.methods.columns import DatasetError
from posttraining.methods.method import Row
from posttraining.trainers.arguments import training_arguments
from posttraining.trainers.chat_template import processing_class
from posttraining.trainers.job import TrainingJob
from posttraining.trainers.training_templates import TemplateError, training_templates_known

TRIED = 64
"""Examples that are tried."""


def try_examples(recipe: Recipe, base: Path, examples: Sequence[Row]) -> None:
    """Has the method's trainer prepare examples, and make a batch of them.

    Args:
        recipe: a recipe.
        base: folder with the base's configuration, tokenizer and processor files; it needs no weights.
        examples: the first ones.

    Raises:
        DatasetError: if TRL cannot use them, or leaves none of them: all are longer than the longest sequence.
        TemplateError: if the base's chat template cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="trial-") as scratch:
        file = Path(scratch) / "examples.jsonl"
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in examples), encoding="utf-8")
        try:
            _prepare(_without_hardware(recipe), base, file)
        except (DatasetError, TemplateError):
            raise
        # TRL, a template and a tokenizer raise whatever they like.
        except Exception as error:
            raise DatasetError(
                f"dataset.source: {recipe['dataset']['source']}: {method_of(recipe).label}Trainer cannot use the first "
                f"{len(examples)} examples with the tokenizer of {recipe['model']['base']}: "
                f"{type(error).__name__}: {error}"
            ) from error


def _without_hardware(recipe: Recipe) -> Recipe:
    """The same recipe, without what only matters to the model."""
    changed: dict[str, Any] = {
        **recipe,
        "trainable": {"kind": "full"},
        "precision": "float32",
        "optimizer": {**recipe["optimizer"], "name": "adamw_torch"},
    }
    if recipe["method"] == "grpo":
        changed["grpo"] = {**recipe["grpo"], "generation": {"kind": "transformers"}, "beta": 0}
    elif recipe["method"] in ("dpo", "kto"):
        changed[recipe["method"]] = {**changed[recipe["method"]], "precomputeReferenceLogProbabilities": False}
    return cast(Recipe, changed)


def _prepare(recipe: Recipe, base: Path, file: Path) -> None:
    with lean_imports():
        import trl
        from peft import LoraConfig
        from transformers import LlamaConfig, LlamaForCausalLM

        module = import_module(f"trl.trainer.{recipe['method']}_trainer")
    method = method_of(recipe)
    processing = processing_class(recipe, base)
    dataset = dataset_of(file, file.parent / "datasets")
    job = _job(recipe, base, file)
    own = method.arguments(recipe, job, tuple(dataset.column_names))
    words = len(getattr(processing, "tokenizer", processing))
    tiny = LlamaConfig(vocab_size=words, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    with training_templates_known(module):
        trainer = getattr(trl, f"{method.label}Trainer")(
            model=LlamaForCausalLM(tiny),
            args=getattr(trl, f"{method.label}Config")(**training_arguments(job) | {"model_init_kwargs": None}, **own),
            train_dataset=with_chat_arguments(dataset, recipe),
            processing_class=processing,
            # With an adapter, TRL loads no reference model.
            peft_config=LoraConfig(r=1, target_modules=["q_proj"], task_type="CAUSAL_LM"),
            **method.trainer_arguments(recipe),
        )
    if len(trainer.train_dataset) == 0:
        raise DatasetError(
            f"sequence.maxLength: got {recipe['sequence']['maxLength']}; none of the first {len(dataset)} examples leaves "
            "room for an answer in it: write more"
        )
    if method.generates:
        _ask(trainer, list(islice(dataset, TRIED)))
    else:
        next(iter(trainer.get_train_dataloader()))


def _ask(trainer: Any, examples: list[Row]) -> None:
    """Tokenises prompts as the trainer does before it generates, and has the rewards judge an answer to each."""
    prompts = [example["prompt"] for example in examples]
    trainer._tokenize_prompts(prompts)
    answers = ["0" if isinstance(prompt, str) else [{"role": "assistant", "content": "0"}] for prompt in prompts]
    columns = {name: [example[name] for example in examples] for name in examples[0] if name != "prompt"}
    for reward in trainer.reward_funcs:
        reward(prompts=prompts, completions=answers, **columns)


def _job(recipe: Recipe, base: Path, file: Path) -> TrainingJob:
    plan: Plan = {
        "nodes": 1,
        "generationNodes": 0,
        "gpusPerNode": 0,
        "microBatch": recipe["batch"]["global"],
        "gradientAccumulation": 1,
        "sharding": "none",
        "activationCheckpointing": "none",
    }
    return TrainingJob(
        recipe=recipe, plan=plan, model=str(base), examples=str(file), output=str(file.parent), scratch=str(file.parent)
    )
