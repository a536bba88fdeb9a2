"""What evaluating one model gives: its metrics, their errors, and what they are made of, document by document. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from posttraining.contracts.flow_result import MeasuredMetric
from posttraining.gate import DocumentValues, Metrics, standard_errors

EVALUATION_FILE = "evaluation.json"
"""Beside a model's files: its `Measurement`. Losing it costs an evaluation of the model, not the model."""

# For people, who want to see what a model answers: enough to judge by, and never a large file.
_SHOWN_ANSWERS = 20
_SHOWN_CHARACTERS = 2000


class ShownAnswer(TypedDict):
    """One question with its answer, for people."""

    document: str
    prompt: str
    answer: str
    target: str
    values: dict[str, Any]


class Measurement(TypedDict):
    """One model on the tasks of a recipe."""

    fingerprints: dict[str, str]
    """What decides a task's numbers, by task."""
    metrics: dict[str, float]
    """By `<task>/<metric>`, `<task>/<metric>@<filter>` where a task has several filters."""
    errors: dict[str, float]
    """Standard errors that lm-eval computes, by metric; of some it knows none."""
    documents: dict[str, list[str]]
    """Names of the documents that a task asked about, in their order, each with a hash of its content."""
    samples: dict[str, list[float]]
    """A metric's value of each of its task's documents, where it is the mean of such values."""
    answers: dict[str, list[ShownAnswer]]
    """The first few of each task."""


def measurement(results: Mapping[str, Any], tasks: Sequence[str], fingerprints: dict[str, str]) -> Measurement:
    """What `lm_eval.simple_evaluate` returned, with its samples logged, for the tasks of a recipe."""
    metrics = flatten_results(results["results"], tasks)
    documents: dict[str, list[str]] = {}
    samples: dict[str, list[float]] = {}
    answers: dict[str, list[ShownAnswer]] = {}
    for task in tasks:
        leaves = list(_leaves(task, results))
        by_filter: dict[str, list[Mapping[str, Any]]] = {}
        for leaf in leaves:
            for sample in sorted(results["samples"][leaf], key=lambda sample: sample["doc_id"]):
                by_filter.setdefault(sample["filter"], []).append({**sample, "leaf": leaf})
        first = next(iter(by_filter.values()), [])
        documents[task] = [_document(sample) for sample in first]
        answers[task] = [_shown(sample) for sample in first[:_SHOWN_ANSWERS]]
        for filter_name, found in by_filter.items():
            for metric in {name for sample in found for name in sample["metrics"]}:
                name = _metric_name(task, metric, filter_name)
                values = _values(found, metric, metrics.get(name), len(documents[task]))
                if values is not None:
                    samples[name] = values
    return {
        "fingerprints": fingerprints,
        "metrics": metrics,
        "errors": flatten_results(results["results"], tasks, "_stderr"),
        "documents": documents,
        "samples": {name: samples[name] for name in sorted(samples)},
        "answers": answers,
    }


def flatten_results(results: Mapping[str, Mapping[str, Any]], tasks: Sequence[str], kind: str = "") -> dict[str, float]:
    """lm-eval names metrics `<metric>,<filter>`; groups of tasks report their members too, which are left out.

    Args:
        results: by task.
        tasks: those that are wanted.
        kind: what stands behind the metric's name: nothing for its value, `_stderr` for its standard error.
    """
    found = {}
    for task in tasks:
        for key, value in results[task].items():
            metric, _, filter_name = key.partition(",")
            is_error = metric.endswith("_stderr")
            if not isinstance(value, int | float) or is_error != (kind == "_stderr") or not filter_name:
                continue
            found[_metric_name(task, metric.removesuffix(kind), filter_name)] = float(value)
    return found


def comparable(before: Measurement, after: Measurement) -> bool:
    """Whether both models answered the same documents in the same way."""
    return before["documents"] == after["documents"] and before["fingerprints"] == after["fingerprints"]


def paired(before: Measurement | None, after: Measurement) -> dict[str, DocumentValues]:
    """Values of both models by metric, document by document.

    Args:
        before: the base model's; None: it was not evaluated.
        after: the trained model's.
    """
    same = before is not None and comparable(before, after)
    return {
        name: {"before": before["samples"].get(name) if same and before is not None else None, "after": values}
        for name, values in after["samples"].items()
    }


def compared(before: Measurement, after: Measurement) -> Metrics:
    """Metrics of a trained model beside those of its base, with their standard errors where they are known."""
    pairs = paired(before, after)
    return {name: _compared(name, before, after, pairs.get(name)) for name in after["metrics"]}


def _compared(name: str, before: Measurement, after: Measurement, pair: DocumentValues | None) -> MeasuredMetric:
    found: MeasuredMetric = {"before": before["metrics"].get(name), "after": after["metrics"][name]}
    of_base, of_trained, of_gain = (None, None, None) if pair is None else standard_errors(pair)
    if of_base is None:
        of_base = before["errors"].get(name)
    if of_trained is None:
        of_trained = after["errors"].get(name)
    if of_base is not None or of_trained is not None:
        found["standardError"] = {"before": of_base, "after": of_trained, "gain": of_gain}
    return found


def _metric_name(task: str, metric: str, filter_name: str) -> str:
    return f"{task}/{metric}" if filter_name == "none" else f"{task}/{metric}@{filter_name}"


def _leaves(task: str, results: Mapping[str, Any]) -> Iterator[str]:
    """The tasks that lm-eval ran for a task or a group, in its order."""
    if task in results["samples"]:
        yield task
        return
    for member in results.get("group_subtasks", {}).get(task, []):
        yield from _leaves(member, results)


def _document(sample: Mapping[str, Any]) -> str:
    return f"{sample['leaf']}/{sample['doc_id']}:{sample['doc_hash'][:16]}"


def _values(
    found: Sequence[Mapping[str, Any]], metric: str, reported: float | None, documents: int
) -> list[float] | None:
    """A number for each document whose mean is what lm-eval reports; None where it makes the metric in another way."""
    values: list[float] = []
    for sample in found:
        value = _plain(sample.get(metric))
        if not isinstance(value, int | float) or not math.isfinite(value):
            return None
        values.append(float(value))
    if reported is None or not values or len(values) != documents:
        return None
    return values if math.isclose(math.fsum(values) / len(values), reported, rel_tol=1e-6, abs_tol=1e-9) else None


def _shown(sample: Mapping[str, Any]) -> ShownAnswer:
    asked = sample["arguments"]
    answers = [
        _answer(arguments, response)
        for arguments, responses in zip(asked, sample["resps"], strict=True)
        for response in responses
    ]
    return {
        "document": _document(sample),
        # What is asked stands at the end, behind a task's examples.
        "prompt": str(asked[0][0])[-_SHOWN_CHARACTERS:],
        "answer": "\n".join(answers)[:_SHOWN_CHARACTERS],
        "target": str(sample["target"])[:_SHOWN_CHARACTERS],
        "values": {name: _plain(sample.get(name)) for name in sample["metrics"]},
    }


def _answer(arguments: Sequence[Any], response: Any) -> str:
    """What a model wrote, or how likely it found what it was shown."""
    if isinstance(response, str):
        return response
    likelihood = response[0] if isinstance(response, (list, tuple)) else response
    return f"{float(likelihood):.3f} {arguments[1] if len(arguments) > 1 else ''}".rstrip()


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's; what is neither number nor text as it is shown."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (bool, int, float, str)) else str(value)
