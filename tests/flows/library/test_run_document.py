import json

import pytest

from posttraining.plans import plan_for_this_machine
from posttraining.run_document import read_run_document
from recipes import document, recipe


def run_document(**changes: object) -> dict:
    plan = plan_for_this_machine(recipe(), gpus=0)
    places = {"placement": None, "baseModelUri": None, "modelsRoot": "s3://models/m", "name": "sft"}
    return {"recipe": document(), "plan": plan, **places} | changes


def test_a_bare_recipe_runs_on_this_machine_under_its_own_name():
    read = read_run_document(json.dumps(document()))
    assert read["name"] == "sft-test"
    assert read["plan"]["nodes"] == 1
    assert read["placement"] is None
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
    plan = {"nodes": 0, "kubernetes": None} | {
        key: value for key, value in run_document()["plan"].items() if key != "nodes"
    }
    placement = {"image": "example/training:1", "imagePullPolicy": "Sometimes"}
    wrong = run_document(modelRoot="s3://models/m", plan=plan, placement=placement, baseModelUri=3)
    del wrong["modelsRoot"], wrong["plan"]["microBatch"], wrong["recipe"]["batch"]["global"]
    with pytest.raises(ValueError) as caught:
        read_run_document(json.dumps(wrong))
    lines = [line.strip().partition(";")[0] for line in str(caught.value).splitlines()]
    assert lines == [
        "The run document is not valid:",
        "baseModelUri: must be a string, or null",
        "modelRoot: is not known",
        "modelsRoot: is missing",
        "placement.cpu: is missing",
        "placement.disk: is missing",
        "placement.imagePullPolicy: must be one of Always, IfNotPresent, Never",
        "placement.memory: is missing",
        "placement.namespace: is missing",
        "placement.serviceAccount: is missing",
        "plan.kubernetes: is not known",
        "plan.microBatch: is missing",
        "plan.nodes: must be at least 1",
        "recipe.batch.global: is missing",
    ]


def test_relations_between_the_fields_of_a_documents_recipe_hold():
    with pytest.raises(ValueError, match='name: got "dpo-test"; must begin with the method'):
        read_run_document(json.dumps(run_document(recipe=document(name="dpo-test"))))


@pytest.mark.parametrize(
    ("text", "message"), [("[1]", "must be a mapping"), ("a: [", "neither JSON nor YAML"), ("3", "must be a mapping")]
)
def test_other_documents_are_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_run_document(text)
