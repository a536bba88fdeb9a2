import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import posttraining
from posttraining import storage
from posttraining.examples import Examples, load_examples
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


def texts(examples: Examples) -> list[str]:
    return [row["text"] for row in examples.rows()]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_tiny_task_has_examples_for_every_method(method: Method):
    examples = load("tiny:sums", method.name)
    assert examples.count == len(examples.rows()) == method_facts(method.name)["tinyExamples"]
    assert tuple(examples.rows()[0]) == examples.columns
    # Its first set of columns is the one that says most.
    assert set(method.columns[0]) <= set(examples.columns)


def test_json_lines_are_read_from_a_file_or_from_all_files_of_a_folder(tmp_path: Path):
    one = jsonl(tmp_path / "data", "b.jsonl", {"text": "2"})
    jsonl(tmp_path / "data", "a.jsonl", {"text": "1"})
    (tmp_path / "data/notes.txt").write_text("no examples")
    assert texts(load(one)) == ["2"]
    assert texts(load((tmp_path / "data").as_uri(), shuffle=False)) == ["1", "2"]


def test_rows_are_shuffled_by_the_seed_before_the_limit(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", *[{"text": str(n)} for n in range(50)])
    in_order = [str(n) for n in range(50)]
    assert texts(load(source, shuffle=False, limit=2)) == ["0", "1"]
    whole = texts(load(source))
    assert whole != in_order
    assert sorted(whole) == sorted(in_order)
    # The same on every machine and in every version of the library: what was trained on can be told from the recipe.
    assert whole[:5] == ["43", "1", "28", "14", "36"]
    assert texts(load(source, limit=5)) == whole[:5]
    other = load_examples(recipe(seed=1, dataset={"source": source, "limit": 5}))
    assert texts(other) != whole[:5]
    assert load(source, limit=5).fingerprint == load(source, limit=5).fingerprint != load(source).fingerprint


def test_the_tiny_task_keeps_its_order(tmp_path: Path):
    shuffled, kept = load("tiny:sums", shuffle=True), load("tiny:sums", shuffle=False)
    assert shuffled.fingerprint == kept.fingerprint


def test_examples_are_kept_by_their_content_and_must_be_what_was_written(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", {"text": "é"}, {"text": "2"})
    root = (tmp_path / "store").as_uri()
    examples = load_examples(recipe(dataset={"source": source, "shuffle": False}), root)
    assert examples.uri == f"{root}/{examples.fingerprint}.jsonl"
    assert (examples.count, examples.columns) == (2, ("text",))
    assert examples.lines.decode() == '{"text": "é"}\n{"text": "2"}\n'
    kept = tmp_path / "store" / f"{examples.fingerprint}.jsonl"
    kept.write_text("other")
    with pytest.raises(storage.DamagedFileError, match="start the run anew"):
        examples.rows()
    kept.unlink()
    with pytest.raises(storage.StorageError, match="are gone"):
        examples.rows()


def test_rows_of_any_number_need_no_memory(tmp_path: Path):
    """In a process of its own, whose memory nothing else has grown: 100 MB of rows add less than a fifth of that."""
    text = "x" * 1000
    with (tmp_path / "many.jsonl").open("w") as lines:
        lines.writelines(f'{{"text": "{number}{text}"}}\n' for number in range(100_000))
    script = (
        "import json, resource, sys; from posttraining.examples import load_examples\n"
        "chosen, root = json.loads(sys.argv[1]), sys.argv[2]\n"
        "load_examples(chosen | {'dataset': chosen['dataset'] | {'source': 'tiny:sums'}}, root)\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used(); found = load_examples(chosen, root)\n"
        "print(found.count, used() - before)"
    )
    chosen = recipe(completionOnlyLoss=False, dataset={"source": (tmp_path / "many.jsonl").as_uri()})
    printed = subprocess.run(
        [sys.executable, "-c", script, json.dumps(chosen), (tmp_path / "store").as_uri()],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(posttraining.__file__).parents[1])},
    )
    count, kilobytes = map(int, printed.stdout.split())
    assert count == 100_000
    assert kilobytes < 20_000


def test_questions_and_answers_become_turns_and_stay_for_rewards(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", {"question": "1 + 1?", "answer": "#### 2"})
    asked = [{"role": "user", "content": "1 + 1?"}]
    assert load(source, "grpo").rows() == [{"prompt": asked, "answer": "2"}]
    answered = [{"role": "assistant", "content": "#### 2"}]
    examples = load(source, "sft")
    assert examples.rows() == [{"prompt": asked, "completion": answered}]
    assert examples.form == "reads question as the prompt, answer as the answer"
    own = jsonl(tmp_path, "b.jsonl", PAIR | {"question": "not this"})
    assert load(own).rows()[0]["prompt"] == PAIR["prompt"]


def test_missing_columns_are_explained(tmp_path: Path):
    source = jsonl(tmp_path, "a.jsonl", {"question": "?", "answer": "!"})
    with pytest.raises(
        DatasetError, match=r"has columns question, answer; dpo needs prompt and chosen and rejected, or a form of them"
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
    (tmp_path / "deep.jsonl").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DatasetError, match=r"deep\.jsonl, line 1 is not JSON: maximum recursion depth"):
        load((tmp_path / "deep.jsonl").as_uri())
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
