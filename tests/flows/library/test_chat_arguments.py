import importlib.util
from pathlib import Path

import pytest

from posttraining.chat_arguments import ChatArgumentsError, arguments_problem, arguments_read, require_read
from posttraining.checks import check_run
from posttraining.models import fetch_model
from posttraining.recipe import RecipeError
from recipes import plan, recipe, run_document

TEMPLATE = """\
{%- if enable_thinking is not defined %}{%- set enable_thinking = true %}{%- endif %}
{%- if tools is defined %}{%- set role = 'tools' %}{%- else %}{%- set role = 'none' %}{%- endif %}
{%- set names = namespace(last=bos_token) %}
{%- for message in messages %}{% generation %}{{ role + message['content'] }}{% endgeneration %}{% break %}{%- endfor %}
{{- knowledge_cutoff or strftime_now('%Y') }}{{ '/think' if enable_thinking }}"""


def test_names_that_a_template_reads():
    assert {"enable_thinking", "knowledge_cutoff"} <= arguments_read(TEMPLATE)
    assert not arguments_read(TEMPLATE) & {
        "messages",
        "tools",
        "bos_token",
        "strftime_now",
        "namespace",
        "names",
        "message",
    }


def test_what_a_template_never_reads_is_refused_with_what_it_reads():
    assert arguments_problem(TEMPLATE, {"enable_thinking": False, "knowledge_cutoff": "2023"}) is None
    assert arguments_problem(TEMPLATE, {}) is None
    assert arguments_problem(TEMPLATE, {"enable_thinking": False, "enable_thinkin": False}) == (
        "model.chatTemplateArguments.enable_thinkin: got false; the model's chat template does not read it; "
        "it reads enable_thinking, knowledge_cutoff (did you mean enable_thinking?)"
    )
    assert (arguments_problem("{{ messages[0]['content'] }}", {"a": 1}) or "").endswith("it reads none: remove it")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("llama3_1", {"date_string": "26 Jul 2024"}),
        ("qwen3", {"enable_thinking": False}),
        ("gptoss", {"reasoning_effort": "low"}),
    ],
)
def test_arguments_of_public_models_are_known(name: str, arguments: dict[str, str | bool]):
    spec = importlib.util.find_spec("trl")
    assert spec is not None and spec.origin is not None
    template = (Path(spec.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    assert arguments_problem(template, arguments) is None
    assert next(iter(arguments)) in (arguments_problem(template, {"thinking_of_nothing": True}) or "")


def test_a_run_with_them_is_refused_before_it_starts(tmp_path: Path):
    folder = fetch_model("tiny:llama", tmp_path)
    for base in ("tiny:llama", folder.as_uri()):
        chosen = recipe(model__base=base, model__chatTemplateArguments={"enable_thinking": False})
        with pytest.raises(
            RecipeError, match=r"model\.chatTemplateArguments\.enable_thinking: got false; .* reads none"
        ):
            check_run(run_document(chosen, plan(chosen)), "sft")
        with pytest.raises(ChatArgumentsError, match=r"model\.chatTemplateArguments\.enable_thinking"):
            require_read(chosen, base)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    chosen = recipe(model__base=folder.as_uri(), model__chatTemplateArguments={"enable_thinking": False})
    check_run(run_document(chosen, plan(chosen)), "sft")
    require_read(chosen, folder.as_uri())


def test_a_model_in_a_store_is_asked_for_its_template_without_its_weights(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def read(uri: str) -> bytes | None:
        asked.append(uri)
        return TEMPLATE.encode()

    monkeypatch.setattr("posttraining.storage.list_files", lambda _uri: ["chat_template.jinja", "model.safetensors"])
    monkeypatch.setattr("posttraining.storage.read_bytes", read)
    chosen = recipe(model__base="s3://bucket/a", model__chatTemplateArguments={"date": "today"})
    with pytest.raises(ChatArgumentsError, match="it reads enable_thinking, knowledge_cutoff"):
        require_read(chosen, "s3://bucket/a")
    assert asked == ["s3://bucket/a/chat_template.jinja"]
