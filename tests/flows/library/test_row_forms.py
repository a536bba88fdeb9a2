"""Every form of public data sets' rows, through the real code of every trainer that takes it. Contents are made up."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from posttraining.data.features import dataset_of
from posttraining.data.trial import try_examples
from posttraining.examples import Examples, load_examples
from posttraining.methods.columns import DatasetError
from posttraining.models import fetch_model
from posttraining.trainers.chat_template import template_of
from posttraining.trainers.training_templates import TemplateError
from recipes import recipe

Row = dict[str, Any]

FLOWS = Path(__file__).resolve().parents[3] / "flows"


def user(text: object) -> Row:
    return {"role": "user", "content": text}


def assistant(text: str) -> Row:
    return {"role": "assistant", "content": text}


def system(text: str) -> Row:
    return {"role": "system", "content": text}


ASKED, RIGHT, WRONG = user("0 plus 1?"), assistant("1."), assistant("7 plus.")
PAIR_OF_TURNS = {"prompt": [ASKED], "chosen": [RIGHT], "rejected": [WRONG]}


@dataclass(frozen=True)
class Form:
    """Rows of a public data set's form, and what each method makes of the first."""

    rows: list[Row]
    said: str
    """A piece of the line, for the first method."""
    examples: dict[str, Row]
    changes: dict[str, Any] = field(default_factory=dict)


FORMS: dict[str, Form] = {
    "prompt and completion as texts": Form(
        [{"prompt": "0 plus 1?", "completion": " 1."}] * 4,
        "reads prompt as text, completion as the answer",
        {"sft": {"prompt": "0 plus 1?", "completion": " 1."}, "grpo": {"prompt": "0 plus 1?"}},
        {"rewards": ["tiny_sums_sentence"]},
    ),
    "prompt and completion as turns": Form(
        [{"prompt": [ASKED], "completion": [RIGHT]}] * 4,
        "reads prompt as a conversation, completion as a conversation",
        {"sft": {"prompt": [ASKED], "completion": [RIGHT]}},
    ),
    "text": Form([{"text": "0 plus 1 is 1."}] * 4, "reads text as it is", {"sft": {"text": "0 plus 1 is 1."}}),
    "messages (UltraChat)": Form(
        [{"prompt": "0 plus 1?", "prompt_id": "0", "messages": [ASKED, RIGHT]}] * 4,
        "reads messages as conversations; leaves prompt, prompt_id",
        {"sft": {"messages": [ASKED, RIGHT]}},
    ),
    "conversations (ShareGPT)": Form(
        [
            {
                "id": "0",
                "conversations": [
                    {"from": "system", "value": ""},
                    {"from": "human", "value": "0 plus 1?"},
                    {"from": "gpt", "value": "1."},
                ],
            }
        ]
        * 4,
        "reads conversations (from, value) as conversations; leaves id",
        {"sft": {"messages": [ASKED, RIGHT]}, "grpo": {"prompt": [ASKED]}},
        {"rewards": ["tiny_sums_sentence"]},
    ),
    "instruction, input, output (Alpaca)": Form(
        [
            {"instruction": "Add.", "input": "0 plus 1", "output": "1.", "text": "Below is an instruction."},
            {"instruction": "Add 0 and 1.", "input": "", "output": "1.", "text": "Below is an instruction."},
        ]
        * 2,
        "reads instruction and input as the prompt, output as the answer; leaves text",
        {"sft": {"prompt": [user("Add.\n\n0 plus 1")], "completion": [RIGHT]}},
    ),
    "question and answer (GSM8K)": Form(
        [{"question": "0 plus 1?", "answer": "0 + 1 = <<0+1=1>>1\n#### 1"}] * 4,
        "reads question as the prompt, answer as the answer",
        {
            "sft": {"prompt": [ASKED], "completion": [assistant("0 + 1 = <<0+1=1>>1\n#### 1")]},
            "grpo": {"prompt": [ASKED], "answer": "1"},
        },
    ),
    "UltraFeedback": Form(
        [
            {
                "prompt": "0 plus 1?",
                "prompt_id": "0",
                "chosen": [ASKED, RIGHT],
                "rejected": [ASKED, WRONG],
                "messages": [ASKED, RIGHT],
                "score_chosen": 8.0,
                "score_rejected": 2.0,
            }
        ]
        * 4,
        "reads chosen/rejected as conversations, prompt taken from them; leaves prompt_id, messages",
        {"dpo": PAIR_OF_TURNS, "kto": PAIR_OF_TURNS, "sft": {"messages": [ASKED, RIGHT]}},
    ),
    "tulu-3 preference": Form(
        [
            {
                "id": "0",
                "source": "ultrafeedback",
                "prompt": "0 plus 1?",
                "chosen": [ASKED, assistant("0?"), ASKED, RIGHT],
                "rejected": [ASKED, assistant("0?"), ASKED, WRONG],
            }
        ]
        * 4,
        "reads chosen/rejected as conversations, prompt taken from them; leaves id, source",
        {"dpo": {"prompt": [ASKED, assistant("0?"), ASKED], "chosen": [RIGHT], "rejected": [WRONG]}},
    ),
    "pairs of answers beside a prompt": Form(
        [{"prompt": [ASKED], "chosen": [RIGHT], "rejected": [WRONG]}] * 4,
        "reads prompt as a conversation, chosen/rejected as conversations",
        {"dpo": PAIR_OF_TURNS, "kto": PAIR_OF_TURNS},
    ),
    "pairs of texts": Form(
        [{"prompt": "0 plus 1?", "chosen": " 1.", "rejected": " 7."}] * 4,
        "reads prompt as text, chosen/rejected as texts",
        {"dpo": {"prompt": "0 plus 1?", "chosen": " 1.", "rejected": " 7."}},
    ),
    "pairs of texts with their prompt": Form(
        [{"chosen": "0 plus 1? 1.", "rejected": "0 plus 1? 7."}] * 4,
        "reads chosen/rejected as texts, prompt taken from them",
        {"dpo": {"prompt": "0 plus 1?", "chosen": " 1.", "rejected": " 7."}},
    ),
    "Orca pairs": Form(
        [
            {"system": "You add.", "question": "0 plus 1?", "chosen": "1.", "rejected": "7 plus."},
            {"system": "", "question": "0 plus 1?", "chosen": "1.", "rejected": "7 plus."},
        ]
        * 2,
        "reads system and question as the prompt, chosen/rejected as texts",
        {
            "dpo": {"prompt": [system("You add."), ASKED], "chosen": [RIGHT], "rejected": [WRONG]},
            "kto": {"prompt": [system("You add."), ASKED], "chosen": [RIGHT], "rejected": [WRONG]},
        },
    ),
    "transcripts (HH)": Form(
        [
            {
                "chosen": "\n\nHuman: 0?\n\nAssistant: 0.\n\nHuman: 0 plus 1?\n\nAssistant: 1.",
                "rejected": "\n\nHuman: 0?\n\nAssistant: 0.\n\nHuman: 0 plus 1?\n\nAssistant: 7 plus.",
            }
        ]
        * 4,
        "reads chosen/rejected as transcripts, prompt taken from them",
        {"dpo": {"prompt": [user("0?"), assistant("0."), ASKED], "chosen": [RIGHT], "rejected": [WRONG]}},
    ),
    "labelled answers (KTO)": Form(
        [
            {"prompt": [ASKED], "completion": [RIGHT], "label": True},
            {"prompt": [ASKED], "completion": [WRONG], "label": False},
        ]
        * 2,
        "reads prompt as a conversation, completion as a conversation, label as good or bad",
        {"kto": {"prompt": [ASKED], "completion": [RIGHT], "label": True}},
    ),
    "labelled conversations": Form(
        [{"messages": [ASKED, RIGHT], "label": 1}, {"messages": [ASKED, WRONG], "label": 0}] * 2,
        "reads messages as conversations, the last turn as the answer, label as good or bad",
        {"kto": {"prompt": [ASKED], "completion": [RIGHT], "label": True}},
    ),
    "DAPO": Form(
        [
            {
                "data_source": "math_dapo",
                "prompt": [ASKED],
                "ability": "MATH",
                "reward_model": {"ground_truth": "1", "style": "rule-lighteval/MATH_v2"},
                "extra_info": {"index": "0"},
            }
        ]
        * 4,
        "reads prompt as a conversation; reward_model.ground_truth as the right answer; leaves data_source",
        {"grpo": {"prompt": [ASKED], "answer": "1"}},
    ),
    "NuminaMath": Form(
        [
            {
                "problem": "0 plus 1?",
                "solution": "Not \\boxed{0}, but \\boxed{\\text{1}}.",
                "messages": [ASKED, assistant("1.")],
            }
        ]
        * 4,
        "reads problem as the prompt; \\boxed{} of solution as the right answer; leaves messages",
        {"grpo": {"prompt": [ASKED], "answer": "\\text{1}"}, "sft": {"messages": [ASKED, RIGHT]}},
    ),
    "a date and numbers": Form(
        [{"prompt": "Date 0 as ISO:", "completion": "2024-01-01", "n": 7}] * 4,
        "reads prompt as text",
        {"sft": {"prompt": "Date 0 as ISO:", "completion": "2024-01-01"}},
    ),
    "numbers as answers": Form(
        [{"question": "0 plus 1?", "answer": 1}, {"question": "0 plus 1?", "answer": "1.50"}] * 2,
        "reads question as the prompt; answer as the right answer",
        {"grpo": {"prompt": [ASKED], "answer": "1"}},
    ),
    "turns with tools": Form(
        [
            {
                "messages": [
                    ASKED,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 0}}}],
                    },
                    {"role": "tool", "name": "add", "content": "1"},
                    RIGHT,
                ],
                "tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}],
            }
        ]
        * 4,
        "reads messages as conversations; tools for the chat template",
        {
            "sft": {
                "messages": [
                    ASKED,
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 0}}}],
                    },
                    {"role": "tool", "content": "1", "name": "add"},
                    RIGHT,
                ],
                "tools": '[{"type": "function", "function": {"name": "add", "parameters": {}}}]',
            }
        },
    ),
    "texts in parts": Form(
        [{"messages": [user([{"type": "text", "text": "0 "}, {"type": "text", "text": "plus 1?"}]), RIGHT]}] * 4,
        "reads messages as conversations",
        {"sft": {"messages": [ASKED, RIGHT]}},
    ),
}

CASES = [(name, method) for name, form in FORMS.items() for method in form.examples]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model without a chat template."""
    folder = fetch_model("tiny:llama", tmp_path_factory.mktemp("base"))
    (folder / "chat_template.jinja").unlink()
    return folder


def write(folder: Path, rows: list[Row]) -> str:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file.as_uri()


def chosen_recipe(method: str, source: str, changes: dict[str, Any] | None = None) -> Any:
    changes = dict(changes or {})
    rewards = [{"name": name} for name in changes.pop("rewards", ["final_number"])]
    own: dict[str, Any] = {"batch": {"global": 4}, "dataset__source": source, **changes}
    if method == "grpo":
        own |= {"grpo__rewards": rewards, "grpo__generations": 2}
    return recipe(method, **own)


def load(folder: Path, method: str, rows: list[Row], **changes: Any) -> Examples:
    return load_examples(chosen_recipe(method, write(folder, rows), {"dataset__shuffle": False, **changes}))


@pytest.mark.parametrize(("name", "method"), CASES, ids=[f"{name}: {method}" for name, method in CASES])
def test_rows_of_every_form_reach_the_trainer(tmp_path: Path, base: Path, name: str, method: str):
    form = FORMS[name]
    changes = {**form.changes, **({"completionOnlyLoss": False} if "text" in form.examples.get("sft", {}) else {})}
    chosen = chosen_recipe(method, write(tmp_path, form.rows), changes)
    examples = load_examples(chosen)
    rows = examples.rows()
    assert form.examples[method] in rows
    assert all(row.keys() == form.examples[method].keys() for row in rows)
    assert set(examples.columns) == form.examples[method].keys()
    if method == next(iter(form.examples)):
        assert form.said in examples.form
    try_examples(chosen, base, rows)


def test_types_stay_as_they_are_written(tmp_path: Path):
    """Where a value is guessed from its block, this text is a date, and the late one an error."""
    rows = [{"prompt": f"Date {n} as ISO:", "completion": "2024-01-01", "note": None} for n in range(3)]
    examples = load(tmp_path, "sft", [*rows, {**rows[0], "note": "late"}])
    examples.write(tmp_path / "examples.jsonl")
    dataset = dataset_of(tmp_path / "examples.jsonl", tmp_path / "cache")
    assert dataset.column_names == ["prompt", "completion"]
    assert [row["completion"] for row in dataset] == ["2024-01-01"] * 4


def test_turns_keep_their_own_keys(tmp_path: Path):
    examples = load(tmp_path, "sft", FORMS["turns with tools"].rows)
    examples.write(tmp_path / "examples.jsonl")
    turns = dataset_of(tmp_path / "examples.jsonl", tmp_path / "cache")[0]["messages"]
    assert [set(turn) for turn in turns] == [
        {"role", "content"},
        {"role", "content", "tool_calls"},
        {"role", "content", "name"},
        {"role", "content"},
    ]


WRONG_ROWS: dict[str, tuple[str, list[Row], str]] = {
    "a late null": (
        "sft",
        [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": None}],
        "example 2 has no completion, which sft needs",
    ),
    "other keys": (
        "sft",
        [{"question": "a", "answer": "b"}, {"question": "a", "response": "b"}],
        r"example 2 has no answer, which sft needs \(its columns: question, response\)",
    ),
    "no turns": ("sft", [{"messages": []}], "example 1 has no turns in messages"),
    "an empty turn": (
        "sft",
        [{"messages": [ASKED, RIGHT]}, {"messages": [ASKED, assistant(" ")]}],
        r"example 2 has an empty text in turn 2 of messages \(assistant\)",
    ),
    "content null": (
        "sft",
        [{"messages": [ASKED, {"role": "assistant", "content": None}]}],
        r"example 1 has no content in turn 2 of messages \(assistant\)",
    ),
    "a turn without a role": ("sft", [{"messages": [{"content": "a"}]}], "example 1 has no role in turn 1 of messages"),
    "an unknown speaker": (
        "sft",
        [{"conversations": [{"from": "narrator", "value": "a"}]}],
        'example 1 has "narrator" as speaker of turn 1 of conversations; known: system, human',
    ),
    "an unknown role": (
        "sft",
        [{"messages": [{"role": "narrator", "content": "a"}, RIGHT]}],
        'example 1 has "narrator" as role of turn 1 of messages; known: system, user',
    ),
    "half of a character": (
        "sft",
        [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": "\ud83d"}],
        r"example 2 has half of a character \('\\ud83d', a lone surrogate\) in its text",
    ),
    "an image": (
        "sft",
        [{"messages": [user([{"type": "image"}]), RIGHT]}],
        "example 1 has a part of type image in turn 1 of messages; only text is trained on",
    ),
    "a turn not to be learnt": (
        "sft",
        [{"messages": [ASKED, {**RIGHT, "weight": 0}]}],
        "example 1 has weight: 0 in turn 2 of messages, which is not read",
    ),
    "a number as text": (
        "sft",
        [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": 3}],
        "example 2 has a number as completion: write text",
    ),
    "a text among conversations": (
        "sft",
        [{"messages": [ASKED, RIGHT]}, {"messages": "0 plus 1? 1."}],
        "example 2 has a text as messages, where the first example has a conversation",
    ),
    "nothing said": (
        "sft",
        [{"messages": [ASKED]}],
        "example 1 has a conversation in which the assistant says nothing",
    ),
    "an empty prompt": ("dpo", [{"prompt": "", "chosen": "a", "rejected": "b"}], "example 1 has an empty prompt"),
    "an implicit prompt that is empty": (
        "dpo",
        [{"chosen": "1.", "rejected": "7 plus."}],
        "example 1 has chosen and rejected texts that begin differently, so its prompt is empty: add a column prompt",
    ),
    "an answer that the other begins with": (
        "dpo",
        [{"chosen": "0 plus 1? 1. Indeed.", "rejected": "0 plus 1? 1."}],
        "example 1 has a chosen or rejected text that is all of what both begin with, so its answer is empty",
    ),
    "answers to other prompts": (
        "dpo",
        [{"chosen": [ASKED, RIGHT], "rejected": [user("0?"), WRONG]}],
        "example 1 has chosen and rejected answers to different prompts, or to none: add a column prompt",
    ),
    "conversations that part early": (
        "dpo",
        [{"chosen": [ASKED, RIGHT, user("a"), RIGHT], "rejected": [ASKED, RIGHT, user("b"), WRONG]}],
        "example 1 has chosen and rejected conversations that part before an answer, at turn 3",
    ),
    "a late transcript of nobody": (
        "dpo",
        [FORMS["transcripts (HH)"].rows[0], {"chosen": "1.", "rejected": "7."}],
        r"example 2 has no transcript \(Human: ... Assistant: ...\) as chosen",
    ),
    "a column that says something": (
        "sft",
        [{"question": "a", "answer": "b", "context": ""}, {"question": "a", "answer": "b", "context": "c"}],
        "example 2 says something in context, which is not read here: write it into the prompt",
    ),
    "a label of another kind": (
        "kto",
        [{"prompt": "a", "completion": "b", "label": True}, {"prompt": "a", "completion": "b", "label": "good"}],
        'example 2 has the label "good"; write true for a good answer, false for a bad',
    ),
    "labels of one kind": (
        "kto",
        [{"prompt": "a", "completion": "b", "label": True}] * 2,
        "every label is true; KTO learns from good and from bad answers",
    ),
    "no answer for the reward": (
        "grpo",
        [{"prompt": [ASKED]}],
        "has columns prompt; the reward final_number needs answer",
    ),
    "no marked answer": (
        "grpo",
        [{"question": "a", "answer": "b\n#### 1"}, {"question": "a", "answer": "1"}],
        "example 2 has no answer behind #### in answer, as the first example has",
    ),
    "no box": (
        "grpo",
        [{"problem": "a", "solution": "It is 1."}],
        r"example 1 has no \\boxed\{\} answer in solution",
    ),
    "no ground truth": (
        "grpo",
        [{"prompt": [ASKED], "reward_model": {"style": "rule"}}],
        "example 1 has no reward_model.ground_truth",
    ),
    "an answer without a number": (
        "grpo",
        [{"question": "a", "answer": "x"}],
        'example 1 has the right answer "x", in which final_number finds no number',
    ),
    "a fraction": (
        "grpo",
        [{"problem": "a", "solution": "\\boxed{12}"}, {"problem": "a", "solution": "\\boxed{\\frac{1}{2}}"}],
        "example 2 has the right answer .*frac.*, of which final_number would compare the last number alone",
    ),
    "nobody asks": (
        "grpo",
        [{"messages": [RIGHT], "answer": "1"}],
        "example 1 has a conversation in which nobody asks anything",
    ),
    "columns of no form": (
        "dpo",
        [{"instruction": "a", "output": "b"}],
        "has columns instruction, output; dpo needs prompt and chosen and rejected, or a form of them: chosen and rejected",
    ),
}


def test_roles_are_known_by_their_speakers_names_too(tmp_path: Path):
    turns = [{"role": "Human", "content": "0 plus 1?"}, {"role": "gpt", "content": "1."}]
    assert load(tmp_path, "sft", [{"messages": turns}]).rows() == [{"messages": [ASKED, RIGHT]}]


@pytest.mark.parametrize("case", WRONG_ROWS)
def test_a_row_that_cannot_be_read_is_named_before_anything_trains(tmp_path: Path, case: str):
    method, rows, problem = WRONG_ROWS[case]
    with pytest.raises(DatasetError, match=problem):
        load(tmp_path, method, rows)


def test_the_first_of_several_is_named_whatever_the_order(tmp_path: Path):
    rows: list[Row] = [{"prompt": "a", "completion": "b"}] * 20
    rows[7] = rows[12] = {"prompt": "a", "completion": ""}
    with pytest.raises(DatasetError, match=r"example 8 has an empty completion \(and 1 more cannot be read\): mend"):
        load(tmp_path, "sft", rows, dataset__shuffle=True)
    examples = load(tmp_path, "sft", rows, dataset__shuffle=True, dataset__brokenRows="skip")
    assert examples.count == 18
    assert "left out 2 that cannot be read, such as: example 8 has an empty completion" in examples.form
    assert load(tmp_path, "sft", rows, dataset__brokenRows="skip", dataset__limit=10).count == 10
    with pytest.raises(DatasetError, match="has no example that can be read: example 1 has an empty completion"):
        load(tmp_path, "sft", [rows[7]], dataset__brokenRows="skip")


def test_what_a_trainer_cannot_use_is_said_before_any_gpu(tmp_path: Path, base: Path):
    rows = [{"messages": [ASKED, RIGHT]}] * 4
    chosen = chosen_recipe("sft", write(tmp_path, rows), {"sequence__maxLength": 8})
    with pytest.raises(DatasetError, match=r"sequence\.maxLength: got 8; none of the first 4 examples leaves room"):
        try_examples(chosen, base, rows)
    text = [{"text": "0 plus 1 is 1."}] * 4
    with pytest.raises(DatasetError, match="completionOnlyLoss: examples with a `text` column"):
        try_examples(chosen_recipe("sft", write(tmp_path, text)), base, text)
    own = tmp_path / "own"
    own.mkdir()
    for file in base.iterdir():
        (own / file.name).symlink_to(file)
    (own / "chat_template.jinja").write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    with pytest.raises(TemplateError, match=r"write model\.chatTemplate: plain"):
        try_examples(chosen_recipe("sft", write(tmp_path, rows)), own, rows)
    try_examples(chosen_recipe("sft", write(tmp_path, rows), {"model__chatTemplate": "plain"}), own, rows)
    (own / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(DatasetError, match=r"DPOTrainer cannot use the first 4 examples .* roles must alternate"):
        pairs = [PAIR_OF_TURNS] * 4
        try_examples(chosen_recipe("dpo", write(tmp_path, pairs)), own, pairs)


@pytest.mark.parametrize(
    ("method", "form"),
    [("sft", "messages (UltraChat)"), ("dpo", "UltraFeedback"), ("kto", "UltraFeedback"), ("grpo", "DAPO")],
)
def test_the_template_gets_the_recipes_arguments(tmp_path: Path, base: Path, method: str, form: str):
    own = tmp_path / "own"
    own.mkdir()
    for file in base.iterdir():
        (own / file.name).symlink_to(file)
    asks = "{% if mood is not defined %}{{ raise_exception('no mood') }}{% endif %}"
    plain = template_of(chosen_recipe(method, "tiny:sums"), base).text
    (own / "chat_template.jinja").write_text(asks + plain)
    source = write(tmp_path, FORMS[form].rows)
    chosen = chosen_recipe(
        method, source, {"model__chatTemplateArguments": {"mood": "glad", "steps": 2, "thinks": False}}
    )
    rows = load_examples(chosen).rows()
    try_examples(chosen, own, rows)
    with pytest.raises(DatasetError, match="no mood"):
        try_examples(chosen_recipe(method, source), own, rows)


def test_llama_learns_from_messages_and_keeps_its_own_template(tmp_path: Path, base: Path):
    llama = tmp_path / "llama"
    llama.mkdir()
    for file in base.iterdir():
        (llama / file.name).symlink_to(file)
    own = import_module("trl.chat_template_utils").llama3_1_chat_template
    (llama / "chat_template.jinja").write_text(own)
    (llama / "tokenizer_config.json").unlink()
    config = json.loads((base / "tokenizer_config.json").read_text())
    (llama / "tokenizer_config.json").write_text(json.dumps(config | {"bos_token": "<|endoftext|>"}))
    rows = [{"messages": [ASKED, RIGHT]}] * 4
    chosen = chosen_recipe("sft", write(tmp_path, rows), {"sequence__maxLength": 256, "sequence__packing": True})
    try_examples(chosen, llama, rows)


def test_which_columns_are_read_does_not_hang_on_the_hash_seed(tmp_path: Path):
    """TRL alone looks at one of prompt, completion and messages by chance: the end-of-text token then is in the labels, or not."""
    rows = [{"prompt": "0 plus 1?", "completion": " 1.", "messages": [ASKED, RIGHT]}] * 4
    script = (
        "import json, sys; from posttraining.examples import load_examples\n"
        "examples = load_examples(json.loads(sys.argv[1]))\n"
        "print(examples.columns, examples.fingerprint, examples.form)"
    )
    chosen = json.dumps(chosen_recipe("sft", write(tmp_path, rows)))
    said = [
        subprocess.run(
            [sys.executable, "-c", script, chosen],
            env={"PATH": "", "PYTHONPATH": str(FLOWS), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "10")
    ]
    assert said[0] == said[1]
    assert "('prompt', 'completion')" in said[0]
    assert "leaves messages" in said[0]
