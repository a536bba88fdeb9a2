"""The recipe and the plan of a rehearsal: the real ones, with fewer steps on fewer devices, and nothing that only GPUs have.

What decides how a training learns stays: method, trainable part, learning rate, precision, optimizer, sharding, packing,
checkpointing of activations, chat template. What is changed is told in the report.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Evaluation, GateCondition, Recipe
from posttraining.contracts.rehearsal_report import RehearsalReplacement
from posttraining.contracts.rehearsal_request import RehearsalRequest
from posttraining.methods import method_of
from posttraining.plans import processes_per_node

STEPS = 5
CHECKPOINT_AT = 2
INTERRUPTED_AT = 3
"""A step later than a checkpoint: what was trained in between is lost and done again."""

_LONGEST = 256
_LONGEST_ANSWER = 16
_EVALUATED = 8
_FAR = 1e9
"""Beyond every metric: what a random model measures passes, what is not a number does not."""

# Tasks of the project's own that ask a model in the same way, by what lm-eval reports of its own.
_GENERATED, _LIKELIHOODS = "tiny_sums", "tiny_sums_preference"
_TASKS_OF_LIKELIHOODS = ("truthfulqa_mc", "mmlu", "hellaswag", "arc_", "winogrande", "piqa", "boolq", "openbookqa")


@dataclass(frozen=True)
class Scaled:
    """What is rehearsed."""

    recipe: Recipe
    plan: Plan
    replaced: list[RehearsalReplacement]


def scaled(request: RehearsalRequest, model: str, rows: str) -> Scaled:
    """Scales a recipe and its plan.

    Args:
        request: what is asked for.
        model: reference of the small model.
        rows: reference of the sample of rows.
    """
    recipe = cast("dict[str, Any]", deepcopy(request["recipe"]))
    replaced: list[RehearsalReplacement] = []

    def replace(what: str, by: str, why: str) -> None:
        replaced.append({"what": what, "by": by, "why": why})

    recipe["model"]["base"] = model
    recipe["model"].pop("revision", None)
    if recipe["dataset"]["source"] != rows:
        recipe["dataset"] |= {"source": rows, "split": "train"}
    for name in ("subset", "revision", "examples", "limit"):
        recipe["dataset"].pop(name, None)
    _scale_lengths(recipe)
    _replace_what_needs_gpus(recipe, replace)
    plan = _scaled_plan(request, recipe, replace)
    recipe["batch"] = {"global": plan["microBatch"] * plan["gradientAccumulation"] * processes_per_node(plan)}
    recipe["duration"] = {"steps": STEPS}
    recipe["optimizer"]["warmupSteps"] = min(recipe["optimizer"]["warmupSteps"], 1)
    recipe["checkpointEverySteps"] = CHECKPOINT_AT
    recipe["loggingSteps"] = 1
    _replace_tasks(recipe, replace)
    if "grpo" in recipe:
        replace(
            "the rewards' sum",
            "the same and a reward that differs from answer to answer",
            "what a random model says earns none of them, and would move no weight",
        )
    return Scaled(cast("Recipe", recipe), plan, replaced)


def _scale_lengths(recipe: dict[str, Any]) -> None:
    sequence = recipe["sequence"]
    sequence["maxLength"] = min(sequence["maxLength"], _LONGEST)
    if "maxCompletionLength" in sequence:
        sequence["maxCompletionLength"] = min(sequence["maxCompletionLength"], _LONGEST_ANSWER)
    if "grpo" in recipe:
        recipe["grpo"]["generations"] = min(recipe["grpo"]["generations"], 8)


def _replace_what_needs_gpus(recipe: dict[str, Any], replace: Any) -> None:
    attention = recipe["model"]["attention"]
    if attention.startswith("flash_attention"):
        recipe["model"]["attention"] = "sdpa"
        replace(
            f"model.attention: {attention}", "sdpa", "its kernels run on GPUs alone; both compute the same attention"
        )
    if recipe["trainable"]["kind"] == "qlora":
        recipe["trainable"]["kind"] = "lora"
        recipe["trainable"].pop("bits", None)
        replace("trainable.kind: qlora", "lora", "bitsandbytes quantises on GPUs alone; the adapter is the same")
    name = recipe["optimizer"]["name"]
    if name in ("adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit"):
        recipe["optimizer"]["name"] = "adamw_torch"
        replace(f"optimizer.name: {name}", "adamw_torch", "its kernels run on GPUs alone; both are AdamW")
    generation = recipe.get("grpo", {}).get("generation", {}).get("kind", "transformers")
    if generation != "transformers":
        recipe["grpo"]["generation"] = {"kind": "transformers"}
        replace(
            f"grpo.generation.kind: {generation}",
            "transformers",
            "vLLM generates on GPUs while training; the server below runs vLLM on this processor",
        )


def _scaled_plan(request: RehearsalRequest, recipe: dict[str, Any], replace: Any) -> Plan:
    """As many processes as asked for where the plan spreads states over several, else one; small batches."""
    real = request["plan"]
    real_processes = (real["nodes"] - real["generationNodes"]) * processes_per_node(real)
    processes = min(request["processes"], real_processes)
    sharding = real["sharding"] if processes > 1 else "none"
    if sharding in ("zero2", "zero3"):
        replace(f"sharding: {sharding}", "fsdp2", "DeepSpeed needs GPUs; both spread the same states over processes")
        sharding = "fsdp2"
    if recipe.get("sharding", "auto") not in ("auto", sharding):
        recipe["sharding"] = "auto"
    if real_processes > processes:
        replace(
            f"{real_processes} processes on {real['nodes']} node(s)",
            f"{processes} process(es) on this machine (gloo)",
            "a rehearsal runs on one machine's processors",
        )
    accumulation = min(real["gradientAccumulation"], 2)
    micro = max(min(real["microBatch"], 2), method_of(cast("Recipe", recipe)).least_micro_batch(cast("Recipe", recipe)))
    generations = recipe.get("grpo", {}).get("generations", 1)
    while micro * accumulation * processes % generations:
        micro += 1
    plan: Plan = {
        "nodes": 1,
        "generationNodes": 0,
        "gpusPerNode": 0,
        "processesPerNode": processes,
        "microBatch": micro,
        "gradientAccumulation": accumulation,
        "sharding": sharding,
        "activationCheckpointing": real["activationCheckpointing"],
    }
    return plan


def _replace_tasks(recipe: dict[str, Any], replace: Any) -> None:
    """Tasks that need the hub become the project's own, and the gate's conditions keep their kind."""
    evaluation: Evaluation = recipe["evaluation"]
    names = {task: _own_task(task) for task in evaluation["tasks"]}
    for task, own in names.items():
        if task != own:
            replace(
                f"evaluation.tasks: {task}", own, "its questions are on the hub; lm-eval asks the model in the same way"
            )
    evaluation["tasks"] = list(dict.fromkeys(names.values()))
    evaluation["limit"] = min(evaluation.get("limit", _EVALUATED), _EVALUATED)
    # The project's own tasks say how long their answers are.
    evaluation.pop("maxAnswerTokens", None)
    evaluation["batchSize"] = min(evaluation["batchSize"], _EVALUATED)
    evaluation["headline"] = _own_metric(evaluation["headline"], names)
    conditions: list[GateCondition] = [
        _passable({**condition, "metric": _own_metric(condition["metric"], names)}) for condition in recipe["gate"]
    ]
    recipe["gate"] = [one for place, one in enumerate(conditions) if one not in conditions[:place]]
    replace(
        "gate", "the same conditions with limits that every number meets", "a random model has learnt nothing to judge"
    )


def _own_task(task: str) -> str:
    if task.startswith("tiny_"):
        return task
    return _LIKELIHOODS if task.startswith(_TASKS_OF_LIKELIHOODS) else _GENERATED


def _own_metric(metric: str, names: dict[str, str]) -> str:
    task, _, measure = metric.partition("/")
    own = names.get(task, task)
    if own == task:
        return metric
    return f"{own}/acc" if own == _LIKELIHOODS else f"{own}/{'exact_match' if 'exact' in measure else 'number'}"


def _passable(condition: dict[str, Any]) -> GateCondition:
    passable = dict(condition)
    # Eight answers of a random model bound nothing.
    passable.pop("confidence", None)
    # What the project's own tasks measure is a share.
    least, most = (-_FAR, _FAR) if condition["metric"].startswith("train/") else (0, 1)
    for name, limit in (("minimum", least), ("maximum", most), ("minimumGain", least if least else -1)):
        if name in passable:
            passable[name] = limit
    return cast("GateCondition", passable)
