import json
from pathlib import Path

import pytest

from posttraining.checks import check_run
from posttraining.recipe import RecipeError
from recipes import plan, recipe


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: None)


def problems(method: str, chosen: dict, **planned: object) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check_run({"recipe": chosen, "plan": plan(chosen, **planned)}, method)
    return caught.value.problems


@pytest.mark.parametrize("method", ["sft", "dpo", "grpo"])
def test_a_fitting_recipe_passes(method: str):
    chosen = recipe(method)
    check_run({"recipe": chosen, "plan": plan(chosen)}, method)


def test_a_recipe_for_another_flow_is_refused():
    assert problems("sft", recipe("dpo")) == ["method: this flow trains with sft; dpo-test is a recipe for dpo"]


def test_metrics_that_will_not_be_measured_are_refused_before_training():
    chosen = recipe(evaluation__headline="tiny_sms/number", gate=[{"metric": "gsm8k/exact_match", "minimum": 1}])
    found = problems("sft", chosen)
    assert [problem.partition(":")[0] for problem in found] == ["evaluation.headline", "gate[0].metric"]
    assert '"tiny_sms/number", which is not measured' in found[0]
    assert "a task of evaluation.tasks: tiny_sums" in found[0]


@pytest.mark.parametrize(
    ("method", "changes", "field"),
    [
        ("sft", {"trainable": {"kind": "qlora", "rank": 8, "alpha": 16}}, "trainable.kind"),
        ("sft", {"optimizer__name": "adamw_bnb_8bit"}, "optimizer.name"),
        ("sft", {"optimizer__name": "paged_adamw_8bit"}, "optimizer.name"),
        ("sft", {"model__attention": "flash_attention_2"}, "model.attention"),
        ("sft", {"model__attention": "flash_attention_3"}, "model.attention"),
        ("grpo", {"grpo__generation": {"kind": "vllm-colocated"}}, "grpo.generation.kind"),
    ],
)
def test_what_needs_gpus_is_refused_without_them_and_without_its_package(
    method: str, changes: dict, field: str, monkeypatch: pytest.MonkeyPatch
):
    chosen = recipe(method, **changes)
    found = problems(method, chosen)
    assert len(found) == 1
    assert found[0].startswith(f"{field}: ")
    assert "needs GPUs; the plan has none; write " in found[0]

    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: None)
    found = problems(method, chosen, gpusPerNode=1)
    assert len(found) == 1
    assert found[0].startswith(f"{field}: ")
    assert "which is not installed here" in found[0]
    # Its pods have an image of their own.
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=1, kubernetes={})}, method)

    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=1)}, method)


def test_sharding_needs_several_processes(everything_installed: None):
    chosen = recipe(sharding="zero2")
    assert problems("sft", chosen) == [
        "sharding: zero2 spreads states over several processes; the plan has one; write auto"
    ]
    check_run({"recipe": chosen, "plan": plan(chosen, nodes=2)}, "sft")
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=2)}, "sft")


def test_deepspeed_must_be_there(nothing_installed: None):
    found = problems("sft", recipe(sharding="zero3"), gpusPerNode=2)
    assert found == ["sharding: zero3 needs the package deepspeed, which is not installed here"]


def test_a_task_whose_package_is_missing_is_refused_before_training(nothing_installed: None):
    chosen = recipe(evaluation__tasks=["ifeval"], evaluation__headline="train/loss", loggingSteps=1)
    chosen["gate"] = [{"metric": "ifeval/prompt_level_strict_acc", "minimum": 0.1}]
    assert [problem.partition(",")[0] for problem in problems("sft", chosen)] == [
        "evaluation.tasks[0]: ifeval needs the package immutabledict",
        "evaluation.tasks[0]: ifeval needs the package langdetect",
    ]


def test_folders_and_files_that_are_not_there_are_refused(tmp_path: Path):
    missing = (tmp_path / "nothing here").as_uri()
    found = problems("sft", recipe(model={"base": missing}, dataset={"source": f"{missing}/data.jsonl"}))
    assert found == [
        f"model.base: {missing} is no folder with a model: there is no config.json in it",
        f"dataset.source: {missing}/data.jsonl does not exist",
    ]


def test_a_sequence_longer_than_the_models_context_is_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 32}))
    chosen = recipe(model={"base": tmp_path.as_uri()})
    assert problems("sft", chosen) == [
        f"sequence.maxLength: got 64; {tmp_path.as_uri()} has a context of 32 tokens: write that or less"
    ]
    document = {"recipe": recipe(), "plan": plan(recipe()), "baseModelUri": tmp_path.as_uri()}
    with pytest.raises(RecipeError, match="has a context of 32 tokens"):
        check_run(document, "sft")


def test_a_generation_server_needs_a_node_of_its_own(everything_installed: None):
    chosen = recipe("grpo", grpo__generation={"kind": "vllm-server"})
    assert "no other to train on" in problems("grpo", chosen, gpusPerNode=8)[0]
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=8, nodes=2)}, "grpo")


def test_quantised_weights_cannot_be_sharded_and_sent_to_vllm(everything_installed: None):
    trainable = {"kind": "qlora", "rank": 8, "alpha": 16}
    chosen = recipe("grpo", trainable=trainable, grpo__generation={"kind": "vllm-colocated"})
    assert problems("grpo", chosen, gpusPerNode=8, sharding="fsdp2")[0].startswith("trainable.kind")
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=8, sharding="ddp")}, "grpo")


def test_reference_log_probabilities_of_one_node_do_not_reach_others():
    chosen = recipe("dpo", dpo__precomputeReferenceLogProbabilities=True)
    assert "only the first of several nodes" in problems("dpo", chosen, nodes=2)[0]
