"""One conversation is the same tokens in training, in evaluation and for the server, whatever its template asks for."""

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from posttraining.chat_arguments import with_chat_arguments
from posttraining.evaluation_chat import ask_in_chat
from posttraining.methods import METHODS
from posttraining.models import fetch_model
from posttraining.trainers.chat_template import own_template
from posttraining.trainers.job import TrainingJob
from posttraining.trainers.run import _trainer
from recipes import plan, recipe

# As SmolLM3's: thinking unless told otherwise, where a value that is None counts as told; and as Llama 3.2's: dated.
TEMPLATE = """\
{%- if enable_thinking is not defined %}{%- set enable_thinking = true %}{%- endif %}
{%- if date_string is not defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{{- '<|im_start|>system\\nDate: ' + date_string + (' /think' if enable_thinking else ' /no_think') + '<|im_end|>\\n' }}
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}
{%- else %}{{ message['content'] + '<|im_end|>' }}{%- endif %}{{ '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
"""
QUESTION = [{"role": "user", "content": "What is 1 plus 2?"}]
ANSWER, OTHER = [[{"role": "assistant", "content": text}] for text in ("3", "It is 4, I think.")]
ROWS: dict[str, dict[str, Any]] = {
    "sft": {"prompt": QUESTION, "completion": ANSWER},
    "dpo": {"prompt": QUESTION, "chosen": ANSWER, "rejected": OTHER},
    "kto": {"prompt": QUESTION, "completion": ANSWER, "label": True},
    "grpo": {"prompt": QUESTION, "answer": "3"},
}
TOLD = {"enable_thinking": False, "date_string": "26 Jul 2024"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fetch_model("tiny:llama", tmp_path_factory.mktemp("model"))
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def tokens(model: Path, **arguments: Any) -> list[int]:
    """What the server's renderer makes of it: vLLM 0.31 and transformers 5.17 hand their defaults on to this function."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model).apply_chat_template(
        QUESTION, add_generation_prompt=True, tokenize=True, return_dict=False, **arguments
    )


def trained_tokens(method: str, model: Path, folder: Path, arguments: dict[str, Any]) -> list[int]:
    """The prompt's tokens as TRL's trainer of a method makes them."""
    from datasets import Dataset

    changes = {"model__chatTemplateArguments": arguments} if arguments else {}
    chosen = recipe(method, **changes)
    job = TrainingJob(
        recipe=chosen,
        plan=plan(chosen),
        model=str(model),
        examples="",
        output=str(folder / "output"),
        scratch=str(folder),
        node=0,
        nodes=1,
        resume_from=None,
        generation_server=None,
    )
    dataset = Dataset.from_list([ROWS[method]] * 32)
    trainer = _trainer(job, with_chat_arguments(dataset, chosen))
    if method == "grpo":
        return trainer._tokenize_prompts([QUESTION])[0][0]
    row = trainer.train_dataset[0]
    if method == "sft":
        return [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100]
    return row["prompt_ids"]


@pytest.mark.parametrize("arguments", [TOLD, {}], ids=["told", "untold"])
@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_training_sees_what_is_served(method: str, arguments: dict[str, Any], model: Path, tmp_path: Path):
    assert trained_tokens(method, model, tmp_path, arguments) == tokens(model, **arguments)
    assert tokens(model, **TOLD) != tokens(model)


def test_so_does_evaluation_by_transformers(model: Path):
    from lm_eval.models.huggingface import HFLM

    evaluated: Any = HFLM(pretrained=str(model), device="cpu")  # pyright: ignore[reportCallIssue]
    for arguments in (TOLD, {}):
        ask_in_chat(evaluated, TEMPLATE, arguments)
        assert encoded(evaluated) == tokens(model, **arguments)


def encoded(evaluated: Any) -> list[int]:
    return evaluated.tok_encode(evaluated.apply_chat_template(QUESTION))


class StandInEngine:
    """In the place of vLLM's engine, which no processor without its package can run: lm-eval's class asks it for this alone."""

    def __init__(self, **_arguments: Any) -> None:
        self.llm_engine = SimpleNamespace(model_config=None)


@pytest.fixture
def vllm_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """lm-eval's model for vLLM, made of the arguments given, with the stand-in for the engine."""
    from importlib import metadata

    from transformers import AutoTokenizer

    parts: dict[str, dict[str, Any]] = {
        "vllm": {"LLM": StandInEngine, "SamplingParams": object, "TokensPrompt": object},
        "vllm.lora": {},
        "vllm.lora.request": {"LoRARequest": object},
        "vllm.renderers": {},
        "vllm.renderers.hf": {"resolve_chat_template": lambda tokenizer, **_: tokenizer.chat_template},
        "vllm.tokenizers": {"get_tokenizer": lambda name, **_: AutoTokenizer.from_pretrained(name)},
    }
    for name, members in parts.items():
        module = ModuleType(name)
        module.__dict__.update(members | {"__spec__": ModuleSpec(name, None)})
        monkeypatch.setitem(sys.modules, name, module)
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.31.0" if name == "vllm" else version(name))
    monkeypatch.delitem(sys.modules, "lm_eval.models.vllm_causallms", raising=False)
    monkeypatch.setattr("lm_eval.api.registry.register_model", lambda *_names: lambda made: made)
    module = import_module("lm_eval.models.vllm_causallms")
    yield lambda **arguments: module.VLLM(pretrained=str(model), **arguments)
    del sys.modules["lm_eval.models.vllm_causallms"]


def test_so_does_evaluation_by_vllm(vllm_model: Any, model: Path):
    evaluated = vllm_model()
    for arguments in (TOLD, {}):
        ask_in_chat(evaluated, TEMPLATE, arguments)
        assert encoded(evaluated) == tokens(model, **arguments)


def test_lm_eval_still_needs_to_be_told(vllm_model: Any, model: Path):
    """Once this fails, lm-eval's own class hands on what it was given, and `ask_in_chat` may leave it to that."""
    assert encoded(vllm_model()) == tokens(model, enable_thinking=None) != tokens(model)
    thinking = {"enable_thinking": True, "date_string": "26 Jul 2024"}
    forgotten = encoded(vllm_model(chat_template_args=dict(thinking)))
    assert forgotten == tokens(model, **thinking | {"enable_thinking": None}) != tokens(model, **thinking)


def test_no_first_token_is_put_before_a_template_that_writes_none(model: Path, tmp_path: Path):
    from lm_eval.models.huggingface import HFLM
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    first = tokenizer.convert_tokens_to_ids("<|im_start|>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", first)]
    )
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    evaluated: Any = HFLM(pretrained=str(model), tokenizer=tokenizer, device="cpu")  # pyright: ignore[reportCallIssue]
    assert evaluated.tok_encode("What is 1 plus 2?")[0] == first
    ask_in_chat(evaluated, template, {})
    text = evaluated.apply_chat_template(QUESTION)
    rendered = tokenizer.apply_chat_template(QUESTION, chat_template=template, tokenize=True, return_dict=False)
    assert evaluated.tok_encode(text) == rendered
    assert evaluated.tok_batch_encode([text])[0][0].tolist() == rendered
    assert rendered[0] != first


def test_the_template_is_found_where_it_lies(model: Path):
    assert own_template(model) == TEMPLATE
