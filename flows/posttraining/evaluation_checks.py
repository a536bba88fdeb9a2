"""Whether a recipe's tasks can be run and its metrics will be measured: lm-eval would say so only after the training.

`recipe/evaluationChecks.ts` says the same in TypeScript.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches

from posttraining.contracts.recipe import GateCondition, Recipe
from posttraining.evaluation_tasks import EvaluationTask, find_task, library_version, names_at, task_names
from posttraining.methods import method_of
from posttraining.methods.facts import method_facts
from posttraining.recipe_relations import is_tiny, known_steps

# Metrics that are shares of examples or of tokens, and so lie between 0 and 1.
_SHARE = re.compile(
    r"(?:acc|acc_norm|acc_bytes|acc_mutual_info|exact_match|number|mean_token_accuracy|rewards\.accuracies"
    r"|\w+_acc|pass@\d+)(?:@.*)?",
    re.ASCII,
)


def evaluation_problems(recipe: Recipe, base: str | None = None) -> Iterator[str]:
    """One problem, `path: reason`, for every field to change.

    Args:
        recipe: one whose fields are each right, with defaults filled in.
        base: the model that the run starts from, where it is not the recipe's own.
    """
    names = recipe["evaluation"]["tasks"]
    tasks = {name: find_task(name) for name in names}
    for index, name in enumerate(names):
        yield from _task_problems(name, tasks[name], f"evaluation.tasks[{index}]")
        yield from _overlap_problems(name, names[:index], tasks, f"evaluation.tasks[{index}]")
    named = named_metrics(recipe)
    training_metrics = training_metric_names(recipe, base)
    for path, metric in named:
        yield from _metric_problems(recipe, tasks, training_metrics, path, metric)
    yield from _logging_problems(recipe, [metric for _, metric in named])
    for index, condition in enumerate(recipe["gate"]):
        if _is_share(condition["metric"], tasks):
            yield from _range_problems(condition, f"gate[{index}]")


def named_metrics(recipe: Recipe) -> list[tuple[str, str]]:
    """Metrics that a recipe names, each with its field."""
    gate = [(f"gate[{index}].metric", condition["metric"]) for index, condition in enumerate(recipe["gate"])]
    return [("evaluation.headline", recipe["evaluation"]["headline"]), *gate]


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _hint(word: str, allowed: list[str], prefix: str = "") -> str:
    near = get_close_matches(word, allowed, n=1, cutoff=0.8)
    return f" (did you mean {prefix}{near[0]}?)" if near else ""


def _task_problems(name: str, task: EvaluationTask | None, path: str) -> Iterator[str]:
    if task is None:
        where = f"no such task is in lm-eval {library_version()}, nor in flows/posttraining/tasks"
        yield f"{path}: got {_shown(name)}; {where}{_hint(name, task_names())}"
        return
    if task.kind == "tag":
        such = ", ".join(names_at(task.places, 3))
        yield f"{path}: got {_shown(name)}, which is a tag: write its tasks themselves, such as {such}"
    if task.kind == "broken":
        yield f"{path}: got {_shown(name)}, a group that lm-eval itself cannot load: write the tasks that you want"
    if task.is_unsafe:
        yield (
            f"{path}: got {_shown(name)}, which runs code that the model has written, "
            "and nothing here keeps it in: write another task"
        )
    if task.is_multimodal:
        yield (
            f"{path}: got {_shown(name)}, which asks about images or sounds, "
            "and only text is evaluated: write another task"
        )


def _overlap_problems(
    name: str, earlier: list[str], tasks: dict[str, EvaluationTask | None], path: str
) -> Iterator[str]:
    """lm-eval refuses a task that it would run for two of the names."""
    task = tasks[name]
    for other in earlier:
        known = tasks[other]
        if task is not None and known is not None and other != name and task.places & known.places:
            yield (
                f"{path}: got {_shown(name)}, of which {other} has tasks too; lm-eval runs a task once: "
                "remove one of the two"
            )
            return


def _metric_problems(
    recipe: Recipe, tasks: dict[str, EvaluationTask | None], known: list[str], path: str, metric: str
) -> Iterator[str]:
    task_name, _, name = metric.partition("/")
    if task_name == "train":
        if name not in known:
            what = f"TRL {method_facts(recipe['method'])['version']} logs of such a {recipe['method']} run: {', '.join(known)}"
            yield f"{path}: got {_shown(metric)}; {what}{_hint(name, known, 'train/')}"
        return
    if task_name not in tasks:
        yield (
            f"{path}: got {_shown(metric)}, which is not measured; write train/<metric>, or <task>/<metric> "
            f"with a task of evaluation.tasks: {', '.join(tasks)}"
        )
        return
    task = tasks[task_name]
    if task is None or task.metrics is None or task.kind not in ("task", "group") or name in task.metrics:
        return
    what = f"{task_name} reports {', '.join(sorted(task.metrics))}"
    if not task.metrics:
        what = f"{task_name} is a group that reports nothing of its own: write its tasks into evaluation.tasks"
    yield f"{path}: got {_shown(metric)}; {what}{_hint(name, sorted(task.metrics), f'{task_name}/')}"


def training_metric_names(recipe: Recipe, base: str | None = None) -> list[str]:
    """Names that `train/<name>` may have: what TRL logs of such a run, and what it logs of some models only."""
    method = method_of(recipe)
    # The project's own model is no mixture of experts.
    is_no_mixture = is_tiny(base or recipe["model"]["base"])
    return [*method.metric_names(recipe), *([] if is_no_mixture else method_facts(method.name)["metrics"]["experts"])]


def _logging_problems(recipe: Recipe, metrics: list[str]) -> Iterator[str]:
    """The trainer logs every so many steps, and not at the end of a shorter run."""
    logged = next((metric for metric in metrics if metric.startswith("train/")), None)
    steps, every = known_steps(recipe), recipe["loggingSteps"]
    if logged is not None and steps is not None and every > steps:
        yield (
            f"loggingSteps: got {every}; the run has {steps} steps, so that {logged} would never be logged: "
            f"write {steps} or less"
        )


def _is_share(metric: str, tasks: dict[str, EvaluationTask | None]) -> bool:
    """Only where it is known what the task reports: a task's own code may well give percentages."""
    task_name, _, name = metric.partition("/")
    task = tasks.get(task_name)
    is_known = task_name == "train" or (task is not None and task.metrics is not None and name in task.metrics)
    return is_known and _SHARE.fullmatch(name) is not None


def _range_problems(condition: GateCondition, path: str) -> Iterator[str]:
    """Conditions that no share can meet, and those that all do."""
    wrong = False
    for field, least in (("minimum", 0), ("maximum", 0), ("minimumGain", -1)):
        value = condition.get(field)
        if value is not None and not least <= value <= 1:
            wrong = True
            yield (
                f"{path}.{field}: got {value}; {condition['metric']} is a share, between 0 and 1: "
                f"write a number from {least} to 1"
            )
    gain, maximum = condition.get("minimumGain"), condition.get("maximum")
    if not wrong and gain is not None and maximum is not None and gain > maximum:
        yield f"{path}.minimumGain: got {gain}; a share that may be {maximum} at most cannot have gained more than that"
