"""What is known of model families where the hub cannot be reached."""

import pytest

from posttraining.rehearsal.families import family_of, is_stand_in, template_of
from posttraining.rehearsal.problems import RehearsalError
from posttraining.rehearsal.tokenizer import special_tokens
from posttraining.run_document import RECIPES, read_run_document


@pytest.mark.parametrize(
    ("model", "kind", "template"),
    [
        ("HuggingFaceTB/SmolLM3-3B-Base", "smollm3", None),
        ("HuggingFaceTB/SmolLM3-3B", "smollm3", "enable_thinking"),
        ("meta-llama/Llama-3.1-70B", "llama", None),
        ("meta-llama/Llama-3.1-70B-Instruct", "llama", "<|start_header_id|>"),
        ("Qwen/Qwen3-8B", "qwen3", "<|im_start|>"),
        ("Qwen/Qwen3-30B-A3B", "qwen3_moe", "<|im_start|>"),
    ],
)
def test_a_model_has_its_architecture_and_template(model: str, kind: str, template: str | None):
    family = family_of(model)
    text = template_of(family)
    assert family["config"]["model_type"] == kind
    assert text is None if template is None else template in (text or "")


def test_every_shipped_recipe_has_a_family():
    bases = [read_run_document(file.read_text())["recipe"]["model"]["base"] for file in sorted(RECIPES.glob("*.yaml"))]
    assert [base for base in bases if not base.startswith("tiny:") and not family_of(base)] == []


def test_a_stand_in_is_known_as_one():
    assert is_stand_in(family_of("HuggingFaceTB/SmolLM3-3B"))
    assert not is_stand_in(family_of("meta-llama/Llama-3.1-70B-Instruct"))


def test_special_tokens_are_those_that_are_named_and_those_of_the_template():
    family = family_of("meta-llama/Llama-3.1-70B-Instruct")
    found = special_tokens(family, template_of(family))
    assert {"<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>"} <= set(found)
    assert len(found) == len(set(found))


def test_an_unknown_model_is_refused_with_what_to_do():
    with pytest.raises(RehearsalError, match=r"model.base: got some/model.*hf download some/model"):
        family_of("some/model")
