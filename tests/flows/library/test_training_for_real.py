"""Real trainings of a few steps in one process; the libraries are imported once for all of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from posttraining.confidence import standard_error
from posttraining.contracts.recipe import Recipe
from posttraining.evaluation import EvaluationError, compare_with_base, evaluate_model
from posttraining.evaluation_checks import training_metric_names
from posttraining.evaluation_tasks import find_task
from posttraining.examples import load_examples
from posttraining.measurement import EVALUATION_FILE
from posttraining.methods import METHODS
from posttraining.models import fetch_model
from posttraining.progress import read_history
from posttraining.trainers.chat_template import own_template
from posttraining.trainers.job import TrainingJob
from recipes import plan, recipe


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)


def train(
    folder: Path, chosen: Recipe, output: str = "model", base: Path | None = None, nodes: int = 1, **planned: Any
) -> TrainingJob:
    from posttraining.trainers.run import run_training

    folder.mkdir(exist_ok=True)
    (folder / "examples.jsonl").write_bytes(load_examples(chosen).lines)
    base = base or fetch_model("tiny:llama", folder / "base")
    job = TrainingJob(
        recipe=chosen,
        plan=plan(chosen, **planned),
        model=str(base),
        examples=str(folder / "examples.jsonl"),
        output=str(folder / output),
        scratch=str(folder),
        nodes=nodes,
    )
    run_training(job)
    return job


def test_a_base_without_a_chat_template_learns_answers_alone_and_leaves_with_one(tmp_path: Path):
    from transformers import AutoTokenizer

    base = fetch_model("tiny:llama", tmp_path / "no template")
    (base / "chat_template.jinja").unlink()
    turns = [
        ("system", "Be brief."),
        ("user", "1 plus 1?"),
        ("assistant", "2"),
        ("user", "Sure?"),
        ("assistant", "Yes"),
    ]
    row = {"messages": [{"role": role, "content": content} for role, content in turns]}
    (tmp_path / "chats.jsonl").write_text((json.dumps(row) + "\n") * 32)
    chosen = recipe(dataset={"source": (tmp_path / "chats.jsonl").as_uri()}, loggingSteps=4)
    job = train(tmp_path / "run", chosen, base=base)

    tokenizer = AutoTokenizer.from_pretrained(job.output)
    text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
    end = tokenizer.eos_token
    assert (
        text
        == f"<|system|>\nBe brief.\n<|user|>\n1 plus 1?\n<|assistant|>\n2{end}\n<|user|>\nSure?\n<|assistant|>\nYes{end}\n"
    )
    tokens = tokenizer.apply_chat_template(row["messages"], return_dict=True, return_assistant_tokens_mask=True)
    assert sum(tokens["assistant_masks"]) == len(tokenizer("2").input_ids) + len(tokenizer("Yes").input_ids) + 2


@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_a_method_trains_logs_and_leaves_plain_files(method: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    chosen = recipe(method, loggingSteps=2)
    job = train(tmp_path / method, chosen)
    history = read_history(job.history)
    assert [entry["step"] for entry in history] == [2, 4]
    # What a recipe may name of them is known before: only mixtures of experts log one more.
    assert [set(entry) for entry in history] == [set(training_metric_names(chosen)) - {"aux_loss"}] * 2
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("POSTTRAINING_PROGRESS ")]
    last = json.loads(lines[-1].partition(" ")[2])
    assert (last["step"], last["totalSteps"], last["secondsLeft"]) == (4, 4, 0)
    assert last["loss"] == history[-1]["loss"]
    assert last["metric"]
    written = {file.name for file in Path(job.output).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= written
    assert not [name for name in written if name.endswith((".bin", ".pt", ".md"))]


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path):
    first, second, other = (
        train(tmp_path / name, recipe(loggingSteps=1, seed=seed)) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    losses = [[entry["loss"] for entry in read_history(job.history)] for job in (first, second, other)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_an_adapter_is_merged_into_a_model_that_loads_without_peft(tmp_path: Path):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from posttraining.trainers.merging import merge_adapter

    trainable = {"kind": "lora", "rank": 4, "alpha": 8}
    job = train(tmp_path, recipe(trainable=trainable, optimizer__schedule="constant"), output="adapter")
    assert "adapter_model.safetensors" in {file.name for file in Path(job.output).iterdir()}
    merge_adapter(Path(job.model), Path(job.output), tmp_path / "merged", "float32")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template
    before = load_file(Path(job.model) / "model.safetensors")
    weights = dict(merged.named_parameters())
    assert not [name for name in weights if "lora" in name]
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(before[name], weights[name])


def test_a_training_that_fewer_processes_joined_than_planned_is_refused(tmp_path: Path):
    with pytest.raises(RuntimeError, match="the plan has 2 processes, but 1 have joined"):
        train(tmp_path / "two", recipe(), nodes=2)
    with pytest.raises(RuntimeError, match="the plan has 999 GPUs on each node, but torch sees"):
        train(tmp_path / "gpu", recipe(), gpusPerNode=999)


EVERY_TASK = ["tiny_sums", "tiny_sums_sampled", "tiny_sums_preference"]


def metrics_of(task: str) -> frozenset[str]:
    known = find_task(task)
    assert known is not None and known.metrics is not None
    return known.metrics


def test_metrics_have_one_name_for_task_and_metric_and_repeat(tmp_path: Path):
    chosen = recipe(evaluation__tasks=EVERY_TASK, evaluation__limit=50)
    base = fetch_model("tiny:llama", tmp_path)
    template = own_template(base)
    evaluated = evaluate_model(base, chosen, plan(chosen), template)
    measured = evaluated["metrics"]
    assert set(measured) == {
        "tiny_sums/exact_match",
        "tiny_sums/number",
        "tiny_sums_sampled/exact_match",
        "tiny_sums_sampled/number",
        "tiny_sums_preference/acc",
    }
    assert set(measured) == {f"{task}/{metric}" for task in EVERY_TASK for metric in metrics_of(task)}
    assert measured["tiny_sums/number"] == 0
    assert 0 < measured["tiny_sums_preference/acc"] < 1
    assert evaluate_model(base, chosen, plan(chosen), template) == evaluated
    assert set(evaluated["samples"]) == set(measured)
    assert {task: len(found) for task, found in evaluated["documents"].items()} == dict.fromkeys(EVERY_TASK, 50)
    for name, values in evaluated["samples"].items():
        assert sum(values) / 50 == pytest.approx(measured[name])
        assert standard_error(values) == pytest.approx(evaluated["errors"][name])
    shown = evaluated["answers"]["tiny_sums"]
    assert len(shown) == 20
    assert "What is 0 plus 0?" in shown[0]["prompt"]
    assert shown[0]["target"] == "The answer is 0."
    short = recipe(evaluation__tasks=["tiny_sums"], evaluation__limit=5, evaluation__maxAnswerTokens=1)
    cut = evaluate_model(base, short, plan(short), template)["answers"]["tiny_sums"]
    for one, other in zip(cut, shown, strict=False):
        assert len(one["answer"]) < len(other["answer"])
        assert other["answer"].startswith(one["answer"])


def test_a_base_without_recorded_metrics_is_evaluated_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    chosen = recipe(evaluation__limit=10)
    model = fetch_model("tiny:llama", tmp_path / "model").as_uri()
    compared = compare_with_base(chosen, plan(chosen), model_uri=model, base="tiny:llama")
    nothing = {"before": 0.0, "after": 0.0}
    assert compared["metrics"]["tiny_sums/number"] == nothing | {"standardError": nothing | {"gain": 0.0}}
    assert compared["samples"]["tiny_sums/number"] == {"before": [0.0] * 10, "after": [0.0] * 10}
    kept = json.loads((tmp_path / "model" / EVALUATION_FILE).read_text())
    assert kept["samples"]["tiny_sums/number"] == [0.0] * 10
    assert kept["fingerprints"] == compared["fingerprints"]
    assert '"phase": "evaluate", "step": 2, "totalSteps": 2' in capsys.readouterr().out


def test_unknown_tasks_are_named(tmp_path: Path):
    chosen = recipe(evaluation__tasks=["tiny_sums", "tiny_products"])
    with pytest.raises(EvaluationError, match="tiny_products not known to lm-eval"):
        evaluate_model(fetch_model("tiny:llama", tmp_path), chosen, plan(chosen), None)


def test_a_base_without_a_chat_template_is_asked_as_the_trained_model_is(tmp_path: Path):
    chosen = recipe(evaluation__limit=5)
    trained, base = fetch_model("tiny:llama", tmp_path / "model"), fetch_model("tiny:llama", tmp_path / "base")
    (base / "chat_template.jinja").unlink()
    compared = compare_with_base(chosen, plan(chosen), trained.as_uri(), base.as_uri())
    other = compare_with_base(chosen, plan(chosen), trained.as_uri(), trained.as_uri())
    assert compared["samples"] == other["samples"]
    assert compared["fingerprints"] == other["fingerprints"]
    assert "no chat template" not in compared["fingerprints"]["tiny_sums"]
