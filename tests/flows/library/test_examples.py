import json
from pathlib import Path

import pytest

from posttraining.examples import load_examples
from posttraining.methods import METHODS
from posttraining.methods.columns import DatasetError
from posttraining.methods.facts import method_facts
from posttraining.methods.method import Method
from recipes import recipe

PAIR = {"prompt": [{"role": "user", "content": "é"}], "completion": [{"role": "assistant", "content": "ok"}]}


def jsonl(folder: Path, name: str, *rows: object) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    return (folder / name).as_uri()


def load(source: str, method: str = "sft", **dataset: object):
    return load_examples(recipe(method, dataset={"source": source, **dataset}))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_tiny_task_has_examples_for_every_method(method: Method):
    examples = load("tiny:sums", method.name)
    assert examples.count == len(examples.rows()) == method_facts(method.name)["tinyExamples"]
    assert tuple(examples.rows()[0]) == examples.columns
    # Its first set of columns is the one that says most.
    assert set(method.columns[0]) <= set(examples.columns)


def test_json_lines_are_read_from_a_file_or_from_all_files_of_a_folder(tmp_path: Path):
    one = jsonl(tmp_path / "data", "b.jsonl", PAIR | {"n": 2})
    jsonl(tmp_path / "data", "a.jsonl", PAIR | {"n": 1})
    (tmp_path / "data/notes.txt").write_text("no examples")
    assert [row["n"] for row in load(one).rows()] == [2]
    assert [row["n"] for row in load((tmp_path / "data").as_uri()).rows()] == [1, 2]


def test_the_limit_takes_the_first_examples_and_changes_the_fingerprint(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", *[PAIR | {"n": n} for n in range(5)])
    assert [row["n"] for row in load(source, limit=2).rows()] == [0, 1]
    assert load(source, limit=2).fingerprint == load(source, limit=2).fingerprint
    assert load(source, limit=2).fingerprint != load(source).fingerprint


def test_questions_and_answers_become_turns_and_stay_for_rewards(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", {"question": "1 + 1?", "answer": "#### 2"})
    asked = [{"role": "user", "content": "1 + 1?"}]
    assert load(source, "grpo").rows() == [{"prompt": asked, "question": "1 + 1?", "answer": "#### 2"}]
    answered = [{"role": "assistant", "content": "#### 2"}]
    assert load(source, "sft").rows() == [{"prompt": asked, "completion": answered}]
    own = jsonl(tmp_path, "b.jsonl", PAIR | {"question": "not this"})
    assert load(own).rows()[0]["prompt"] == PAIR["prompt"]


def test_missing_columns_are_explained(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", {"question": "?", "answer": "!"})
    with pytest.raises(
        DatasetError, match=r"has columns question, answer; dpo needs prompt and chosen and rejected, or"
    ):
        load(source, "dpo")


@pytest.mark.parametrize("lacking", [{"prompt": PAIR["prompt"]}, {**PAIR, "completion": None}])
def test_an_example_that_lacks_what_the_first_has_is_named(tmp_path: Path, lacking: dict):
    source = jsonl(tmp_path, "a.jsonl", PAIR, lacking)
    with pytest.raises(DatasetError, match=r"a\.jsonl: example 2 has no completion, which sft needs"):
        load(source)


def test_broken_lines_are_named(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(json.dumps(PAIR) + "\n{oops\n")
    with pytest.raises(DatasetError, match=r"a\.jsonl, line 2 is not JSON"):
        load((tmp_path / "a.jsonl").as_uri())
    with pytest.raises(DatasetError, match="line 1 is not a JSON object"):
        load(jsonl(tmp_path, "list.jsonl", [1]))


def test_sources_without_examples_are_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="no file"):
        load((tmp_path / "none.jsonl").as_uri())
    with pytest.raises(DatasetError, match=r"no \.jsonl files"):
        load(tmp_path.as_uri())
    with pytest.raises(DatasetError, match="has no examples"):
        load(jsonl(tmp_path, "empty.jsonl"))
    chosen = recipe()
    chosen["dataset"]["source"] = "tiny:products"
    with pytest.raises(DatasetError, match="tiny:products is not known"):
        load_examples(chosen)
