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
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

from posttraining import models, progress
from posttraining.contracts.lineage import Lineage
from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.gate import Metrics
from posttraining.library_imports import lean_imports, library_on_path

TASKS = Path(__file__).with_name("tasks")

# Tokens of prompt and answer. Few-shot prompts of lm-eval's tasks fit; a model's full context would take all of the cache.
_LONGEST_CONTEXT = 8192


class EvaluationError(ValueError):
    """An evaluation that cannot be done; the message says what to change."""


def evaluation_engine(plan: Plan) -> str:
    """What generates answers: `vllm` on the plan's GPUs, `transformers` on a processor or where vLLM is not installed."""
    return "vllm" if plan["gpusPerNode"] and find_spec("vllm") else "transformers"


def task_fingerprints(recipe: Recipe, plan: Plan) -> dict[str, str]:
    """What decides a task's numbers for a given model; with equal fingerprints numbers can be compared and reused."""
    own = hashlib.sha256()
    for file in sorted([*TASKS.glob("*.yaml"), *TASKS.glob("*.py"), TASKS.with_name("tiny_task.py")]):
        own.update(file.read_bytes())
    evaluation = recipe["evaluation"]
    common = f"lm-eval {version('lm-eval')}, limit {evaluation.get('limit')}, batch {evaluation['batchSize']}"
    common += f", seed {recipe['seed']}, {evaluation_engine(plan)}"
    return {
        task: f"{common}, {own.hexdigest()[:16]}" if _is_own(task) else common for task in sorted(evaluation["tasks"])
    }


def evaluate_model(folder: Path, recipe: Recipe, plan: Plan) -> dict[str, float]:
    """Runs the recipe's tasks on the model in `folder`, on the plan's GPUs or on the processor.

    Returns:
        Metrics by `<task>/<metric>`, `<task>/<metric>@<filter>` where a task has several filters.

    Raises:
        EvaluationError: if a task is not known.
    """
    if evaluation_engine(plan) == "transformers":
        return run_tasks(folder, recipe, plan)
    # vLLM gives its GPU memory back only when its process ends.
    with tempfile.TemporaryDirectory(prefix="posttraining-") as scratch_name, library_on_path():
        request, answer = Path(scratch_name) / "request.json", Path(scratch_name) / "metrics.json"
        request.write_text(json.dumps({"folder": str(folder), "recipe": recipe, "plan": plan}))
        subprocess.run([sys.executable, "-m", "posttraining.evaluation", str(request), str(answer)], check=True)
        return json.loads(answer.read_text())


def run_tasks(folder: Path, recipe: Recipe, plan: Plan) -> dict[str, float]:
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
        model = _model(folder, recipe, plan)
    results = simple_evaluate(
        model=model,
        tasks=[*tasks],
        task_manager=manager,
        limit=evaluation.get("limit"),
        apply_chat_template=model.tokenizer.chat_template is not None,
        log_samples=False,
        bootstrap_iters=0,
        random_seed=seed,
        numpy_random_seed=seed,
        torch_random_seed=seed,
        fewshot_random_seed=seed,
    )
    if results is None or "results" not in results:
        raise EvaluationError(f"evaluation.tasks: lm-eval reported nothing for {', '.join(tasks)}")
    return flatten_results(results["results"], tasks)


def _model(folder: Path, recipe: Recipe, plan: Plan) -> Any:
    if evaluation_engine(plan) == "vllm":
        from lm_eval.models.vllm_causallms import VLLM

        return VLLM(**vllm_arguments(folder, recipe, plan))
    from lm_eval.models.huggingface import HFLM

    gpus = plan["gpusPerNode"]
    device = "cuda" if gpus else "cpu"
    batch_size = recipe["evaluation"]["batchSize"]
    # The decorator that registers the class hides its parameters (lm-eval 0.4.13).
    return HFLM(pretrained=str(folder), device=device, dtype="auto", batch_size=batch_size, parallelize=gpus > 1)  # pyright: ignore[reportCallIssue]


def vllm_arguments(folder: Path, recipe: Recipe, plan: Plan) -> dict[str, Any]:
    """Arguments of lm-eval's vLLM model: all GPUs of the node, and no longer contexts than tasks have."""
    positions = json.loads((folder / "config.json").read_text()).get("max_position_embeddings", _LONGEST_CONTEXT)
    return {
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
    seconds: float


def compare_with_base(recipe: Recipe, plan: Plan, model_uri: str, base: str) -> Comparison:
    """Evaluates a trained model; its base model too, unless the registry has the base's numbers from the same tasks."""
    before = recorded_metrics(models.read_lineage(base), task_fingerprints(recipe, plan))
    references = {"after": model_uri} if before is not None else {"before": base, "after": model_uri}
    found = {} if before is None else {"before": before}
    began = time.monotonic()
    for number, (moment, reference) in enumerate(references.items()):
        progress.report("evaluate", number, len(references), _seconds_left(began, number, len(references)))
        with tempfile.TemporaryDirectory(prefix="posttraining-") as folder:
            revision = recipe["model"].get("revision") if moment == "before" else None
            model = models.fetch_model(reference, Path(folder), revision)
            found[moment] = evaluate_model(model, recipe, plan)
    progress.report("evaluate", len(references), len(references), 0.0)
    metrics: Metrics = {
        name: {"before": found["before"].get(name), "after": value} for name, value in found["after"].items()
    }
    return {"metrics": metrics, "seconds": time.monotonic() - began}


def recorded_metrics(lineage: Lineage | None, fingerprints: dict[str, str]) -> dict[str, float] | None:
    """A registered model's own metrics if every task is one that it was evaluated on in the same way; else None."""
    if lineage is None or not fingerprints.items() <= lineage.get("evaluation", {}).items():
        return None
    return {
        # What is not a number was written as null.
        name: math.nan if value["after"] is None else value["after"]
        for name, value in lineage["metrics"].items()
        if name.partition("/")[0] in fingerprints
    }


def _seconds_left(began: float, done: int, total: int) -> float | None:
    return None if done == 0 else (time.monotonic() - began) / done * (total - done)


def _is_own(task: str) -> bool:
    return (TASKS / f"{task}.yaml").is_file()


def flatten_results(results: Mapping[str, Mapping[str, Any]], tasks: list[str]) -> dict[str, float]:
    """lm-eval names metrics `<metric>,<filter>`; groups of tasks report their members too, which are left out."""
    metrics = {}
    for task in tasks:
        for key, value in results[task].items():
            metric, _, filter_name = key.partition(",")
            if not isinstance(value, int | float) or metric.endswith("_stderr") or not filter_name:
                continue
            metrics[f"{task}/{metric}" if filter_name == "none" else f"{task}/{metric}@{filter_name}"] = float(value)
    return metrics


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps(run_tasks(Path(asked["folder"]), asked["recipe"], asked["plan"])))
