import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from posttraining.schema_problems import contract_schema, schema_problems, with_defaults

CONTRACTS = Path(__file__).resolve().parents[3] / "flows" / "posttraining" / "contracts"

TEXT = {"type": "string", "minLength": 1}


def mapping(**properties: Any) -> dict[str, Any]:
    required = [name for name, schema in properties.items() if "default" not in schema]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


REQUEST = {
    "oneOf": [
        mapping(operation={"type": "string", "const": "start"}, place=TEXT, count={"type": "integer", "default": 1}),
        mapping(operation={"type": "string", "enum": ["watch", "stop"]}, place=TEXT),
    ]
}


@pytest.mark.parametrize("file", sorted(CONTRACTS.glob("*.schema.json")), ids=lambda file: file.name.partition(".")[0])
def test_every_rule_of_the_contracts_has_words(file: Path):
    def keywords(schema: Any) -> Iterator[str]:
        for key, value in schema.items():
            yield key
            if key == "properties":
                for part in value.values():
                    yield from keywords(part)
            elif key in ("items", "additionalProperties", "propertyNames") and isinstance(value, dict):
                yield from keywords(value)
            elif key in ("oneOf", "anyOf"):
                for part in value:
                    yield from keywords(part)

    with_words = {
        *("type", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "properties", "required", "additionalProperties", "propertyNames"),
        *("items", "oneOf", "anyOf"),
    }
    without_rules = {"$schema", "description", "default", "rule", "writeOnly"}
    assert set(keywords(json.loads(file.read_text()))) <= with_words | without_rules


def test_the_alternative_that_is_meant_is_judged():
    assert schema_problems(REQUEST, {"operation": "start", "place": ""}) == ['place: must not be empty; it is ""']
    assert schema_problems(REQUEST, {"operation": "stop", "place": "a", "count": 2}) == [
        "count: is not known; the keys here are operation, place"
    ]


def test_what_all_alternatives_share_is_judged_although_none_is_meant():
    assert schema_problems(REQUEST, {"operation": "sleep", "place": 3, "count": "x"}) == [
        'operation: must be one of start, watch, stop; it is "sleep"',
        "place: must be a string; it is 3",
    ]
    assert schema_problems(REQUEST, {"operation": ["start"], "place": "a"}) == [
        'operation: must be one of start, watch, stop; it is ["start"]'
    ]
    assert schema_problems(REQUEST, {"place": "a"}) == ["operation: must be one of start, watch, stop; it is missing"]


def test_what_may_be_null_says_so():
    schema = mapping(uri={"anyOf": [TEXT, {"type": "null"}]})
    assert schema_problems(schema, {"uri": None}) == []
    assert schema_problems(schema, {"uri": 3}) == ["uri: must be a string, or null; it is 3"]


def test_what_may_be_a_secret_is_not_shown():
    secret = {"type": "string", "pattern": "^[a-z]*$", "rule": "must be in small letters", "writeOnly": True}
    schema = mapping(keys={"type": "object", "additionalProperties": secret, "propertyNames": {"pattern": "^[A-Z]+$"}})
    assert schema_problems(schema, {"keys": {"A": "HUNTER2"}}) == ["keys.A: must be in small letters"]
    assert schema_problems(schema, {"keys": {"A": {"B": "hunter"}}}) == ["keys.A: must be a string"]
    assert schema_problems(schema, {"keys": "hunter"}) == ["keys: must be a mapping"]
    assert schema_problems(schema, {"keys": {"a": "hunter"}}) == ["keys.a: must match ^[A-Z]+$"]


def test_defaults_are_filled_in_where_they_belong():
    assert with_defaults(REQUEST, {"place": "a", "operation": "start"}) == {
        "operation": "start",
        "place": "a",
        "count": 1,
    }
    assert with_defaults(REQUEST, {"place": "a", "operation": "stop"}) == {"operation": "stop", "place": "a"}
    read = with_defaults(
        contract_schema("placement"), {"tolerations": [{"key": "nvidia.com/gpu"}], "labels": {"a": "b"}}
    )
    assert read["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Equal"}]
    assert read["labels"] == {"a": "b"}
    assert read["secrets"] == []
