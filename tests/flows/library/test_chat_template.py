"""The template that a training uses and its model keeps."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from posttraining.models import fetch_model
from posttraining.trainers.chat_template import (
    folder_with_template,
    own_template,
    processing_class,
    template_names,
    template_of,
)
from posttraining.trainers.training_templates import TemplateError, training_templates_known
from recipes import recipe

CONVERSATION = [
    {"role": "system", "content": "You add."},
    {"role": "user", "content": "2 plus 3?"},
    {"role": "assistant", "content": " 5. "},
    {"role": "user", "content": "1 plus 1?"},
    {"role": "assistant", "content": "2."},
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model without a chat template, whose texts begin with a token."""
    folder = fetch_model("tiny:llama", tmp_path / "base")
    (folder / "chat_template.jinja").unlink()
    return folder


def change(base: Path, **values: Any) -> None:
    file = base / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_the_plain_template_begins_as_the_models_texts_do(base: Path):
    prompt = CONVERSATION[:2]
    plain = processing_class(recipe(), base)
    assert plain.apply_chat_template(prompt, tokenize=False) == "<|system|>\nYou add.\n<|user|>\n2 plus 3?\n"
    change(base, bos_token="<|endoftext|>")
    with_start = processing_class(recipe(), base)
    text = with_start.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    assert text == "<|endoftext|><|system|>\nYou add.\n<|user|>\n2 plus 3?\n<|assistant|>\n"
    tokens = with_start.apply_chat_template(CONVERSATION, return_dict=True, return_assistant_tokens_mask=True)
    assert tokens["input_ids"].count(with_start.bos_token_id) == 1
    said = [token for token, is_said in zip(tokens["input_ids"], tokens["assistant_masks"], strict=True) if is_said]
    # The model learns to stop, too.
    assert with_start.decode(said) == " 5. <|im_end|>2.<|im_end|>"


def test_the_plain_template_takes_texts_in_parts_and_refuses_other_parts(base: Path):
    plain = processing_class(recipe(), base)
    parts = [{"role": "user", "content": [{"type": "text", "text": "2 "}, {"type": "text", "text": "plus 3?"}]}]
    assert plain.apply_chat_template(parts, tokenize=False) == "<|user|>\n2 plus 3?\n"
    with pytest.raises(Exception, match="given a part of type image"):
        plain.apply_chat_template([{"role": "user", "content": [{"type": "image"}]}], tokenize=False)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("chat_template.jinja", "{{ messages }}"),
        ("chat_template.json", json.dumps({"chat_template": "{{ messages }}"})),
        ("tokenizer_config.json", json.dumps({"chat_template": "{{ messages }}"})),
        (
            "tokenizer_config.json",
            json.dumps(
                {"chat_template": [{"name": "default", "template": "{{ messages }}"}, {"name": "rag", "template": ""}]}
            ),
        ),
    ],
)
def test_a_models_own_template_is_kept_unless_the_recipe_names_another(tmp_path: Path, file: str, content: str):
    assert template_of(recipe(), tmp_path).name == "plain"
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": null}')
    assert template_of(recipe(), tmp_path).name == "plain"
    (tmp_path / file).write_text(content)
    found = template_of(recipe(), tmp_path)
    assert (found.text, found.name) == ("{{ messages }}", None)
    assert "own" in found.said
    named = template_of(recipe(model__chatTemplate="plain"), tmp_path)
    assert named.name == "plain"
    assert "<|assistant|>" in named.text
    assert named.said == "the chat template plain"


@pytest.mark.parametrize("method", ["sft", "dpo", "grpo", "kto"])
def test_what_is_trained_saves_its_template(base: Path, tmp_path: Path, method: str):
    processing_class(recipe(method), base).save_pretrained(tmp_path / "saved")
    assert own_template(tmp_path / "saved") == template_of(recipe(method), base).text
    assert template_of(recipe(method), tmp_path / "saved").name is None


def test_the_base_is_compared_with_the_template_of_the_training(base: Path, tmp_path: Path):
    from transformers import AutoTokenizer

    change(base, chat_template=None)
    folder = folder_with_template(recipe(), base, tmp_path / "with template")
    assert {file.name for file in base.iterdir()} | {"chat_template.jinja"} == {file.name for file in folder.iterdir()}
    text = AutoTokenizer.from_pretrained(folder).apply_chat_template(CONVERSATION, tokenize=False)
    assert text == processing_class(recipe(), base).apply_chat_template(CONVERSATION, tokenize=False)
    (base / "chat_template.jinja").write_text("{{ messages }}")
    assert folder_with_template(recipe(), base, tmp_path / "none") == base
    named = folder_with_template(recipe(model__chatTemplate="plain"), base, tmp_path / "named")
    assert own_template(named) == template_of(recipe(), tmp_path).text
    assert template_names() == ["plain"]


TOOL = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}},
}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": "1"}}}],
}
CALLED = [CONVERSATION[1], CALL, {"role": "tool", "name": "add", "content": "5"}, CONVERSATION[2]]


@pytest.mark.parametrize("name", ["llama3_1", "llama3_2"])
class TestLlama:
    """TRL has its template, and none with marks for a loss on answers alone."""

    @staticmethod
    def tokenizer(base: Path, name: str) -> tuple[Any, str]:
        change(base, bos_token="<|endoftext|>")
        own = getattr(import_module("trl.chat_template_utils"), f"{name}_chat_template")
        (base / "chat_template.jinja").write_text(own)
        return processing_class(recipe(), base), own

    def test_the_marked_template_renders_the_same(self, base: Path, name: str):
        sft_trainer: Any = import_module("trl.trainer.sft_trainer")
        tokenizer, own = self.tokenizer(base, name)
        unmended = sft_trainer.get_training_chat_template
        with training_templates_known(sft_trainer):
            marked = sft_trainer.get_training_chat_template(tokenizer)
        assert sft_trainer.get_training_chat_template is unmended
        assert marked and marked != own
        for turns in (CONVERSATION, CONVERSATION[1:], CONVERSATION[:1], CALLED):
            for more in (
                {},
                {"tools": [TOOL]},
                {"tools": [TOOL], "builtin_tools": ["add"]},
                {"date_string": "1 Jan 2020"},
            ):
                if "tools" in more and turns == CONVERSATION[:1]:
                    continue
                for ending in (False, True):
                    arguments = {"tokenize": False, "add_generation_prompt": ending, **more}
                    expected = tokenizer.apply_chat_template(turns, **arguments)
                    assert tokenizer.apply_chat_template(turns, chat_template=marked, **arguments) == expected
        tokens = tokenizer.apply_chat_template(
            [*CONVERSATION, *CALLED], chat_template=marked, return_dict=True, return_assistant_tokens_mask=True
        )
        said = [token for token, is_said in zip(tokens["input_ids"], tokens["assistant_masks"], strict=True) if is_said]
        call = '{"name": "add", "parameters": {"a": "1"}}'
        assert tokenizer.decode(said) == f"5.<|eot_id|>2.<|eot_id|>{call}<|eot_id|>5.<|eot_id|>"
        # The model keeps its own.
        assert tokenizer.chat_template == own

    def test_trl_alone_still_has_none(self, base: Path, name: str):
        """Once this fails, TRL knows the template: `training_templates.py` no longer needs to."""
        from trl.chat_template_utils import get_training_chat_template

        with pytest.raises(ValueError, match="not supported for this template"):
            get_training_chat_template(self.tokenizer(base, name)[0])


def test_a_template_without_marks_that_nobody_knows_is_refused_with_what_to_write(base: Path):
    sft_trainer: Any = import_module("trl.trainer.sft_trainer")
    dpo_trainer: Any = import_module("trl.trainer.dpo_trainer")
    (base / "chat_template.jinja").write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    with (
        training_templates_known(sft_trainer),
        pytest.raises(TemplateError, match=r"completionOnlyLoss: .* write model\.chatTemplate: plain"),
    ):
        sft_trainer.get_training_chat_template(processing_class(recipe(), base))
    with training_templates_known(dpo_trainer):
        assert not hasattr(dpo_trainer, "get_training_chat_template")


def test_an_adapters_tokenizer_is_found_without_the_configuration_of_its_base(base: Path):
    (base / "config.json").unlink()
    assert "<|assistant|>" in processing_class(recipe(), base).chat_template
