"""Reads what a finished run left, through Metaflow's client.

Metaflow reads its configuration from the environment when it is imported, so it is imported only when it is needed: in
the supervising process, once the flow has ended.
"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from posttraining.contracts.flow_result import FlowResult
from posttraining.contracts.registration import Registration
from posttraining.json_values import finite, one_line
from posttraining.schema_problems import contract_schema, schema_problems

if TYPE_CHECKING:
    from metaflow import Run


class UnusableResult(Exception):
    """The run ended well but did not leave a result as docs/contracts.md describes it."""


def read_result(pathspec: str) -> FlowResult:
    """Returns the artifact `result` of the run's end step.

    Args:
        pathspec: `<flow>/<run id>`.

    Raises:
        UnusableResult: there is none, or it is not as contracts/flowResult.ts has it.
    """
    import metaflow

    metaflow.namespace(None)
    task = metaflow.Run(pathspec).end_task
    if task is None or "result" not in task:
        raise UnusableResult("the flow's end step has no artifact `result`")
    result: object = task["result"].data
    try:
        one_line(result)
    except (TypeError, ValueError) as error:
        raise UnusableResult(f"the flow's artifact `result` is not plain JSON: {error}") from error
    told = finite(result)
    if problems := schema_problems(contract_schema("flow_result"), told):
        raise UnusableResult(
            f"the flow's artifact `result` is not as contracts/flowResult.ts has it: {'; '.join(problems)}"
        )
    return told


def read_registration(pathspec: str) -> Registration:
    """Returns what the run wrote to the registry: its artifact `registration`.

    Raises:
        UnusableResult: there is none.
    """
    import metaflow

    metaflow.namespace(None)
    task = metaflow.Run(pathspec).end_task
    if task is None or "registration" not in task:
        raise UnusableResult("the flow's end step has no artifact `registration`")
    return task["registration"].data


def write_cards(pathspec: str, directory: Path) -> list[str]:
    """Writes the run's cards as HTML files, named after their steps, and returns the file names in the order of steps.

    A card that cannot be read is reported on standard error and left out.
    """
    import metaflow
    from metaflow.cards import get_cards
    from metaflow.plugins.cards.exception import CardNotPresentException

    metaflow.namespace(None)
    run = metaflow.Run(pathspec)
    names: list[str] = []
    for task in [task for step in reversed(list(run)) if _has_cards(run, step.id) for task in reversed(list(step))]:
        try:
            for card in get_cards(task):
                name = _free_name(task.path_components[2], card.id, task.id, names)
                (directory / name).write_text(card.get(), encoding="utf-8")
                names.append(name)
        except CardNotPresentException:
            continue
        except Exception as error:
            print(f"the cards of {task.pathspec} cannot be read: {error!r}", file=sys.stderr)
    return names


def _has_cards(run: "Run", step: str) -> bool:
    # Metaflow keeps the graph beside the artifacts. Looking for cards takes over a second for each task in an S3 store.
    if run.end_task is None:
        return False
    decorators = run.end_task["_graph_info"].data["steps"][step]["decorators"]
    return any(decorator["name"] == "card" for decorator in decorators)


def _free_name(step: str, card_id: str | None, task_id: str, taken: list[str]) -> str:
    stem = step if card_id is None else f"{step}-{re.sub(r'[^A-Za-z0-9_-]', '_', card_id)}"
    number = 1
    name = f"{stem}.html"
    while name in taken:
        name = f"{stem}-{task_id}.html" if number == 1 else f"{stem}-{task_id}-{number}.html"
        number += 1
    return name
