"""Group relative policy optimisation: learns from rewards that programs compute of generated answers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from posttraining.contracts.plan import Plan, PlanGeneration
from posttraining.contracts.recipe import CompletionGeneration, GrpoRecipe
from posttraining.methods.facts import method_facts
from posttraining.methods.method import BaseFacts, Method, NeedsGpu, Row, Turns
from posttraining.problems import repeated, shown
from posttraining.rewards import answer_problem, columns_of, reward_functions
from posttraining.trainers.job import TrainingJob

GENERATION_SERVER_PORT = 8000
# Weights travel from the trainer to the server over this port; pods' network policies must allow it.
WEIGHT_SYNC_PORT = 51216

_DEFAULT_MEMORY_UTILIZATION = 0.3  # TRL's own


def _arguments(recipe: GrpoRecipe, job: TrainingJob, _columns: tuple[str, ...]) -> dict[str, Any]:
    """Raises ValueError if completions come from a server and its host is not given."""
    grpo, sequence = recipe["grpo"], recipe["sequence"]
    planned = job.plan.get("generation")
    return {
        "num_generations": grpo["generations"],
        "max_completion_length": sequence.get("maxCompletionLength"),
        "temperature": grpo["temperature"],
        "beta": grpo["beta"],
        "chat_template_kwargs": recipe["model"].get("chatTemplateArguments"),
        "num_iterations": grpo["iterations"],
        "reward_weights": [reward["weight"] for reward in grpo["rewards"]],
        **_generation(grpo["generation"], sequence["maxLength"], planned, job.generation_server),
    }


def _generation(
    generation: CompletionGeneration, max_length: int, planned: PlanGeneration | None, server: str | None
) -> dict[str, Any]:
    if generation["kind"] == "transformers":
        return {"use_vllm": False}
    if generation["kind"] == "vllm-colocated":
        share = generation["memoryUtilization"]
        if share == "auto":
            share = planned["memoryUtilization"] if planned else _DEFAULT_MEMORY_UTILIZATION
        return {
            "use_vllm": True,
            "vllm_mode": "colocate",
            "vllm_gpu_memory_utilization": share,
            "vllm_tensor_parallel_size": planned["tensorParallel"] if planned else 1,
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


def _trainer_arguments(recipe: GrpoRecipe) -> dict[str, Any]:
    return {"reward_funcs": reward_functions(_reward_names(recipe))}


def _reward_names(recipe: GrpoRecipe) -> list[str]:
    return [reward["name"] for reward in recipe["grpo"]["rewards"]]


def _reads(recipe: GrpoRecipe) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for reward in _reward_names(recipe) for name in columns_of(reward)))


def _example_problem(recipe: GrpoRecipe, example: Row) -> str | None:
    return answer_problem(_reward_names(recipe), example["answer"]) if "answer" in example else None


def _reader_of(recipe: GrpoRecipe, column: str) -> str:
    return next(f"the reward {name}" for name in _reward_names(recipe) if column in columns_of(name))


def _tiny_row(prompt: Turns, total: int, _source: random.Random) -> Row:
    return {"prompt": prompt, "answer": str(total)}


def _relations(recipe: GrpoRecipe, examples: int | None) -> Iterator[str]:
    whole, generations = recipe["batch"]["global"], recipe["grpo"]["generations"]
    prompts = whole // generations
    if whole % generations:
        yield f"batch.global: got {whole}; must be a multiple of grpo.generations ({generations})"
    # TRL drops prompts that do not fill a batch (RepeatSampler), and then trains on nothing.
    elif examples is not None and examples < prompts:
        yield (
            f"batch.global: got {whole}; a step takes {prompts} prompts, and the dataset has {examples}: "
            f"write {examples * generations} or less"
        )
    names = _reward_names(recipe)
    for index, name in enumerate(names):
        try:
            reward_functions([name])
        except ValueError as error:
            there_are = str(error).rpartition("there are ")[2]
            yield f"grpo.rewards[{index}].name: got {shown(name)}; allowed: {there_are}"
    yield from repeated(names, "grpo.rewards", field=".name")


def _base_relations(recipe: GrpoRecipe, known: BaseFacts) -> Iterator[str]:
    """Whether a prompt and the longest answer fit into the longest sequence, and that into the model.

    What is advised fits into both.
    """
    longest, answer = recipe["sequence"]["maxLength"], recipe["sequence"].get("maxCompletionLength")
    prompt = known.longest_prompt_tokens or 1
    context = known.context_tokens or math.inf
    room, most = min(longest, context) - prompt, context - prompt
    if answer is None or answer <= room:
        return
    if room < 1 or (answer < longest and answer <= most):
        yield (
            f"sequence.maxLength: got {longest}; a prompt of tiny:sums has {prompt} tokens: "
            f"write {prompt + min(answer, most)} or more"
        )
    if answer > most and known.longest_prompt_tokens is not None:
        what = f"a prompt of tiny:sums has {prompt} tokens, and {known.base} a context of {context}"
    elif answer > most:
        what = f"{known.base} has a context of {context} tokens, which holds prompt and answer"
    else:
        what = f"must be less than sequence.maxLength ({longest}), which holds prompt and answer"
    if answer > most or (answer >= longest and room >= 1):
        yield f"sequence.maxCompletionLength: got {answer}; {what}: write {most if room < 1 else room} or less"


def _steps_per_epoch(recipe: GrpoRecipe, examples: int) -> int | None:
    batch, grpo = recipe["batch"]["global"], recipe["grpo"]
    # TRL drops prompts that do not fill a batch (RepeatSampler). What is no batch, _relations refuses.
    batches = 0 if batch % grpo["generations"] else examples * grpo["generations"] // batch
    return batches * grpo["iterations"] or None


def _more_shown(recipe: GrpoRecipe) -> tuple[str, ...]:
    return tuple(f"rewards.{name}.mean" for name in _reward_names(recipe))


def _more_metrics(recipe: GrpoRecipe) -> tuple[str, ...]:
    known, grpo = method_facts("grpo")["metrics"], recipe["grpo"]
    names = [name.format(name=reward) for reward in _reward_names(recipe) for name in known["each reward"]]
    names += known["beta"] if grpo["beta"] else []
    names += [] if grpo["generation"]["kind"] == "transformers" else known["vllm"]
    return tuple(names)


def _plan_problems(recipe: GrpoRecipe, plan: Plan) -> Iterator[str]:
    kind = recipe["grpo"]["generation"]["kind"]
    if kind == "vllm-server" and (plan["generationNodes"] != 1 or plan["nodes"] < 2):
        yield (
            "grpo.generation.kind: vllm-server takes one node for generation beside those that train; the plan has "
            f"{plan['generationNodes']} for it, of {plan['nodes']}: write generationNodes 1 and 2 nodes or more"
        )
    if kind != "vllm-server" and plan["generationNodes"] > 0:
        yield f"grpo.generation.kind: {kind} needs no node for generation; the plan has {plan['generationNodes']}"
    if _uses_vllm(recipe) and recipe["trainable"]["kind"] == "qlora" and plan["sharding"] == "fsdp2":
        # https://github.com/huggingface/trl/issues/5975
        yield "trainable.kind: quantised weights sharded with FSDP2 cannot be sent to vLLM; write lora"


def _uses_vllm(recipe: GrpoRecipe) -> bool:
    return recipe["grpo"]["generation"]["kind"] != "transformers"


def _needs_gpu(recipe: GrpoRecipe) -> Iterator[NeedsGpu]:
    kind = recipe["grpo"]["generation"]["kind"]
    if kind != "transformers":
        yield NeedsGpu("grpo.generation.kind", kind, instead="transformers", package="vllm")


METHOD = Method[GrpoRecipe](
    name="grpo",
    label="GRPO",
    columns=(("prompt",),),
    arguments=_arguments,
    tiny_row=_tiny_row,
    shown=("reward", "completions.mean_length"),
    generates=True,
    forms="messages, conversations (from, value), question, problem or instruction",
    reads=_reads,
    example_problem=_example_problem,
    reader_of=_reader_of,
    relations=_relations,
    base_relations=_base_relations,
    steps_per_epoch=_steps_per_epoch,
    more_shown=_more_shown,
    more_metrics=_more_metrics,
    plan_problems=_plan_problems,
    uses_vllm=_uses_vllm,
    needs_gpu=_needs_gpu,
    trainer_arguments=_trainer_arguments,
)
