import math
from typing import Any

import pytest

from posttraining.document_text import parse_document
from posttraining.schema_problems import is_mapping


def value_of(text: str) -> Any:
    """The value of `a` in a mapping."""
    read = parse_document(text)
    assert is_mapping(read)
    return read["a"]


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
    read = value_of(f"a: {written}")
    assert (type(read), read) == (type(value), value)


def test_what_is_no_number_is_read_as_yaml_1_2_has_it():
    assert all(math.isnan(value_of(f"a: {written}")) for written in (".nan", ".NaN", ".NAN"))
    assert parse_document('{"a": NaN}') == {"a": "NaN"}


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
    assert parse_document(text) == read


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
        parse_document(text)


@pytest.mark.parametrize(
    "text",
    ["a: !!timestamp 2024-01-01", "a: !!set {x}", "a: !mine x", "a: !!int x", "a: !!map 3", "[1]: x", "a: !!bool no"],
)
def test_what_is_not_in_the_core_schema_is_refused(text: str):
    with pytest.raises(ValueError, match="is neither JSON nor YAML"):
        parse_document(text)
