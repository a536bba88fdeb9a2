import json
import math

import pytest

from posttraining.run_document import _parse, plan_for_this_machine, read_run_document
from recipes import document, recipe


def run_document(**changes: object) -> dict:
    plan = plan_for_this_machine(recipe(), gpus=0)
    return {"recipe": document(), "plan": plan, "modelsRoot": "s3://models/m", "name": "sft"} | changes


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


# What the package `yaml` of Node reads, with which the recipes of stacks are read: YAML 1.2, core schema.
@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("040", 40), ("-040", -40), ("08", 8), ("+12", 12), ("0o620", 400), ("0x1F", 31)),
        *(("-0x1", "-0x1"), ("0b11", "0b11"), ("0o8", "0o8"), ("1_000", "1_000"), ("1_0.5", "1_0.5")),
        *(("6:40", "6:40"), ("6:40.5", "6:40.5"), ("2024-05-01", "2024-05-01")),
        *((".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("1E-3", 0.001), ("-.5e+3", -500.0), ("1.e3", 1000.0)),
        *((".e3", ".e3"), ("+.inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("NaN", "NaN")),
        *(("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue")),
        *(("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y")),
        *(("~", None), ("Null", None), ("", None), ("nUll", "nUll"), ("=", "="), ("<<", "<<")),
        *(('!!int "040"', 40), ("!!str 040", "040"), ('"no"', "no"), ("'1'", "1")),
    ],
)
def test_a_scalar_is_read_as_yaml_1_2_has_it(written: str, value: object):
    read = _parse(f"a: {written}")["a"]
    assert (type(read), read) == (type(value), value)


def test_what_is_no_number_is_read_as_yaml_1_2_has_it():
    assert all(math.isnan(_parse(f"a: {written}")["a"]) for written in (".nan", ".NaN", ".NAN"))
    assert _parse('{"a": NaN}') == {"a": "NaN"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1: x", {"1": "x"}),
        ("true: x", {"true": "x"}),
        ("~: x", {"": "x"}),
        ("1.50: x", {"1.5": "x"}),
        ("040: x", {"40": "x"}),
        ("no: x", {"no": "x"}),
        ("x: &x {b: 1}\ny:\n  <<: *x", {"x": {"b": 1}, "y": {"<<": {"b": 1}}}),
    ],
)
def test_a_key_is_a_text_and_merges_nothing(text: str, read: object):
    assert _parse(text) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "^line 3: the key a is there twice in one mapping"),
        ("a: {b: 1, b: 1}", "^line 1: the key b is there twice"),
        ('{"a": 1, "a": 1}', "^the key a is there twice"),
        ('{"x": [{"b": 1, "c": 0, "b": 2}]}', "^the key b is there twice"),
        ("1: a\n'1': b", "^line 2: the key 1 is there twice"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        read_run_document(text)


@pytest.mark.parametrize(
    "text",
    ["a: !!timestamp 2024-01-01", "a: !!set {x}", "a: !mine x", "a: !!int x", "a: !!map 3", "[1]: x", "a: !!bool no"],
)
def test_what_is_not_in_the_core_schema_is_refused(text: str):
    with pytest.raises(ValueError, match="is neither JSON nor YAML"):
        read_run_document(text)


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
    with pytest.raises(ValueError, match=r"batch\.global: must be a multiple of batch\.micro \(8\) times 4, the GPUs"):
        plan_for_this_machine(recipe(batch={"global": 16, "micro": 8}), gpus=4)
