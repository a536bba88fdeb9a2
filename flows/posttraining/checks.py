"""What must hold for a run before any hardware is used, beyond what the recipe itself says."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlparse

from posttraining.chat_arguments import arguments_problem, chat_arguments
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe, Trainable
from posttraining.contracts.run_document import RunDocument
from posttraining.evaluation_checks import evaluation_problems, named_metrics
from posttraining.evaluation_tasks import find_task
from posttraining.methods import method_of
from posttraining.plans import processes_per_node
from posttraining.problems import shown
from posttraining.recipe import RecipeError
from posttraining.recipe_relations import SHARDS_NOT_STEPPED, base_problems, is_head, is_tiny, tiny_facts
from posttraining.tiny_model import CHAT_TEMPLATE
from posttraining.trainers.chat_template import template_of

_8_BIT = ("adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit")
# The hub's kernels stand in for the package: transformers loads them where `flash_attn` is not installed.
_FLASH = {"flash_attention_2": ("flash_attn", "kernels"), "flash_attention_3": ("flash_attn_interface", "kernels")}

# A package of each group of pyproject.toml that a run on this machine imports.
_OF_GROUPS = {"train": "trl", "evaluate": "lm_eval"}

# What transformers loads from a folder.
_WEIGHTS = re.compile(r"\.safetensors$|^pytorch_model.*\.bin$")


def check_run(document: RunDocument, method: str) -> None:
    """Checks a run document against the flow that is to run it.

    Raises:
        RecipeError: naming every wrong field.
    """
    recipe, plan = document["recipe"], document["plan"]
    if recipe["method"] != method:
        wrong = f"method: this flow trains with {method}; {recipe['name']} is a recipe for {recipe['method']}"
        raise RecipeError([wrong])
    base = _base_of(document)
    problems = [*base_problems(recipe, base), *evaluation_problems(recipe, base), *_plan_problems(recipe, plan)]
    # Tasks on Kubernetes run in an image of their own, which has what this machine need not have.
    if document["placement"] is None:
        problems += [*_group_problems(), *_package_problems(recipe, plan), *_file_problems(document)]
        problems += _template_problems(recipe, base)
    if problems:
        raise RecipeError(problems)


def _plan_problems(recipe: Recipe, plan: Plan) -> Iterator[str]:
    sharding = plan["sharding"]
    processes = (plan["nodes"] - plan["generationNodes"]) * processes_per_node(plan)
    if plan["gpusPerNode"] > 0 and "processesPerNode" in plan:
        yield (
            f"plan.processesPerNode: got {plan['processesPerNode']}; a node with GPUs has one process for each of them, "
            f"{plan['gpusPerNode']}: remove it"
        )
    if sharding != "none" and processes == 1:
        yield f"sharding: {sharding} spreads states over several processes; the plan has one; write auto"
    if plan["microBatch"] * plan["gradientAccumulation"] * processes != recipe["batch"]["global"]:
        yield (
            f"batch.global: got {recipe['batch']['global']}; the plan makes {plan['microBatch']} (microBatch) x "
            f"{plan['gradientAccumulation']} (gradientAccumulation) x {processes} (processes that train) of it"
        )
    if recipe["precision"] == "bfloat16-stochastic" and sharding == "fsdp2":
        yield f'sharding: the plan has "fsdp2"; {SHARDS_NOT_STEPPED}'
    if plan["gpusPerNode"] == 0:
        yield from _gpu_problems(recipe)
    method = method_of(recipe)
    least = method.least_micro_batch(recipe)
    if plan["microBatch"] < least:
        yield (
            f"batch.global: got {recipe['batch']['global']}; {method.label} takes {least} or more examples in one "
            f"forward pass, and the plan has {plan['microBatch']} on each of {processes} GPUs: "
            f"write {least * processes} or more"
        )
    if plan["generationNodes"] > 0 and not method.generates:
        yield f"method: {method.name} generates nothing; the plan sets {plan['generationNodes']} nodes apart for it"
    if "generation" in plan and not method.uses_vllm(recipe):
        yield f"plan.generation: got {shown(plan['generation'])}; vLLM generates nothing here: remove it"
    yield from method.plan_problems(recipe, plan)


def _gpu_problems(recipe: Recipe) -> Iterator[str]:
    """What a recipe asks for that only GPUs can do."""
    optimizer, attention = recipe["optimizer"]["name"], recipe["model"]["attention"]
    if recipe["trainable"]["kind"] == "qlora":
        yield "trainable.kind: qlora needs GPUs; the plan has none; write lora"
    if optimizer in _8_BIT:
        yield f"optimizer.name: {optimizer} needs GPUs; the plan has none; write adamw_torch"
    if attention in _FLASH:
        yield f"model.attention: {attention} needs GPUs; the plan has none; write sdpa"
    for need in method_of(recipe).needs_gpu(recipe):
        yield f"{need.path}: {need.value} needs GPUs; the plan has none; write {need.instead}"


def _group_problems() -> Iterator[str]:
    """Groups of packages without which no run gets further than its first steps."""
    missing = [group for group, module in _OF_GROUPS.items() if not find_spec(module)]
    if missing:
        yield (
            f"packages: {' and '.join(_OF_GROUPS[group] for group in missing)} cannot be imported by {sys.executable}: start the flow with "
            f"uv run {' '.join(f'--group {group}' for group in _OF_GROUPS)} (on a machine with GPUs: --group gpu)"
        )


def _package_problems(recipe: Recipe, plan: Plan) -> Iterator[str]:
    """Packages that the run would import later than now, where they are not installed."""
    wanted: list[tuple[str, str, tuple[str, ...]]] = [
        (f"evaluation.tasks[{index}]", name, (module,))
        for index, name in enumerate(recipe["evaluation"]["tasks"])
        if (task := find_task(name)) is not None
        for module in task.modules
    ]
    if plan["gpusPerNode"] > 0:
        optimizer, attention = recipe["optimizer"]["name"], recipe["model"]["attention"]
        if recipe["trainable"]["kind"] == "qlora":
            wanted.append(("trainable.kind", "qlora", ("bitsandbytes",)))
        if optimizer in _8_BIT:
            wanted.append(("optimizer.name", optimizer, ("bitsandbytes",)))
        if attention in _FLASH:
            wanted.append(("model.attention", attention, _FLASH[attention]))
        if plan["sharding"] in ("zero2", "zero3"):
            wanted.append(("sharding", plan["sharding"], ("deepspeed",)))
        wanted += [(need.path, need.value, (need.package,)) for need in method_of(recipe).needs_gpu(recipe)]
    for path, value, modules in wanted:
        if not any(find_spec(module) for module in modules):
            yield f"{path}: {value} needs the package {' or '.join(modules)}, which is not installed here"


def _file_problems(document: RunDocument) -> Iterator[str]:
    """Folders and files of this machine that a recipe names and that are not there, or hold something else."""
    base, source = _base_of(document), document["recipe"]["dataset"]["source"]
    if base.startswith("file://"):
        yield from _folder_problems(document, base)
    if source.startswith("file://"):
        yield from _data_problems(source)


def _base_of(document: RunDocument) -> str:
    """The model that a run starts from: its own, or another run's."""
    return document["baseModelUri"] or document["recipe"]["model"]["base"]


def _path_of(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))


def _kind_of(path: Path) -> Literal["nothing", "file", "folder", "other"]:
    """What has that name, or is where it links to; nothing where this user may not even look."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "nothing"
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _data_problems(source: str) -> Iterator[str]:
    path = _path_of(source)
    kind = _kind_of(path)
    if kind == "nothing":
        yield f"dataset.source: {source} does not exist"
    elif source.endswith(".jsonl"):
        if kind != "file":
            yield f"dataset.source: {source} is a folder, and its name is that of a file: call it otherwise"
        elif path.stat().st_size == 0:
            yield f"dataset.source: {source} is empty"
    elif kind != "folder":
        yield f"dataset.source: {source} is neither a folder nor a file whose name ends in .jsonl"
    # What this user may not read is passed over, and links to folders are not followed.
    elif not any(
        name.endswith(".jsonl") and _kind_of(Path(folder, name)) == "file"
        for folder, _, names in os.walk(path)
        for name in names
    ):
        yield f"dataset.source: there is no .jsonl file below {source}"


def _folder_problems(document: RunDocument, base: str) -> Iterator[str]:
    field, folder = "baseModelUri" if document["baseModelUri"] else "model.base", _path_of(base)
    file = folder / "config.json"
    # An adapter is merged into its own base when it is fetched.
    if _kind_of(file) == "nothing" and _kind_of(folder / "adapter_config.json") == "file":
        return
    if _kind_of(file) != "file":
        yield f"{field}: {base} is no folder with a model: there is no {file.name} in it"
        return
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        yield f"{field}: {base} has a config.json that cannot be read as JSON: copy the model anew"
        return
    if not any(_WEIGHTS.search(entry.name) and _kind_of(entry) == "file" for entry in folder.glob("*")):
        yield f"{field}: {base} has a config.json and no weights (*.safetensors): copy the whole model there"
    else:
        yield from _kind_problems(config, base, field)
    recipe = document["recipe"]
    yield from _context_problems(recipe, base, config)
    yield from _target_problems(recipe["trainable"], _text_part(config))
    yield from _expert_problems(recipe, base, _text_part(config))


def _template_problems(recipe: Recipe, base: str) -> Iterator[str]:
    """What the chat template does not do, where it can be seen now; of models elsewhere the step `data` says it."""
    arguments, folder = chat_arguments(recipe), _path_of(base)
    if not arguments:
        return
    if is_tiny(base):
        template = CHAT_TEMPLATE
    elif base.startswith("file://") and _kind_of(folder / "config.json") == "file":
        template = template_of(recipe, folder).text
    else:
        return
    if problem := arguments_problem(template, arguments):
        yield problem


def _kind_problems(config: dict[str, Any], base: str, field: str) -> Iterator[str]:
    """What the flows do not train, whatever the library could do with it."""
    if config.get("is_encoder_decoder") is True:
        yield (
            f"{field}: {base} is an encoder with a decoder, and only models that go on with a text are trained: "
            "choose another model"
        )
    elif isinstance(config.get("quantization_config"), dict):
        yield (
            f"{field}: {base} is quantised: name the model that it was made of; "
            "kind: qlora quantises it for the training"
        )


def _text_part(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a `config.json` that is about text: models that also see have it in a mapping of its own."""
    part = config.get("text_config")
    return part if isinstance(part, dict) else config


def _context_problems(recipe: Recipe, base: str, config: dict[str, Any]) -> Iterator[str]:
    context = _context_of(config)
    longest, answer = recipe["sequence"]["maxLength"], recipe["sequence"].get("maxCompletionLength")
    if context is None or longest <= context:
        return
    has = f"{base} has a context of {context} tokens"
    yield f"sequence.maxLength: got {longest}; {has}: write that or less"
    # An answer as long as the longest sequence is refused beside it already.
    if answer is not None and context <= answer < longest:
        yield (
            f"sequence.maxCompletionLength: got {answer}; {has}, which holds prompt and answer: "
            f"write {context - 1} or less"
        )


def _context_of(config: object) -> int | None:
    """Tokens of the longest context that a `config.json` states; None where it states none."""
    if not isinstance(config, dict):
        return None
    stated = [config.get(key) for key in ("max_position_embeddings", "n_positions")]
    known = [value for value in stated if isinstance(value, int) and not isinstance(value, bool)]
    return known[0] if known else _context_of(config.get("text_config"))


def _target_problems(trainable: Trainable, config: dict[str, Any]) -> Iterator[str]:
    """Names of modules that a model does not have, where its architecture has those of the project's own model."""
    facts, targets = tiny_facts(), trainable.get("targets")
    if not isinstance(targets, list) or config.get("model_type") not in facts["modelTypesWithItsModules"]:
        return
    modules = [*facts["model"]["modules"], "embed_tokens"]
    for index, target in enumerate(targets):
        # PEFT takes a module by the end of its path; the head is refused by itself.
        if not is_head(target) and target.rpartition(".")[2] not in modules:
            yield f"trainable.targets[{index}]: got {json.dumps(target)}; allowed: {', '.join(modules)}"


def _expert_problems(recipe: Recipe, base: str, config: dict[str, Any]) -> Iterator[str]:
    """Metrics that only mixtures of experts have (TRL's trainers: `router_aux_loss_coef`), asked of a model that is none."""
    # A config.json may leave out the coefficient where it is the architecture's own.
    if config.get("router_aux_loss_coef", any("expert" in key for key in config)):
        return
    for path, metric in named_metrics(recipe):
        if metric == "train/aux_loss":
            yield (
                f"{path}: got {json.dumps(metric)}, which only mixtures of experts have, and {base} is none "
                "(its config.json has no router_aux_loss_coef): write another metric"
            )
