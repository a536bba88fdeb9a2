"""Evaluation with lm-eval: its own tasks by name, and those in `tasks/`."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from posttraining import models, progress, storage
from posttraining.chat_arguments import chat_arguments
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.evaluation_adapter import adapted_model, adapts_head, vllm_adapter_arguments
from posttraining.evaluation_chat import ask_in_chat
from posttraining.gate import DocumentValues, Metrics
from posttraining.json_values import finite
from posttraining.library_imports import lean_imports, library_on_path
from posttraining.measurement import EVALUATION_FILE, Measurement, comparable, compared, measurement, paired
from posttraining.trainers.chat_template import own_template

TASKS = Path(__file__).with_name("tasks")

# Tokens of prompt and answer. Few-shot prompts of lm-eval's tasks fit; a model's full context would take all of the cache.
_LONGEST_CONTEXT = 8192

# Draws for the error of a metric that is no mean.
_RESAMPLINGS = 1000


_Value = TypeVar("_Value")


class EvaluationError(ValueError):
    """An evaluation that cannot be done; the message says what to change."""


def evaluation_engine(plan: Plan) -> str:
    """What generates answers: `vllm` on the plan's GPUs, `transformers` on a processor or where vLLM is not installed."""
    return "vllm" if plan["gpusPerNode"] and find_spec("vllm") else "transformers"


def task_fingerprints(recipe: Recipe, plan: Plan, template: str | None) -> dict[str, str]:
    """What decides a task's numbers for a given model; with equal fingerprints numbers can be compared and reused.

    Args:
        recipe: the run's recipe.
        plan: its plan, which decides the engine.
        template: the chat template that questions are asked in; None: they are asked as plain text.
    """
    own = hashlib.sha256()
    for file in sorted([*TASKS.glob("*.yaml"), *TASKS.glob("*.py"), TASKS.with_name("tiny_task.py")]):
        own.update(file.read_bytes())
    evaluation = recipe["evaluation"]
    # Few-shot examples are each task's own, drawn by the seed.
    common = f"lm-eval {version('lm-eval')}, limit {evaluation.get('limit')}, batch {evaluation['batchSize']}"
    if "maxAnswerTokens" in evaluation:
        common += f", answers of {evaluation['maxAnswerTokens']} tokens"
    common += f", seed {recipe['seed']}, {evaluation_engine(plan)}, {_chat_mode(recipe, template)}"
    return {
        task: f"{common}, {own.hexdigest()[:16]}" if _is_own(task) else common for task in sorted(evaluation["tasks"])
    }


def _chat_mode(recipe: Recipe, template: str | None) -> str:
    if template is None:
        return "no chat template"
    arguments = json.dumps(dict(chat_arguments(recipe)), sort_keys=True)
    # Such a template writes the day into every question.
    day = f", on {date.today()}" if "strftime_now" in template else ""
    return f"chat template {hashlib.sha256(template.encode()).hexdigest()[:16]} with {arguments}{day}"


def evaluate_model(
    folder: Path, recipe: Recipe, plan: Plan, template: str | None, adapter: Path | None = None
) -> Measurement:
    """Runs the recipe's tasks on the model in `folder`, on the plan's GPUs or on the processor.

    Args:
        folder: a whole model and its tokenizer.
        recipe: the run's recipe.
        plan: its plan.
        template: the chat template to ask in, whatever the model's own is; None: plain text. A model's own: `own_template`.
        adapter: folder of an adapter that is loaded beside the model, as a server loads it, with the tokenizer to use.

    Raises:
        EvaluationError: if a task is not known.
    """
    if evaluation_engine(plan) == "transformers":
        return run_tasks(folder, recipe, plan, template, adapter)
    # vLLM gives its GPU memory back only when its process ends.
    with tempfile.TemporaryDirectory(prefix="posttraining-") as scratch_name, library_on_path():
        request, answer = Path(scratch_name) / "request.json", Path(scratch_name) / "measurement.json"
        beside = None if adapter is None else str(adapter)
        asked = {"folder": str(folder), "recipe": recipe, "plan": plan, "template": template, "adapter": beside}
        request.write_text(json.dumps(asked))
        subprocess.run([sys.executable, "-m", "posttraining.evaluation", str(request), str(answer)], check=True)
        return json.loads(answer.read_text())


def run_tasks(
    folder: Path, recipe: Recipe, plan: Plan, template: str | None, adapter: Path | None = None
) -> Measurement:
    """`evaluate_model` in this process."""
    evaluation, seed = recipe["evaluation"], recipe["seed"]
    tasks = evaluation["tasks"]
    # Tasks of the project carry their data; only lm-eval's own need the hub.
    if all(_is_own(task) for task in tasks):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with lean_imports(progress_bars=evaluation_engine(plan) == "vllm"):
        from lm_eval.evaluator import simple_evaluate
        from lm_eval.tasks import TaskManager

        # lm-eval's own index is ten thousand files; it is read only if a task is not among the project's.
        manager = TaskManager(include_path=str(TASKS), include_defaults=not all(_is_own(task) for task in tasks))
        unknown = [task for task in tasks if task not in manager.all_tasks]
        if unknown:
            raise EvaluationError(f"evaluation.tasks: {', '.join(unknown)} not known to lm-eval, nor in {TASKS}")
        # It warns about every task that makes its own data.
        logging.getLogger("lm_eval.api.task").setLevel(logging.ERROR)
        model = _model(folder, recipe, plan, adapter)
    if template is not None:
        ask_in_chat(model, template, chat_arguments(recipe))
    # Metrics that are no mean have errors by resampling, for which lm-eval would fork this process.
    os.environ.setdefault("DISABLE_MULTIPROC", "1")
    results = simple_evaluate(
        model=model,
        tasks=[*tasks],
        task_manager=manager,
        limit=evaluation.get("limit"),
        gen_kwargs={"max_gen_toks": evaluation["maxAnswerTokens"]} if "maxAnswerTokens" in evaluation else None,
        apply_chat_template=template is not None,
        log_samples=True,
        bootstrap_iters=_RESAMPLINGS,
        random_seed=seed,
        numpy_random_seed=seed,
        torch_random_seed=seed,
        fewshot_random_seed=seed,
    )
    if results is None or "results" not in results:
        raise EvaluationError(f"evaluation.tasks: lm-eval reported nothing for {', '.join(tasks)}")
    return measurement(results, tasks, task_fingerprints(recipe, plan, template))


def _model(folder: Path, recipe: Recipe, plan: Plan, adapter: Path | None = None) -> Any:
    if evaluation_engine(plan) == "vllm":
        from lm_eval.models.vllm_causallms import VLLM

        return VLLM(**vllm_arguments(folder, recipe, plan, adapter))
    from lm_eval.models.huggingface import HFLM

    gpus = plan["gpusPerNode"]
    arguments: dict[str, Any] = {
        "device": "cuda" if gpus else "cpu",
        "dtype": "auto",
        "batch_size": recipe["evaluation"]["batchSize"],
        "parallelize": gpus > 1,
    }
    if adapter is not None:
        return adapted_model(folder, adapter, arguments)
    # The decorator that registers the class hides its parameters (lm-eval 0.4.13).
    return HFLM(pretrained=str(folder), **arguments)  # pyright: ignore[reportCallIssue]


def vllm_arguments(folder: Path, recipe: Recipe, plan: Plan, adapter: Path | None = None) -> dict[str, Any]:
    """Arguments of lm-eval's vLLM model: all GPUs of the node, and no longer contexts than tasks have."""
    positions = json.loads((folder / "config.json").read_text()).get("max_position_embeddings", _LONGEST_CONTEXT)
    return {
        **({} if adapter is None else vllm_adapter_arguments(adapter)),
        "pretrained": str(folder),
        "dtype": "auto",
        "batch_size": "auto",
        "tensor_parallel_size": plan["gpusPerNode"],
        "gpu_memory_utilization": 0.85,
        "max_model_len": min(positions, _LONGEST_CONTEXT),
        "seed": recipe["seed"],
    }


class Comparison(TypedDict):
    """Metrics of a trained model beside those of its base model, and how long measuring took."""

    metrics: Metrics
    samples: dict[str, DocumentValues]
    """What the gate compares document by document."""
    fingerprints: dict[str, str]
    """What decides a task's numbers, by task."""
    seconds: float


def compare_with_base(recipe: Recipe, plan: Plan, model_uri: str, base: str) -> Comparison:
    """Evaluates a trained model, and its base model in the same way, unless the registry has that of the base already.

    What was measured of the trained model is kept beside it (`evaluation.json`).
    """
    began = time.monotonic()
    progress.report("evaluate", 0, 2, None)
    with _model_files(model_uri, None, plan) as (folder, adapter):
        template = own_template(adapter or folder)
        after = evaluate_model(folder, recipe, plan, template, adapter)
    storage.write_bytes(storage.join(model_uri, EVALUATION_FILE), json.dumps(finite(after)).encode())
    before = recorded_measurement(base, after["fingerprints"])
    if before is None or not comparable(before, after):
        progress.report("evaluate", 1, 2, time.monotonic() - began)
        with _model_files(base, recipe["model"].get("revision"), plan) as (folder, adapter):
            before = evaluate_model(folder, recipe, plan, template, adapter)
        # It may be another day by now.
        before["fingerprints"] = after["fingerprints"]
    progress.report("evaluate", 2, 2, 0.0)
    return {
        "metrics": compared(before, after),
        "samples": paired(before, after),
        "fingerprints": after["fingerprints"],
        "seconds": time.monotonic() - began,
    }


@contextmanager
def _model_files(reference: str, revision: str | None, plan: Plan) -> Iterator[tuple[Path, Path | None]]:
    """A whole model; and of an adapter that was saved alone its folder, with the whole model that it is served with."""
    with tempfile.TemporaryDirectory(prefix="posttraining-") as folder:
        found = models.fetch_unmerged(reference, Path(folder), revision)
        if isinstance(found, Path):
            yield found, None
        elif evaluation_engine(plan) == "vllm" and adapts_head(found.adapter):
            yield models.merge_fetched(found, Path(folder)), None
        else:
            yield found.base, found.adapter


def recorded_measurement(reference: str, fingerprints: dict[str, str]) -> Measurement | None:
    """What the registry has of a model's evaluation, if every task was asked in the same way; else None.

    Its answers are left out, and of its tasks and metrics those that nobody asks for.
    """
    lineage = models.read_lineage(reference)
    if lineage is None or not fingerprints.items() <= lineage.get("evaluation", {}).items():
        return None
    content = storage.read_bytes(storage.join(reference, EVALUATION_FILE))
    found: Measurement | None = None if content is None else json.loads(content)
    if found is None or not fingerprints.items() <= found["fingerprints"].items():
        return None
    return {
        "fingerprints": fingerprints,
        # What is not a number was written as null.
        "metrics": {
            name: math.nan if value is None else value for name, value in _of_tasks(found["metrics"], fingerprints)
        },
        "errors": {name: value for name, value in _of_tasks(found["errors"], fingerprints) if value is not None},
        "documents": {task: found["documents"][task] for task in fingerprints},
        "samples": dict(_of_tasks(found["samples"], fingerprints)),
        "answers": {},
    }


def _of_tasks(table: dict[str, _Value], tasks: Container[str]) -> Iterator[tuple[str, _Value]]:
    return ((name, value) for name, value in table.items() if name.partition("/")[0] in tasks)


def _is_own(task: str) -> bool:
    return (TASKS / f"{task}.yaml").is_file()


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    beside = None if asked["adapter"] is None else Path(asked["adapter"])
    measured = run_tasks(Path(asked["folder"]), asked["recipe"], asked["plan"], asked["template"], beside)
    Path(sys.argv[2]).write_text(json.dumps(measured))
