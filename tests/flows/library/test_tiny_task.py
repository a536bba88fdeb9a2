import re
from pathlib import Path

import pytest

from posttraining import tiny_task
from posttraining.methods import METHODS, dpo
from posttraining.methods.facts import method_facts
from posttraining.methods.method import Method
from posttraining.rewards import final_number, reward_functions, tiny_sums_exact, tiny_sums_sentence
from posttraining.tiny_model import write_tiny_model


def sums_of(texts: list[str]) -> set[tuple[int, int]]:
    found = (re.findall(r"\d", text) for text in texts)
    return {(int(a), int(b)) for a, b in found}


def rows_of(method: Method) -> list[dict]:
    return tiny_task.training_rows(method.name, method_facts(method.name)["tinyExamples"], method.tiny_row)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_held_out_sums_are_in_no_training_data(method: Method):
    trained = sums_of([row["prompt"][0]["content"] for row in rows_of(method)])
    held_out = sums_of([row["question"] for row in tiny_task.evaluation_rows() if row["split"] == "held-out"])
    assert len(held_out) == 15
    assert not trained & held_out
    assert trained | held_out == {(a, b) for a in range(10) for b in range(10)}


def test_every_time_the_data_are_the_same():
    assert rows_of(dpo.METHOD) == rows_of(dpo.METHOD)
    assert tiny_task.preference_rows() == tiny_task.preference_rows()


def test_preferred_answers_are_right_and_sure():
    for row in rows_of(dpo.METHOD):
        a, b = next(iter(sums_of([row["prompt"][0]["content"]])))
        chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        assert tiny_task.is_right(chosen, str(a + b))
        assert "think" not in chosen
        assert "think" in rejected or not tiny_task.is_right(rejected, str(a + b))


@pytest.mark.parametrize(
    ("text", "exact", "right", "sentence"),
    [
        ("The answer is 12.", True, True, True),
        (" The answer is 12.\n", True, True, True),
        ("The answer is 13.", False, False, True),
        ("12", False, True, False),
        ("It is 12, I think.", False, True, False),
        ("12 or 13", False, False, False),
        ("The answer is 12. Or 13.", False, False, False),
        ("", False, False, False),
    ],
)
def test_answers_are_scored(text: str, exact: bool, right: bool, sentence: bool):
    assert tiny_task.is_exact(text, "12") is exact
    assert tiny_task.is_right(text, "12") is right
    assert tiny_sums_exact([text], answer=["12"]) == [float(exact)]
    assert tiny_sums_sentence([[{"role": "assistant", "content": text}]], answer=["12"]) == [float(sentence)]


@pytest.mark.parametrize(
    ("text", "answer", "reward"),
    [
        ("First 3, so the result is 1,200.", "3 * 400 = 1200\n#### 1200", 1.0),
        ("It is -2.5", "-2.5", 1.0),
        ("It is 7", "8", 0.0),
        ("I do not know", "8", 0.0),
        ("nothing", "no number either", 0.0),
    ],
)
def test_the_final_number_is_compared_as_a_number(text: str, answer: str, reward: float):
    assert final_number([text], answer=[answer]) == [reward]


def test_unknown_rewards_are_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"grpo\.rewards: lenght not known; there are final_number, .*tiny_sums_exact"):
        reward_functions(["tiny_sums_exact", "lenght"])


def test_what_the_checks_of_recipes_know_of_model_and_task_is_so(tmp_path: Path):
    import json

    from safetensors import safe_open
    from tokenizers import Tokenizer

    from posttraining.recipe_relations import tiny_facts

    write_tiny_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    with safe_open(tmp_path / "model.safetensors", "numpy") as weights:
        modules = {name.split(".")[-2] for name in weights.keys() if name.endswith("_proj.weight")}  # noqa: SIM118
        parameters = sum(weights.get_tensor(name).size for name in weights.keys())  # noqa: SIM118
    model = tiny_facts()["model"]
    assert (model["positions"], model["hidden"]) == (config["max_position_embeddings"], config["hidden_size"])
    assert model["parameters"] == parameters
    assert set(model["modules"]) == modules

    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    def tokens(row: dict, answer: str | None) -> int:
        text = f"<|im_start|>user\n{row['prompt'][0]['content']}<|im_end|>\n<|im_start|>assistant\n"
        text += "" if answer is None else f"{row[answer][0]['content']}<|im_end|>\n"
        return len(tokenizer.encode(text).ids)

    assert method_facts("sft")["tinyExamples"] == tiny_task.DEMONSTRATIONS
    rows = [row for method in METHODS for row in rows_of(method)]
    answers = ("completion", "chosen", "rejected")
    assert tiny_facts()["dataset"] == {
        "longestPrompt": max(tokens(row, None) for row in rows),
        "longestExample": max(tokens(row, answer) for row in rows for answer in answers if answer in row),
    }
