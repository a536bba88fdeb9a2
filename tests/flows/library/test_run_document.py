import json

import pytest

from posttraining.run_document import plan_for_this_machine, read_run_document
from recipes import document, recipe


def run_document(**changes: object) -> dict:
    plan = plan_for_this_machine(recipe(), gpus=0)
    return {"recipe": document(), "plan": plan, "modelsRoot": "s3://models/m", "name": "sft"} | changes


def test_a_bare_recipe_runs_on_this_machine_under_its_own_name():
    read = read_run_document(json.dumps(document()))
    assert read["name"] == "sft-test"
    assert read["plan"]["nodes"] == 1
    assert read["plan"]["kubernetes"] is None
    assert read["baseModelUri"] is None
    assert read["modelsRoot"].endswith("/models")


def test_numbers_are_read_as_yaml_1_2_has_them():
    text = json.dumps(document()).replace("0.001", "1e-3")
    as_yaml = "# a comment, so that this is no JSON\n" + text
    assert read_run_document(as_yaml)["recipe"]["optimizer"]["learningRate"] == 0.001


def test_a_run_document_keeps_what_the_planner_decided():
    plan = plan_for_this_machine(recipe(), gpus=0) | {"microBatch": 4, "gradientAccumulation": 4}
    read = read_run_document(json.dumps(run_document(plan=plan, baseModelUri="s3://models/m/sft/1")))
    assert read["plan"] == plan
    assert read["baseModelUri"] == "s3://models/m/sft/1"
    assert read["recipe"]["optimizer"]["schedule"] == "cosine"


def test_every_wrong_field_of_a_run_document_is_named():
    wrong = run_document(modelRoot="s3://models/m", plan={"nodes": 1})
    del wrong["modelsRoot"]
    with pytest.raises(ValueError) as caught:
        read_run_document(json.dumps(wrong))
    message = str(caught.value)
    for expected in ("modelRoot: is not known", "modelsRoot: is missing", "plan.microBatch: is missing"):
        assert expected in message


@pytest.mark.parametrize(
    ("text", "message"), [("[1]", "must be a mapping"), ("a: [", "neither JSON nor YAML"), ("3", "must be a mapping")]
)
def test_other_documents_are_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_run_document(text)


def test_several_gpus_share_the_batch_and_shard():
    plan = plan_for_this_machine(recipe(batch={"global": 16, "micro": 2}), gpus=4)
    assert (plan["gpusPerNode"], plan["microBatch"], plan["gradientAccumulation"]) == (4, 2, 2)
    assert (plan["sharding"], plan["activationCheckpointing"]) == ("fsdp2", "full")


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match=r"batch\.global: must be a multiple of 3, the GPUs of this machine"):
        plan_for_this_machine(recipe(), gpus=3)
    with pytest.raises(ValueError, match=r"batch\.global: must be a multiple of batch\.micro \(8\) times 4 processes"):
        plan_for_this_machine(recipe(batch={"global": 16, "micro": 8}), gpus=4)
