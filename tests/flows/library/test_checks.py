import json
from pathlib import Path
from typing import Any

import pytest

from posttraining.checks import check_run
from posttraining.contracts.recipe import GateCondition, Recipe
from posttraining.methods import METHODS
from posttraining.recipe import RecipeError
from posttraining.recipe_relations import tiny_facts
from recipes import PLACEMENT, plan, recipe, run_document


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)


@pytest.fixture
def nothing_more_installed(monkeypatch: pytest.MonkeyPatch):
    _install(monkeypatch, "trl", "lm_eval")


def _install(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Nothing is installed but these, as far as the checks can see."""
    monkeypatch.setattr("posttraining.checks.find_spec", lambda name: name in modules or None)


def problems(method: str, chosen: Recipe, **planned: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check_run(run_document(chosen, plan(chosen, **planned)), method)
    return caught.value.problems


@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_a_fitting_recipe_passes(method: str):
    chosen = recipe(method)
    check_run(run_document(chosen, plan(chosen)), method)


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

    _install(monkeypatch, "trl", "lm_eval")
    found = problems(method, chosen, gpusPerNode=1)
    assert len(found) == 1
    assert found[0].startswith(f"{field}: ")
    assert "which is not installed here" in found[0]
    # Its pods have an image of their own.
    check_run(run_document(chosen, plan(chosen, gpusPerNode=1), placement=PLACEMENT), method)

    monkeypatch.setattr("posttraining.checks.find_spec", lambda _: True)
    check_run(run_document(chosen, plan(chosen, gpusPerNode=1)), method)


@pytest.mark.parametrize(
    ("installed", "told"), [((), "trl and lm_eval cannot"), (("trl",), "lm_eval cannot"), (("lm_eval",), "trl cannot")]
)
def test_a_run_without_its_groups_of_packages_is_told_how_to_start(installed, told: str, monkeypatch):
    _install(monkeypatch, *installed)
    chosen = recipe()
    (found,) = problems("sft", chosen)
    assert found.startswith(f"packages: {told} be imported by /")
    assert "uv run --group train --group evaluate" in found
    # The image of its pods has them.
    check_run(run_document(chosen, plan(chosen), placement=PLACEMENT), "sft")


def test_sharding_needs_several_processes(everything_installed: None):
    chosen = recipe(sharding="zero2")
    assert problems("sft", chosen) == [
        "sharding: zero2 spreads states over several processes; the plan has one; write auto"
    ]
    check_run(run_document(chosen, plan(chosen, nodes=2)), "sft")
    check_run(run_document(chosen, plan(chosen, gpusPerNode=2)), "sft")


def test_deepspeed_must_be_there(nothing_more_installed: None):
    found = problems("sft", recipe(sharding="zero3"), gpusPerNode=2)
    assert found == ["sharding: zero3 needs the package deepspeed, which is not installed here"]


def test_a_task_whose_package_is_missing_is_refused_before_training(nothing_more_installed: None):
    chosen = recipe(evaluation__tasks=["ifeval"], evaluation__headline="train/loss", loggingSteps=1)
    chosen["gate"] = [GateCondition(metric="ifeval/prompt_level_strict_acc", minimum=0.1)]
    assert [problem.partition(",")[0] for problem in problems("sft", chosen)] == [
        "evaluation.tasks[0]: ifeval needs the package immutabledict",
        "evaluation.tasks[0]: ifeval needs the package langdetect",
    ]


def test_an_adapter_may_be_the_base(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text("{}")
    chosen = recipe(model={"base": tmp_path.as_uri()})
    check_run(run_document(chosen, plan(chosen)), "sft")


def test_folders_and_files_that_are_not_there_are_refused(tmp_path: Path):
    missing = (tmp_path / "nothing here").as_uri()
    found = problems("sft", recipe(model={"base": missing}, dataset={"source": f"{missing}/data.jsonl"}))
    assert found == [
        f"model.base: {missing} is no folder with a model: there is no config.json in it",
        f"dataset.source: {missing}/data.jsonl does not exist",
    ]


def write(folder: Path, **files: object) -> str:
    """Writes files, `__` in their names for the dots, and returns the folder's address."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder.as_uri()


def test_data_are_json_lines_in_files(tmp_path: Path):
    found = {"notes": "there is no .jsonl file below", "folder.jsonl": "is a folder", "empty.jsonl": "is empty"}
    found["notes/readme.txt"] = "is neither a folder nor a file whose name ends in .jsonl"
    write(tmp_path / "notes", readme__txt="nothing")
    # A folder is no file, whatever it is called.
    write(tmp_path / "notes" / "more.jsonl", readme__txt="nothing")
    write(tmp_path / "folder.jsonl", part__jsonl="{}")
    write(tmp_path, empty__jsonl="")
    for name, reason in found.items():
        [problem] = problems("sft", recipe(dataset={"source": (tmp_path / name).as_uri()}))
        assert problem.startswith("dataset.source: ")
        assert reason in problem
    (tmp_path / "notes" / "deeper").mkdir()
    (tmp_path / "notes" / "deeper" / "part.jsonl").symlink_to(tmp_path / "folder.jsonl" / "part.jsonl")
    chosen = recipe(dataset={"source": (tmp_path / "notes").as_uri()})
    check_run(run_document(chosen, plan(chosen)), "sft")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"config__json": {}}, "has a config.json and no weights (*.safetensors)"),
        ({"config__json": "{", "model__safetensors": ""}, "cannot be read as JSON"),
        ({"config__json": [], "model__safetensors": ""}, "cannot be read as JSON"),
        ({"config__json": {"is_encoder_decoder": True}, "model__safetensors": ""}, "is an encoder with a decoder"),
        ({"config__json": {"quantization_config": {}}, "model__safetensors": ""}, "is quantised"),
    ],
)
def test_a_folder_that_holds_no_model_to_train_is_refused(tmp_path: Path, files: dict, reason: str):
    base = write(tmp_path, **files)
    [problem] = problems("sft", recipe(model={"base": base}))
    assert problem.startswith(f"model.base: {base} ")
    assert reason in problem


def test_a_sequence_longer_than_the_models_context_is_refused(tmp_path: Path):
    base = write(tmp_path, config__json={"max_position_embeddings": 32}, pytorch_model__bin="")
    chosen = recipe(model={"base": base})
    too_long = f"sequence.maxLength: got 64; {base} has a context of 32 tokens: write that or less"
    assert problems("sft", chosen) == [too_long]
    document = run_document(recipe(), plan(recipe()), baseModelUri=base)
    with pytest.raises(RecipeError, match="has a context of 32 tokens"):
        check_run(document, "sft")
    # What is advised is not refused next.
    answers = recipe("grpo", model={"base": base}, dataset={"source": "s3://bucket/data"})
    answers["sequence"]["maxCompletionLength"] = 40
    assert problems("grpo", answers) == [
        too_long,
        f"sequence.maxCompletionLength: got 40; {base} has a context of 32 tokens, which holds prompt and answer: "
        "write 31 or less",
    ]


@pytest.mark.parametrize(
    "config", [{"n_positions": 32}, {"text_config": {"max_position_embeddings": 32}}], ids=["gpt2", "with images"]
)
def test_the_context_is_found_wherever_it_is_stated(tmp_path: Path, config: dict):
    base = write(tmp_path, config__json=config, model__safetensors="")
    assert "has a context of 32 tokens" in problems("sft", recipe(model={"base": base}))[0]


def test_modules_that_a_known_architecture_does_not_have_are_refused(tmp_path: Path):
    trainable = {"kind": "lora", "rank": 8, "alpha": 16}
    trainable["targets"] = ["q_proj", "layers.0.mlp.up_proj", "embed_tokens", "c_attn"]
    base = write(tmp_path, config__json={"model_type": "qwen2"}, model__safetensors="")
    chosen = recipe(model={"base": base}, trainable=trainable)
    modules = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, embed_tokens"
    assert problems("sft", chosen) == [f'trainable.targets[3]: got "c_attn"; allowed: {modules}']
    write(tmp_path, config__json={"model_type": "gpt2"})
    check_run(run_document(chosen, plan(chosen)), "sft")


def test_architectures_with_the_modules_of_the_projects_model_are_known():
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    few = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "head_dim": 16}
    few |= {"num_key_value_heads": 4, "vocab_size": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    for model_type in tiny_facts()["modelTypesWithItsModules"]:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **few))
        kinds = (torch.nn.Linear, torch.nn.Embedding)
        names = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, kinds)}
        assert names == {*tiny_facts()["model"]["modules"], "embed_tokens", "lm_head"}, model_type


def test_metrics_of_experts_are_refused_of_a_model_without_them(tmp_path: Path):
    base = write(tmp_path, config__json={"model_type": "qwen2"}, model__safetensors="")
    chosen = recipe(model={"base": base}, evaluation__headline="train/aux_loss", loggingSteps=1)
    [problem] = problems("sft", chosen)
    assert problem.startswith('evaluation.headline: got "train/aux_loss", which only mixtures of experts have')
    for config in ({"router_aux_loss_coef": 0.001}, {"text_config": {"num_local_experts": 8}}):
        write(tmp_path, config__json=config)
        check_run(run_document(chosen, plan(chosen)), "sft")
    write(tmp_path, config__json={"num_local_experts": 8, "router_aux_loss_coef": 0})
    assert problems("sft", chosen) == [problem]


def test_a_run_is_judged_by_the_model_that_it_starts_from():
    trainable = {"kind": "lora", "rank": 256, "alpha": 16, "targets": ["c_attn"]}
    chosen = recipe(
        trainable=trainable, sequence__maxLength=1024, evaluation__headline="train/aux_loss", loggingSteps=1
    )
    fields = ["sequence.maxLength", "trainable.rank", "trainable.targets[0]", "evaluation.headline"]
    assert [problem.partition(":")[0] for problem in problems("sft", chosen)] == fields
    # Of a model in the store nothing is known here.
    check_run(run_document(chosen, plan(chosen), baseModelUri="s3://bucket/models/sft/1"), "sft")
    other = recipe(model__base="owner/model", trainable=trainable, sequence__maxLength=1024)
    check_run(run_document(other, plan(other)), "sft")
    with pytest.raises(RecipeError) as caught:
        check_run(run_document(other, plan(other), baseModelUri="tiny:llama"), "sft")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == fields[:3]


def test_a_generation_server_needs_a_node_of_its_own(everything_installed: None):
    chosen = recipe("grpo", grpo__generation={"kind": "vllm-server"})
    for nodes, generation_nodes in ((1, 0), (2, 0), (4, 2)):
        (found,) = problems("grpo", chosen, gpusPerNode=8, nodes=nodes, generationNodes=generation_nodes)
        assert found.startswith("grpo.generation.kind: vllm-server takes one node for generation")
        assert found.endswith(
            f"the plan has {generation_nodes} for it, of {nodes}: write generationNodes 1 and 2 nodes or more"
        )
    check_run(run_document(chosen, plan(chosen, gpusPerNode=8, nodes=2, generationNodes=1)), "grpo")


@pytest.mark.parametrize(("method", "field"), [("sft", "method"), ("grpo", "grpo.generation.kind")])
def test_a_node_for_generation_needs_something_to_generate(method: str, field: str):
    (found,) = problems(method, recipe(method), nodes=2, generationNodes=1)
    assert found.startswith(f"{field}: ")


def test_a_plan_must_make_the_batch_of_its_processes():
    (found,) = problems("sft", recipe(), nodes=2, microBatch=5)
    assert found == (
        "batch.global: got 16; the plan makes 5 (microBatch) x 1 (gradientAccumulation) x 2 (processes that train) of it"
    )


def test_quantised_weights_cannot_be_sharded_and_sent_to_vllm(everything_installed: None):
    trainable = {"kind": "qlora", "rank": 8, "alpha": 16}
    chosen = recipe("grpo", trainable=trainable, grpo__generation={"kind": "vllm-colocated"})
    assert problems("grpo", chosen, gpusPerNode=8, sharding="fsdp2")[0].startswith("trainable.kind")
    check_run(run_document(chosen, plan(chosen, gpusPerNode=8, sharding="ddp")), "grpo")


def test_reference_log_probabilities_of_one_node_do_not_reach_others():
    chosen = recipe("dpo", dpo__precomputeReferenceLogProbabilities=True)
    assert "only the first of several nodes" in problems("dpo", chosen, nodes=2)[0]
