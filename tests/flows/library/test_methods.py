"""The registry of methods against what lies beside it, and what importing it costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from posttraining.methods import METHODS, method_of
from posttraining.methods.method import Method
from posttraining.run_document import RECIPES, read_run_document
from posttraining.schema_problems import contract_schema

FLOWS = Path(__file__).resolve().parents[3] / "flows"


def test_both_languages_have_the_same_methods():
    schema = contract_schema("recipe")
    known = [alternative["properties"]["method"]["const"] for alternative in schema["oneOf"]]
    assert [method.name for method in METHODS] == known


def test_every_module_of_a_method_is_in_the_registry():
    folder = FLOWS / "posttraining" / "methods"
    # A method's module makes a record of that name; what methods share, beside them, does not.
    modules = {
        file.stem for file in folder.glob("*.py") if re.search(r"^METHOD\b", file.read_text(encoding="utf-8"), re.M)
    }
    assert modules == {method.name for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_method_has_a_flow_a_tiny_recipe_and_classes_of_trl(method: Method):
    import trl

    assert (FLOWS / method.name / "flow.py").is_file()
    assert (FLOWS / method.name / "README.md").is_file()
    recipe = read_run_document((RECIPES / f"{method.name}-tiny.yaml").read_text(encoding="utf-8"))["recipe"]
    assert method_of(recipe) is method
    assert hasattr(trl, f"{method.label}Trainer")
    assert hasattr(trl, f"{method.label}Config")


@pytest.mark.parametrize("module", ["posttraining.methods", "posttraining.checks", "posttraining.driver.request"])
def test_records_are_read_without_the_libraries_that_train(module: str):
    script = f"import sys, {module}; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=FLOWS, capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "trl", "datasets", "peft", "metaflow"} & set(loaded.stdout.split())
