"""Every invariant holds on what a sound training leaves, and a fault that is planted into it is caught with what to do."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe
from posttraining.contracts.rehearsal_report import RehearsalInvariant
from posttraining.rehearsal.evidence import Attempt, Forward, Saved
from posttraining.rehearsal.invariants import (
    adapter,
    chat,
    formats,
    loss,
    resuming,
    run,
    saved,
    serving,
    sharding,
    weights,
)
from posttraining.rehearsal.reference import Comparison, examples_in_row

STEP = 1e-3
RANK, ALPHA = 2, 4


def recipe(kind: str = "full", precision: str = "float32", method: str = "sft") -> Recipe:
    made = {
        "method": method,
        "precision": precision,
        "trainable": {"kind": kind, "rank": RANK, "alpha": ALPHA},
        "optimizer": {"name": "adamw_torch", "learningRate": STEP},
        "sequence": {"maxLength": 64},
    }
    return cast("Recipe", made)


PLAN = cast("Plan", {"gpusPerNode": 0, "processesPerNode": 2, "sharding": "fsdp2", "activationCheckpointing": "full"})
NAMES = ("model.layers.0.q_proj.weight", "model.layers.0.o_proj.weight")


def base_weights() -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return {name: torch.randn(8, 8, generator=source).to(torch.bfloat16) for name in NAMES}


def facts(trained: list[str], kind: str = "float32", **more: Any) -> dict[str, Any]:
    return {
        "firstStep": 0,
        "lastStep": 5,
        "processes": 2,
        "trained": trained,
        "sharded": [*NAMES],
        "weightTypes": dict.fromkeys([*NAMES, *trained], kind),
        "gradientTypes": {kind: len(trained)},
        "momentTypes": {kind: 2 * len(trained)},
        "recomputedLayers": 2,
        "chatTemplate": "{{ messages }}",
        "specialTokens": {"eos_token": "<end>"},
    } | more


def trained_whole() -> Attempt:
    begin = {name: weight.float() for name, weight in base_weights().items()}
    end = {name: weight + STEP * torch.sign(weight) for name, weight in begin.items()}
    history = [{"step": float(step), "loss": 2.0 - step / 10} for step in range(1, 6)]
    at_two = {name: weight + STEP / 2 for name, weight in begin.items()}
    return Attempt(facts([*NAMES]), history, {"begin": begin, "step-2": at_two, "end": end})


def with_adapter() -> Attempt:
    source = torch.Generator().manual_seed(1)
    begin: dict[str, torch.Tensor] = {f"base_model.model.{name}": weight for name, weight in base_weights().items()}
    end = dict(begin)
    trained = []
    for name in NAMES:
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        first = torch.randn(RANK, 8, generator=source)
        begin |= {f"{stem}.lora_A.default.weight": first, f"{stem}.lora_B.default.weight": torch.zeros(8, RANK)}
        end |= {
            f"{stem}.lora_A.default.weight": first + STEP,
            f"{stem}.lora_B.default.weight": torch.randn(8, RANK, generator=source) * 0.1,
        }
        trained += [f"{stem}.lora_A.default.weight", f"{stem}.lora_B.default.weight"]
    return Attempt(facts(trained), [], {"begin": begin, "end": end})


def model(folder: Path, tensors: dict[str, torch.Tensor], name: str = "model.safetensors", files: Any = None) -> Saved:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, folder / name)
    written = {"config.json": {"architectures": ["Small"]}, "tokenizer_config.json": {"eos_token": "<end>"}} | (
        files or {}
    )
    for file, content in written.items():
        if content is not None:
            (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
    return Saved(folder)


def rounded(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: weight.to(torch.bfloat16) for name, weight in tensors.items()}


def holds(found: RehearsalInvariant) -> None:
    assert found["passed"], found["message"]


def fails(found: RehearsalInvariant, *words: str) -> None:
    assert not found["passed"]
    for word in words:
        assert word in found["message"]


# Weights that are trained, and those that are not.


def test_weights_that_are_trained_change():
    holds(weights.trained_weights_change(recipe(), trained_whole()))


def test_an_untouched_weight_is_caught():
    sound = trained_whole()
    sound.weights["end"][NAMES[1]] = sound.weights["begin"][NAMES[1]]
    fails(weights.trained_weights_change(recipe(), sound), NAMES[1], "did not change in 5 steps")


def test_weights_of_which_too_few_elements_change_are_caught():
    sound = trained_whole()
    for name in NAMES:
        sound.weights["end"][name] = sound.weights["begin"][name].clone()
        sound.weights["end"][name][0] += STEP
    found = weights.trained_weights_change(recipe(), sound)
    fails(found, "12.5% of the elements", "90.0% or more", "bfloat16-mixed", "optimizer.learningRate")
    assert found["measured"]["changedShare"] == pytest.approx(0.125)


def test_stochastic_rounding_must_change_what_it_changes_on_average():
    begin = rounded(trained_whole().weights["begin"])
    attempt = replace(trained_whole(), weights={"begin": begin, "end": dict(begin)})
    chosen = recipe(precision="bfloat16-stochastic")
    assert 0.05 < weights.expected_share(chosen, list(begin.values())) < 0.5
    fails(weights.trained_weights_change(chosen, attempt), "bfloat16-stochastic")


def test_pure_bfloat16_may_lose_most_steps_but_not_all():
    begin = rounded(trained_whole().weights["begin"])
    end = {name: weight.clone() for name, weight in begin.items()}
    attempt = replace(trained_whole(), weights={"begin": begin, "end": end})
    fails(weights.trained_weights_change(recipe(precision="bfloat16"), attempt), "0.0% of the elements")
    end[NAMES[0]][0, 0] += 1
    holds(weights.trained_weights_change(recipe(precision="bfloat16"), attempt))


def test_nothing_to_train_is_caught():
    attempt = trained_whole()
    fails(weights.trained_weights_change(recipe(), replace(attempt, facts=facts([]))), "nothing is trained")


def test_a_frozen_weight_that_changed_is_caught():
    sound = with_adapter()
    holds(weights.frozen_weights_stay(sound))
    name = f"base_model.model.{NAMES[0]}"
    sound.weights["end"][name] = sound.weights["end"][name] + 1
    fails(weights.frozen_weights_stay(sound), name, "though it is not trained")


# Number formats.


def forward(kind: torch.dtype = torch.float32) -> Forward:
    ids = torch.arange(8)[None]
    said = torch.log_softmax(torch.randn(1, 7, generator=torch.Generator().manual_seed(2)), dim=-1)
    return Forward(ids, ids.clone(), said.to(kind))


def test_the_loss_gets_float32():
    holds(formats.loss_in_float32(replace(trained_whole(), forwards=[forward()], reference_forwards=[forward()])))


def test_log_probabilities_in_bfloat16_are_caught():
    attempt = replace(trained_whole(), forwards=[forward(torch.bfloat16)])
    fails(formats.loss_in_float32(attempt), "bfloat16", "output_dtype=float32")


def test_log_probabilities_that_were_bfloat16_on_the_way_are_caught():
    said = forward()
    cast_back = replace(said, log_probs=said.log_probs.to(torch.bfloat16).float())
    attempt = replace(trained_whole(), forwards=[said], reference_forwards=[cast_back])
    fails(formats.loss_in_float32(attempt), "100%", "the reference model", "rounded to bfloat16 on the way")


def test_a_loss_of_which_nothing_was_seen_is_caught():
    fails(formats.loss_in_float32(trained_whole()), "no forward pass of the first step was seen")


@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", "float32"), ("bfloat16-mixed", "float32"), ("bfloat16", "bfloat16")]
)
def test_states_have_the_formats_of_the_precision(precision: str, kind: str):
    chosen = recipe(precision=precision)
    holds(formats.states_in_formats(chosen, PLAN, replace(trained_whole(), facts=facts([*NAMES], kind))))
    other = "bfloat16" if kind == "float32" else "float32"
    found = formats.states_in_formats(chosen, PLAN, replace(trained_whole(), facts=facts([*NAMES], other)))
    fails(
        found, f"trained weights are {other}", f"gradients are {other}", f"moments are {other}", "trainers/precision.py"
    )


def test_a_weight_without_a_gradient_is_caught():
    attempt = replace(trained_whole(), facts=facts([*NAMES], gradientTypes={"float32": 1, "none": 1}))
    fails(formats.states_in_formats(recipe(), PLAN, attempt), "1 trained weights have no gradient")


# Sharding and recomputation.


def test_states_are_spread_as_planned():
    holds(sharding.as_planned(PLAN, trained_whole()))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"processes": 1}, "1 processes train, and the plan has 2"),
        ({"sharded": [NAMES[0]]}, "1 of 2 weights are whole in every process"),
        ({"recomputedLayers": 0}, "no layer's activations are recomputed"),
    ],
)
def test_what_is_not_as_planned_is_caught(fault: dict[str, Any], words: str):
    fails(sharding.as_planned(PLAN, replace(trained_whole(), facts=facts([*NAMES], **fault))), words)


def test_recomputation_that_nobody_asked_for_is_caught():
    plan = cast("Plan", {**PLAN, "activationCheckpointing": "none"})
    fails(sharding.as_planned(plan, trained_whole()), "which the plan does not ask for")


# A kill and what comes after it.


def resumed_from(killed: Attempt) -> Attempt:
    return replace(
        killed,
        facts=killed.facts | {"firstStep": 2},
        weights={"begin": killed.weights["step-2"], "end": killed.weights["end"]},
    )


def test_a_killed_run_goes_on_with_its_checkpoint():
    holds(resuming.checkpoint_is_restored(trained_whole(), resumed_from(trained_whole()), 2))


def test_a_retry_that_begins_anew_is_caught():
    fails(resuming.checkpoint_is_restored(trained_whole(), trained_whole(), 2), "begins at step 0", "of step 2")


def test_a_resume_without_its_weights_is_caught():
    killed = trained_whole()
    lost = resumed_from(killed)
    lost.weights["begin"] = killed.weights["begin"]
    found = resuming.checkpoint_is_restored(killed, lost, 2)
    fails(found, "2 of 2 trained weights are not those of the checkpoint", "while the optimizer's moments come back")


def test_an_attempt_that_left_nothing_is_caught():
    fails(resuming.checkpoint_is_restored(None, None, 2), "the first attempt left no trace")
    fails(resuming.ends_are_the_same(trained_whole(), None), "the uninterrupted training left no trace")


def test_a_killed_run_ends_as_one_that_was_not():
    holds(resuming.ends_are_the_same(trained_whole(), trained_whole()))


def test_other_losses_after_a_resume_are_caught():
    other = trained_whole()
    other.history[3]["loss"] += 0.01
    fails(resuming.ends_are_the_same(other, trained_whole()), "the loss of step 4 is", "without a kill")
    other.history[3]["loss"] = float("nan")
    fails(resuming.ends_are_the_same(other, trained_whole()), "the loss of step 4 is nan")


def test_losses_that_are_missing_after_a_resume_are_caught():
    short = replace(trained_whole(), history=trained_whole().history[2:])
    fails(resuming.ends_are_the_same(short, trained_whole()), "steps 3, 4, 5, and of steps 1, 2, 3, 4, 5")


def test_other_weights_at_the_end_are_caught():
    other = trained_whole()
    other.weights["end"][NAMES[0]] = other.weights["end"][NAMES[0]] + 0.5
    fails(resuming.ends_are_the_same(other, trained_whole()), "weights at the end differ by up to 0.5")


# What was saved.


def test_a_saved_model_is_whole(tmp_path: Path):
    holds(saved.model_is_whole(model(tmp_path / "base", base_weights()), model(tmp_path / "saved", base_weights())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop(NAMES[0]), "1 of 2 tensors are missing"),
        (lambda tensors: tensors.update({"model.language_model.q.weight": torch.ones(1)}), "not the base's"),
        (lambda tensors: tensors.update({NAMES[0]: torch.ones(2, 8)}), "of another shape"),
    ],
)
def test_tensors_that_are_not_those_of_the_base_are_caught(tmp_path: Path, change: Callable[[Any], Any], words: str):
    tensors = base_weights()
    change(tensors)
    found = saved.model_is_whole(model(tmp_path / "base", base_weights()), model(tmp_path / "saved", tensors))
    fails(found, words, "the class that was trained")


def test_another_class_is_caught(tmp_path: Path):
    other = model(tmp_path / "saved", base_weights(), files={"config.json": {"architectures": ["SmallForText"]}})
    fails(saved.model_is_whole(model(tmp_path / "base", base_weights()), other), "['SmallForText']", "['Small']")


def test_saved_weights_are_the_trained_ones(tmp_path: Path):
    base, end = model(tmp_path / "base", base_weights()), trained_whole().weights["end"]
    end = {name: weight * 1.1 for name, weight in end.items()}
    holds(saved.saved_as_trained(end, model(tmp_path / "saved", rounded(end)), base))


def test_a_saved_model_that_equals_its_base_is_caught(tmp_path: Path):
    base = model(tmp_path / "base", base_weights())
    little = {name: weight * (1 + 1e-5) for name, weight in trained_whole().weights["begin"].items()}
    found = saved.saved_as_trained(little, model(tmp_path / "saved", rounded(little)), base)
    fails(found, "no saved weight differs from the base model's", "optimizer.learningRate")


def test_a_saved_weight_that_is_not_the_trained_one_is_caught(tmp_path: Path):
    base, end = model(tmp_path / "base", base_weights()), trained_whole().weights["end"]
    other = rounded(end)
    other[NAMES[0]] = other[NAMES[0]] * 1.5
    fails(saved.saved_as_trained(end, model(tmp_path / "saved", other), base), NAMES[0], "is not what was trained")


TEMPLATE = {"chat_template.jinja": "{{ messages }}"}


def test_files_are_kept(tmp_path: Path):
    base = model(tmp_path / "base", base_weights(), files={"preprocessor_config.json": {}})
    kept = model(tmp_path / "saved", base_weights(), files={**TEMPLATE, "preprocessor_config.json": {}})
    holds(saved.files_are_kept(base, kept, trained_whole()))


def test_a_lost_template_is_caught(tmp_path: Path):
    base = model(tmp_path / "base", base_weights())
    found = saved.files_are_kept(base, model(tmp_path / "saved", base_weights()), trained_whole())
    fails(found, "it has no chat template, and was trained with one")


def test_other_special_tokens_and_lost_processors_are_caught(tmp_path: Path):
    base = model(tmp_path / "base", base_weights(), files={"preprocessor_config.json": {}, "tokenizer.json": {}})
    other = model(
        tmp_path / "saved", base_weights(), files={**TEMPLATE, "tokenizer_config.json": {"eos_token": "<other>"}}
    )
    found = saved.files_are_kept(base, other, trained_whole())
    fails(
        found,
        "its eos_token is <other>, and was <end>",
        "preprocessor_config.json of the base",
        "tokenizer.json is missing",
    )


# Adapters.


def adapter_file(attempt: Attempt) -> dict[str, torch.Tensor]:
    return {name.replace(".default.", "."): attempt.weights["end"][name] for name in attempt.facts["trained"]}


def merged(attempt: Attempt) -> dict[str, torch.Tensor]:
    updates = adapter.updates_of(attempt.weights["end"], ALPHA / RANK)
    return {name: (weight.float() + updates[name]).to(torch.bfloat16) for name, weight in base_weights().items()}


def test_an_adapter_is_saved_whole(tmp_path: Path):
    attempt = with_adapter()
    holds(adapter.adapter_is_saved(attempt, model(tmp_path, adapter_file(attempt), "adapter_model.safetensors")))


def test_an_empty_adapter_is_caught(tmp_path: Path):
    found = adapter.adapter_is_saved(with_adapter(), model(tmp_path, {}, "adapter_model.safetensors"))
    fails(found, "4 of 4 trained weights are not in adapter_model.safetensors", "the run would register its base")


def test_an_adapter_that_was_not_trained_is_caught(tmp_path: Path):
    attempt = with_adapter()
    begin = {name.replace(".default.", "."): attempt.weights["begin"][name] for name in attempt.facts["trained"]}
    found = adapter.adapter_is_saved(attempt, model(tmp_path, begin, "adapter_model.safetensors"))
    fails(found, "4 saved weights are not those that were trained", "every lora_B is zero")


def test_a_merged_model_is_its_base_plus_the_update(tmp_path: Path):
    attempt = with_adapter()
    found = adapter.merged_is_base_plus_update(
        recipe("lora"), attempt, model(tmp_path / "base", base_weights()), model(tmp_path / "saved", merged(attempt))
    )
    holds(found)
    assert found["measured"]["updateKept"] == pytest.approx(1, abs=0.05)


def test_a_merged_model_that_is_its_base_is_caught(tmp_path: Path):
    base = model(tmp_path / "base", base_weights())
    found = adapter.merged_is_base_plus_update(
        recipe("lora"), with_adapter(), base, model(tmp_path / "saved", base_weights())
    )
    fails(found, "merging changed nothing", "would be its base")


def test_an_update_with_another_scale_and_a_changed_base_weight_are_caught(tmp_path: Path):
    attempt = with_adapter()
    other = merged(attempt)
    stem = f"base_model.model.{NAMES[1].removesuffix('.weight')}"
    for part in ("lora_A", "lora_B"):
        attempt.weights["end"].pop(f"{stem}.{part}.default.weight")
    other[NAMES[0]] = other[NAMES[0]] * 1.5
    base = model(tmp_path / "base", base_weights())
    found = adapter.merged_is_base_plus_update(recipe("lora"), attempt, base, model(tmp_path / "saved", other))
    fails(found, f"{NAMES[0]} is not the base plus the adapter's update", f"{NAMES[1]} is not the base's weight")


def test_an_update_that_reaches_no_weight_is_caught(tmp_path: Path):
    attempt = with_adapter()
    renamed = {f"model.text.{name}": weight for name, weight in merged(attempt).items()}
    base = model(tmp_path / "base", base_weights())
    found = adapter.merged_is_base_plus_update(recipe("lora"), attempt, base, model(tmp_path / "saved", renamed))
    fails(found, f"the update of {NAMES[0]} is in no merged weight")


# The loss.


def comparison(error: float = 0.0, crossing: int = 0) -> Comparison:
    said = -torch.ones(10)
    return Comparison(said + error, said, crossing)


def with_loss(value: float) -> Attempt:
    return replace(trained_whole(), history=[{"step": 1.0, "loss": value}])


def test_the_loss_is_the_references():
    holds(loss.loss_is_the_references(recipe(), with_loss(1.0), [comparison(), comparison(1e-6)]))


def test_examples_that_see_each_other_are_caught():
    mixed = recipe(precision="bfloat16-mixed")
    holds(loss.loss_is_the_references(mixed, with_loss(0.99), [comparison(0.01)]))
    fails(
        loss.loss_is_the_references(mixed, with_loss(0.8), [comparison(0.2)]),
        "examples that are packed together see each other",
    )
    fails(loss.loss_is_the_references(recipe(), with_loss(0.99), [comparison(0.01)]), "rounding explains 0.0001")


def test_an_answer_that_is_learnt_from_another_example_is_caught():
    found = loss.loss_is_the_references(recipe(), with_loss(1.0), [comparison(crossing=3)])
    fails(found, "3 tokens that begin an example are learnt from the end of the one packed before it")


def test_a_loss_that_is_not_averaged_over_all_is_caught():
    fails(loss.loss_is_the_references(recipe(), with_loss(2.0), [comparison()]), "first loss is 2.00000", "1.00000")


def test_a_loss_of_nothing_is_caught():
    fails(loss.loss_is_the_references(recipe(), with_loss(0.0), []), "counts no token")


def test_packed_examples_are_told_apart_without_the_models_positions():
    ids = torch.tensor([[1, 2, 3, 4, 5, 6, 7]])
    rows = [{"input_ids": [1, 2, 3, 4], "seq_lengths": [3, 1]}, {"input_ids": [5, 6, 7], "seq_lengths": [3]}]
    leaking = Forward(ids, ids, torch.zeros(1, 6))
    assert examples_in_row(leaking, 0, rows) == [(0, 3), (3, 4), (4, 7)]
    padded = Forward(ids, ids, torch.zeros(1, 6), attention_mask=torch.tensor([[0, 0, 1, 1, 1, 1, 0]]))
    assert examples_in_row(padded, 0, []) == [(2, 6)]
    positions = Forward(ids, ids, torch.zeros(1, 6), position_ids=torch.tensor([[0, 1, 0, 1, 2, 3, 4]]))
    assert examples_in_row(positions, 0, []) == [(0, 2), (2, 7)]


# The form of a conversation.


def taught(**more: Any) -> Attempt:
    return replace(trained_whole(), rows=[{"input_ids": [1, 2, 3, 9, 8, 1, 2, 4, 9, 7]}], **more)


def test_questions_are_the_turns_before_the_first_answer():
    asked, answered = {"role": "user", "content": "1?"}, {"role": "assistant", "content": "1"}
    assert chat.questions_of({"messages": [asked, answered, asked, answered]}) == [asked]
    assert chat.questions_of({"prompt": [asked], "completion": [answered]}) == [asked]
    assert chat.questions_of({"prompt": "1?", "completion": "1"}) is None


def test_evaluation_asks_as_training_taught():
    holds(chat.evaluated_as_trained(taught(), [[1, 2, 3, 9], [1, 2, 4, 9]], 64))


def test_another_chat_mode_is_caught():
    found = chat.evaluated_as_trained(taught(), [[1, 2, 3, 9], [1, 5, 5, 4, 9]], 64)
    fails(found, "1 of 2 questions are in no example", "model.chatTemplateArguments", "enable_thinking")


def test_prompts_that_are_generated_from_must_be_those_of_the_evaluation():
    attempt = replace(trained_whole(), rows=[{"prompt_ids": [1, 2, 3]}])
    holds(chat.evaluated_as_trained(attempt, [[1, 2, 3], [1, 2, 4]], 64))
    fails(chat.evaluated_as_trained(attempt, [[0, 1, 2, 3]], 64), "1 of 1 questions")


def test_another_chat_mode_of_the_endpoint_is_caught():
    holds(chat.served_as_evaluated([1, 2], [1, 2]))
    fails(chat.served_as_evaluated([1, 2, 3], [1, 5, 3]), "from place 1 on", "model.chatTemplateArguments")
    fails(chat.served_as_evaluated([1, 2, 3], [1, 2]), "from place 2 on (2 beside 3)")


# The endpoint, and the run.


def test_an_endpoint_that_does_not_answer_is_caught():
    holds(serving.endpoint_answers("vllm", "one", 3, None))
    fails(
        serving.endpoint_answers("vllm", None, 0, "the server ended with status 1"),
        "vllm: the server ended with status 1",
    )
    fails(serving.endpoint_answers("vllm", "", 0, None), "answered with no token")


def test_an_endpoint_with_other_weights_is_caught():
    holds(serving.same_model({1: -1.0, 2: -2.0}, {1: -1.001, 3: -2.5}))
    fails(serving.same_model({1: -1.0}, {1: -1.5}), "they differ by 0.5", "other tensors")
    fails(serving.same_model({1: -1.0}, {2: -1.0}), "no token is among the likeliest of both")


STEPS = ["start", "data", "train", "train", "evaluate", "gate", "register", "end"]
LINEAGE = {"promoted": True, "gate": [], "metrics": {"tiny_sums/number": {"before": 0.0, "after": 0.0}}}


def test_a_run_goes_through():
    holds(run.run_goes_through(recipe(), 0, STEPS, LINEAGE, ""))


@pytest.mark.parametrize(
    ("status", "steps", "lineage", "words"),
    [
        (1, STEPS[:2], None, "the run ended with status 1 in step data; it said last:\nwhat it said"),
        (None, STEPS[:3], None, "the run did not end in time in step train"),
        (0, STEPS, None, "registered no model"),
        (0, STEPS[:2] + STEPS[3:], LINEAGE, "step train was begun 1 time(s)"),
        (0, STEPS, LINEAGE | {"promoted": False, "gate": [{"metric": "a/b", "passed": False}]}, "a/b is no number"),
        (
            0,
            STEPS,
            LINEAGE | {"metrics": {"a/b": {"before": 0, "after": None}}},
            "a/b is not a number after the training",
        ),
    ],
)
def test_a_run_that_does_not_go_through_is_caught(status: int | None, steps: list[str], lineage: Any, words: str):
    fails(run.run_goes_through(recipe(), status, steps, lineage, "what it said"), words)
