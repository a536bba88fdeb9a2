"""What must hold between the fields of a recipe, whatever machine it runs on.

What must hold of one method's fields is in its record (methods/). `recipe/relations.ts` says the same in TypeScript;
`tests/recipes/` holds both to one table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from posttraining.contracts.recipe import GateCondition, LoraTraining, QloraTraining, Recipe, Trainable
from posttraining.methods import METHODS, method_of
from posttraining.methods.facts import method_facts
from posttraining.methods.method import BaseFacts, Method
from posttraining.problems import repeated, shown
from posttraining.trainers.chat_template import template_names

_DEMANDS = ("minimum", "maximum", "minimumGain")


@cache
def tiny_facts() -> dict[str, Any]:
    """What is known of the model and the task that the project makes itself."""
    return json.loads(Path(__file__).with_name("tiny_facts.json").read_text(encoding="utf-8"))


@cache
def precision_facts() -> dict[str, Any]:
    """What was measured of each precision (docs/precision.md)."""
    return json.loads(Path(__file__).with_name("precision_facts.json").read_text(encoding="utf-8"))


def relation_problems(recipe: Recipe) -> Iterator[str]:
    """One problem, `path: reason`, for every field to change. What depends on the base model is in `base_problems`.

    Args:
        recipe: one whose fields are each right, with defaults filled in.
    """
    yield from _name_problems(recipe)
    yield from _origin_problems(recipe)
    yield from _chat_template_problems(recipe)
    yield from _sequence_problems(recipe)
    yield from _target_problems(recipe["trainable"])
    yield from _optimizer_problems(recipe)
    yield from _precision_problems(recipe)
    yield from _batch_problems(recipe)
    yield from method_of(recipe).relations(recipe, known_examples(recipe))
    yield from _gate_problems(recipe)


def _name_problems(recipe: Recipe) -> Iterator[str]:
    name, method = recipe["name"], recipe["method"]
    if not name.startswith(f"{method}-"):
        yield f"name: got {shown(name)}; must begin with the method: {method}-<size>"


def is_tiny(reference: str) -> bool:
    """The model, or the task, that the project makes itself."""
    return reference.startswith("tiny:")


def _is_on_hub(reference: str) -> bool:
    return not reference.startswith(("tiny:", "s3://", "file://"))


def _origin_problems(recipe: Recipe) -> Iterator[str]:
    """What only the hub has, asked of another place: it would silently have no effect."""
    model, dataset = recipe["model"], recipe["dataset"]
    if "revision" in model and not _is_on_hub(model["base"]):
        yield (
            f"model.revision: got {shown(model['revision'])}; only models of the hub have revisions, "
            f"and model.base is {shown(model['base'])}: remove it"
        )
    if _is_on_hub(dataset["source"]):
        return
    where = f"only datasets of the hub have it, and dataset.source is {shown(dataset['source'])}: remove it"
    if "revision" in dataset:
        yield f"dataset.revision: got {shown(dataset['revision'])}; {where}"
    if "subset" in dataset:
        yield f"dataset.subset: got {shown(dataset['subset'])}; {where}"
    if dataset["split"] != "train":
        yield f"dataset.split: got {shown(dataset['split'])}; {where}"


def _chat_template_problems(recipe: Recipe) -> Iterator[str]:
    name, allowed = recipe["model"].get("chatTemplate"), template_names()
    if name is not None and name not in allowed:
        yield f"model.chatTemplate: got {shown(name)}; allowed: {', '.join(allowed)}"


def _sequence_problems(recipe: Recipe) -> Iterator[str]:
    sequence, method = recipe["sequence"], method_of(recipe)
    longest, answer = sequence["maxLength"], sequence.get("maxCompletionLength")
    if method.generates:
        if answer is None:
            yield f"sequence.maxCompletionLength: is missing; {method.label} needs it: the longest answer in tokens"
    else:
        if answer is not None:
            yield (
                f"sequence.maxCompletionLength: got {answer}; it is for recipes of method "
                f"{_names(other for other in METHODS if other.generates)}, whose policy generates answers: remove it"
            )
        example = tiny_facts()["dataset"]["longestExample"]
        if is_tiny(recipe["dataset"]["source"]) and longest < example:
            yield (
                f"sequence.maxLength: got {longest}; an example of tiny:sums has up to {example} tokens: "
                f"write {example} or more"
            )
    if sequence["packing"] and not method.packs:
        packing = _names(other for other in METHODS if other.packs)
        yield (
            f"sequence.packing: got true; only recipes of method {packing} pack examples, "
            f"and method is {method.name}: remove it"
        )


def _names(methods: Iterable[Method[Any]]) -> str:
    return ", ".join(method.name for method in methods)


def _target_problems(trainable: Trainable) -> Iterator[str]:
    targets = trainable.get("targets")
    if not isinstance(targets, list):
        return
    yield from repeated(targets, "trainable.targets")
    for index, target in enumerate(targets):
        if is_head(target):
            yield (
                f"trainable.targets[{index}]: got {shown(target)}; TRL's trainers take no adapter on the model's "
                "head, which would never be trained: remove it"
            )


def is_head(target: str) -> bool:
    """The head of a language model, by its own name or by its whole path."""
    return target.rpartition(".")[2] == "lm_head"


def base_problems(recipe: Recipe, base: str) -> Iterator[str]:
    """What must hold between a recipe and the model that the run starts from, where that is the project's own.

    Args:
        recipe: one whose fields are each right, with defaults filled in.
        base: its own base model, or another run's model that takes its place.
    """
    longest = recipe["sequence"]["maxLength"]
    positions = tiny_facts()["model"]["positions"]
    if is_tiny(base) and longest > positions:
        yield f"sequence.maxLength: got {longest}; {base} has a context of {positions} tokens: write that or less"
    prompt = tiny_facts()["dataset"]["longestPrompt"]
    known = BaseFacts(
        base,
        context_tokens=positions if is_tiny(base) else None,
        longest_prompt_tokens=prompt if is_tiny(recipe["dataset"]["source"]) else None,
    )
    yield from method_of(recipe).base_relations(recipe, known)
    if is_tiny(base) and recipe["trainable"]["kind"] != "full":
        yield from _adapter_problems(recipe["trainable"], base)


def _adapter_problems(trainable: LoraTraining | QloraTraining, base: str) -> Iterator[str]:
    """Of the project's own model the modules are known; of others their `config.json` may say them (checks.py)."""
    hidden, modules = tiny_facts()["model"]["hidden"], tiny_facts()["model"]["modules"]
    if trainable["rank"] > hidden:
        yield (
            f"trainable.rank: got {trainable['rank']}; {base} is {hidden} wide, "
            f"and no adapter can have a higher rank: write {hidden} or less"
        )
    targets = trainable["targets"] if isinstance(trainable["targets"], list) else []
    for index, target in enumerate(targets):
        if target not in modules and not is_head(target):
            yield f"trainable.targets[{index}]: got {shown(target)}; allowed: {', '.join(modules)}"


def known_examples(recipe: Recipe) -> int | None:
    """Training examples, where they are known."""
    dataset = recipe["dataset"]
    of_source = dataset.get("examples")
    if is_tiny(dataset["source"]):
        of_source = method_facts(recipe["method"])["tinyExamples"]
    known = [count for count in (of_source, dataset.get("limit")) if count is not None]
    return min(known, default=None)


def known_steps(recipe: Recipe) -> int | None:
    """Optimizer steps of the run, where they are known."""
    duration, examples = recipe["duration"], known_examples(recipe)
    if "steps" in duration:
        return duration["steps"]
    # Packing makes sequences of which only their tokens are known.
    if examples is None or recipe["sequence"]["packing"]:
        return None
    each = method_of(recipe).steps_per_epoch(recipe, examples)
    return None if each is None else math.ceil(duration["epochs"] * each)


def _optimizer_problems(recipe: Recipe) -> Iterator[str]:
    warmup, steps = recipe["optimizer"]["warmupSteps"], known_steps(recipe)
    if warmup == 0:
        return
    if recipe["optimizer"]["schedule"] == "constant":
        yield (
            f'optimizer.warmupSteps: got {warmup}; schedule "constant" has no warm-up: '
            "write optimizer.schedule: constant_with_warmup, or 0"
        )
    elif steps is not None and warmup > steps:
        yield (
            f"optimizer.warmupSteps: got {warmup}; the run has {steps} steps, "
            f"so that the learning rate would never be reached: write {steps} or less"
        )


_STOCHASTIC_OPTIMIZER = "adamw_torch_8bit"
"""torchao's AdamW, which rounds bfloat16 weights stochastically."""


SHARDS_NOT_STEPPED = (
    "torchao 0.18 cannot step over FSDP2's shards (docs/precision.md): write none or ddp, or precision: bfloat16-mixed"
)


def _precision_problems(recipe: Recipe) -> Iterator[str]:
    """What a precision asks of the optimizer, the trained part and the sharding; docs/precision.md says what was measured."""
    precision, optimizer = recipe["precision"], recipe["optimizer"]["name"]
    if precision == "bfloat16-stochastic" and optimizer != _STOCHASTIC_OPTIMIZER:
        yield (
            f"optimizer.name: got {shown(optimizer)}; precision bfloat16-stochastic has an optimizer of its own: "
            f"write {_STOCHASTIC_OPTIMIZER}"
        )
    if optimizer == _STOCHASTIC_OPTIMIZER and precision != "bfloat16-stochastic":
        yield (
            f"optimizer.name: got {shown(optimizer)}; it is the optimizer of precision bfloat16-stochastic, "
            f"and precision is {shown(precision)}: write adamw_torch_fused, or precision: bfloat16-stochastic"
        )
    if precision in ("float32", "bfloat16-mixed"):
        return
    if recipe["trainable"]["kind"] != "full":
        yield (
            f"precision: got {shown(precision)}; adapters are trained in float32 beside weights in bfloat16: "
            "write bfloat16-mixed"
        )
    if recipe["sharding"] in ("zero2", "zero3"):
        yield (
            f"sharding: got {shown(recipe['sharding'])}; DeepSpeed keeps float32 weights beside those of precision "
            f"{precision}: write auto, or precision: bfloat16-mixed"
        )
    if precision == "bfloat16-stochastic" and recipe["sharding"] == "fsdp2":
        yield f'sharding: got "fsdp2"; {SHARDS_NOT_STEPPED}'
    rate, least = recipe["optimizer"]["learningRate"], precision_facts()["bfloat16"]["leastLearningRate"]
    if precision == "bfloat16" and recipe["trainable"]["kind"] == "full" and rate < least:
        yield (
            f"precision: got {shown(precision)}; at optimizer.learningRate {rate} most updates are too small to change "
            f"weights in bfloat16 (docs/precision.md), which was measured to work from {least} on: write "
            f"bfloat16-mixed, or bfloat16-stochastic with optimizer.name: {_STOCHASTIC_OPTIMIZER}"
        )


def _batch_problems(recipe: Recipe) -> Iterator[str]:
    whole, micro = recipe["batch"]["global"], recipe["batch"].get("micro")
    if micro is not None and micro > whole:
        yield f"batch.micro: got {micro}; must be at most batch.global ({whole})"
    elif micro is not None and whole % micro:
        yield f"batch.micro: got {micro}; must divide batch.global ({whole})"
    method = method_of(recipe)
    least, first = method.least_micro_batch(recipe), whole if micro is None else micro
    if first < least:
        yield (
            f"batch.{'global' if micro is None else 'micro'}: got {first}; "
            f"{method.label} takes {least} or more examples in one forward pass: write {least} or more"
        )


def _gate_problems(recipe: Recipe) -> Iterator[str]:
    yield from repeated(recipe["evaluation"]["tasks"], "evaluation.tasks")
    for index, condition in enumerate(recipe["gate"]):
        path = f"gate[{index}]"
        minimum, maximum = condition.get("minimum"), condition.get("maximum")
        if not any(demand in condition for demand in _DEMANDS):
            yield f"{path}: needs at least one of minimum, maximum, minimumGain"
        if minimum is not None and maximum is not None and minimum > maximum:
            yield f"{path}.minimum: got {minimum}; is above maximum ({maximum}), so that no model could pass"
        earlier = [other for other in recipe["gate"][:index] if other["metric"] == condition["metric"]]
        if condition in earlier:
            yield f"{path}: is there twice; remove it"
        if "confidence" in condition and condition["metric"].startswith("train/"):
            yield (
                f"{path}.confidence: got {condition['confidence']}; {condition['metric']} is what the trainer logs, "
                "of which no error is known: remove it, or ask it of a metric of evaluation.tasks"
            )
        yield from _contradictions(condition, earlier, path)


def _contradictions(condition: GateCondition, earlier: list[GateCondition], path: str) -> Iterator[str]:
    """Two conditions on one metric that no value meets."""
    minimum, maximum = condition.get("minimum", -math.inf), condition.get("maximum", math.inf)
    highest = min((other.get("maximum", math.inf) for other in earlier), default=math.inf)
    lowest = max((other.get("minimum", -math.inf) for other in earlier), default=-math.inf)
    if minimum > highest:
        yield (
            f"{path}.minimum: got {minimum}; another condition wants the same metric to be at most {highest}, "
            "so that no model could pass"
        )
    if maximum < lowest:
        yield (
            f"{path}.maximum: got {maximum}; another condition wants the same metric to be at least {lowest}, "
            "so that no model could pass"
        )
