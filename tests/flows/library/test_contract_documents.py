"""The table that tests/unit/contracts/documents.test.ts holds the TypeScript side to as well."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from posttraining.checks import check_run
from posttraining.recipe import RecipeError
from posttraining.run_document import read_run_document
from posttraining.schema_problems import contract_schema, schema_problems

TABLE = json.loads((Path(__file__).resolve().parents[2] / "contracts" / "documents.json").read_text(encoding="utf-8"))


def place_of(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The mapping that a path's last key stands in, and that key."""
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    return document, last


def document_of(case: dict[str, Any]) -> dict[str, Any]:
    document = deepcopy(TABLE["documents"][case["document"]]["document"])
    for path, value in case["set"].items():
        place, key = place_of(document, path)
        place[key] = value
    for path in case.get("unset", []):
        place, key = place_of(document, path)
        del place[key]
    return document


def problems_of(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    # Whether something is installed, or lies on this machine, is no matter of the document.
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)
    monkeypatch.setattr("posttraining.checks._file_problems", lambda _: [])
    name, document = TABLE["documents"][case["document"]]["contract"], document_of(case)
    if (problems := schema_problems(contract_schema(name), document)) or name != "run_document":
        return problems
    try:
        read = read_run_document(json.dumps(document))
        check_run(read, read["recipe"]["method"])
    except RecipeError as error:
        return error.problems
    return []


def shown(case: dict[str, Any]) -> str:
    return f"{case['document']} {json.dumps(case['set'])[:80]} {' '.join(case.get('unset', []))}"


@pytest.mark.parametrize("case", TABLE["valid"], ids=shown)
def test_accepted(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    assert problems_of(case, monkeypatch) == []


@pytest.mark.parametrize("case", TABLE["refused"], ids=shown)
def test_refused(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    problems = problems_of(case, monkeypatch)
    found = [problem for problem in problems if problem.startswith(f"{case['path']}: ") and case["text"] in problem]
    assert len(found) == 1, problems
