import pytest

from posttraining.checks import check_run
from posttraining.recipe import RecipeError
from recipes import plan, recipe


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
    assert [problem.partition(":")[0] for problem in found] == ["evaluation.headline", "gate.0.metric"]
    assert "tiny_sms/number is not measured" in found[0]
    assert "a task of tiny_sums" in found[0]


def test_unknown_rewards_are_refused_before_training():
    assert "grpo.rewards: nice not known" in problems("grpo", recipe("grpo", grpo__rewards=[{"name": "nice"}]))[0]


def test_what_needs_gpus_is_refused_without_them():
    qlora = recipe(trainable={"kind": "qlora", "rank": 8, "alpha": 16})
    assert problems("sft", qlora) == ["trainable.kind: qlora needs GPUs; the plan has none"]
    colocated = recipe("grpo", grpo__generation={"kind": "vllm-colocated"})
    assert "vllm-colocated needs GPUs" in problems("grpo", colocated)[0]


def test_a_generation_server_needs_a_node_of_its_own():
    chosen = recipe("grpo", grpo__generation={"kind": "vllm-server"})
    assert "no other to train on" in problems("grpo", chosen, gpusPerNode=8)[0]
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=8, nodes=2)}, "grpo")


def test_quantised_weights_cannot_be_sharded_and_sent_to_vllm():
    trainable = {"kind": "qlora", "rank": 8, "alpha": 16}
    chosen = recipe("grpo", trainable=trainable, grpo__generation={"kind": "vllm-colocated"})
    assert problems("grpo", chosen, gpusPerNode=8, sharding="fsdp2")[0].startswith("trainable.kind")
    check_run({"recipe": chosen, "plan": plan(chosen, gpusPerNode=8, sharding="ddp")}, "grpo")


def test_reference_log_probabilities_of_one_node_do_not_reach_others():
    chosen = recipe("dpo", dpo__precomputeReferenceLogProbabilities=True)
    assert "only the first of several nodes" in problems("dpo", chosen, nodes=2)[0]
