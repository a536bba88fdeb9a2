"""What is wrong with a document by its contract's JSON Schema, in the project's own words; and the defaults of what is right.

The schemas are those that `npm run contracts` writes from `contracts/*.ts`. Beside JSON Schema's own keywords they have `rule`: what
a pattern means, for people; and `writeOnly`: the value may be a secret and is in no message.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

Schema = dict[str, Any]

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


@cache
def contract_schema(name: str) -> Schema:
    """The schema of a contract, by the name of its files in `contracts/`."""
    file = Path(__file__).parent / "contracts" / f"{name}.schema.json"
    return json.loads(file.read_text(encoding="utf-8"))


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a document is a mapping; the keys of one that was read from JSON or YAML are texts."""
    return isinstance(value, dict)


def schema_problems(schema: Schema, document: object, path: str = "") -> list[str]:
    """One problem, `path: reason`, for every wrong field, sorted.

    Args:
        schema: what `contract_schema` returned, or a part of it.
        document: what is to be judged.
        path: where the document stands in a larger one.
    """
    return sorted(set(_problems(schema, document, path)))


def with_defaults(schema: Schema, value: Any) -> Any:
    """A document without problems, with every default filled in, its keys in the order of the schema's."""
    if _alternatives(schema) is not None:
        branch, _ = _branch(schema, value, "")
        return value if branch is None else with_defaults(branch, value)
    if schema.get("type") == "array" and isinstance(value, list):
        return [with_defaults(schema.get("items", {}), item) for item in value]
    if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if schema.get("type") != "object" or not isinstance(value, dict) or "properties" not in schema:
        return value
    filled: dict[str, Any] = {}
    for key, part in schema["properties"].items():
        if key in value:
            filled[key] = with_defaults(part, value[key])
        elif "default" in part:
            filled[key] = with_defaults(part, part["default"])
    return filled


def _alternatives(schema: Schema) -> list[Schema] | None:
    return schema.get("oneOf") or schema.get("anyOf")


def _constants(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _discriminator(alternatives: list[Schema]) -> str | None:
    """The key whose value says which of the alternatives is meant."""
    for key in alternatives[0].get("properties", {}):
        meant = [_constants(branch.get("properties", {}).get(key, {})) for branch in alternatives]
        if all(meant) and len({str(value) for values in meant for value in values}) == sum(map(len, meant)):
            return key
    return None


def _branch(schema: Schema, value: object, path: str) -> tuple[Schema | None, list[str]]:
    """The alternative of a union that `value` means, or what is wrong if it means none."""
    alternatives = _alternatives(schema)
    if alternatives is None:
        return schema, []
    others = [branch for branch in alternatives if branch.get("type") != "null"]
    if len(others) < len(alternatives):
        if value is None:
            return {"type": "null"}, []
        if len(others) == 1:
            return others[0], []
        return _branch({"anyOf": others}, value, path)
    key = _discriminator(alternatives)
    if key is None:
        meant = [branch for branch in alternatives if _has_shape(branch, value)]
        if len(meant) == 1:
            return meant[0], []
        return None, [f"{path}: must be {' or '.join(map(_shape, alternatives))}{_shown(schema, value)}"]
    if not isinstance(value, dict):
        return None, [f"{path or 'the document'}: must be a mapping{_shown(schema, value)}"]
    branches = {constant: branch for branch in alternatives for constant in _constants(branch["properties"][key])}
    given = value.get(key)
    if isinstance(given, str) and given in branches:
        return branches[given], []
    found = _shown({}, value[key]) if key in value else "; it is missing"
    problems = [f"{_join(path, key)}: must be one of {', '.join(map(str, branches))}{found}"]
    # What all alternatives say alike of a field is judged although it is not known which of them is meant.
    for name, part in alternatives[0]["properties"].items():
        if name in value and all(branch["properties"].get(name) == part for branch in alternatives):
            problems += _problems(part, value[name], _join(path, name))
    return None, problems


def _has_shape(schema: Schema, value: object) -> bool:
    """Whether a person who wrote `value` can have meant this alternative: type and keys fit, whatever the values are."""
    if "const" in schema:
        return value == schema["const"]
    if schema.get("type") == "object":
        return isinstance(value, dict) and len(value) > 0 and value.keys() <= schema.get("properties", {}).keys()
    expected = {"array": list, "string": str, "number": int | float}.get(schema.get("type", ""), object)
    return isinstance(value, expected) and not isinstance(value, bool)


def _shape(schema: Schema) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if schema.get("type") == "object":
        return "{ " + ", ".join(schema.get("properties", {})) + " }"
    return _TYPES.get(schema.get("type", ""), "another value")


@cache
def _validator() -> Any:
    """JSON Schema as the TypeScript side applies it: numbers are finite, patterns are JavaScript's."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def is_number(_checker: object, value: object) -> bool:
        return is_integer(value) or (isinstance(value, float) and math.isfinite(value))

    def is_whole(_checker: object, value: object) -> bool:
        return is_integer(value) or (isinstance(value, float) and value.is_integer())

    def is_integer(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def pattern(_validator: object, expected: str, value: object, _schema: object) -> Iterator[ValidationError]:
        # In JavaScript `\w` is ASCII, and `$` is the end, not the line break before it.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", expected), value, re.ASCII):
            yield ValidationError("does not match")

    types = Draft202012Validator.TYPE_CHECKER.redefine("number", is_number).redefine("integer", is_whole)
    return extend(Draft202012Validator, {"pattern": pattern}, type_checker=types)


def _problems(schema: Schema, value: object, path: str, or_null: bool = False) -> Iterator[str]:
    for error in _validator()(schema).iter_errors(value):
        where = _join(path, *error.absolute_path)
        if error.validator in ("oneOf", "anyOf"):
            branch, problems = _branch(error.schema, error.instance, where)
            takes_null = {"type": "null"} in (_alternatives(error.schema) or [])
            yield from problems if branch is None else _problems(branch, error.instance, where, takes_null)
        elif error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in sorted(set(error.instance) - set(known)):
                yield f"{_join(where, key)}: is not known; the keys here are {', '.join(sorted(known))}"
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance and f"'{key}'" in error.message:
                    yield f"{_join(where, key)}: is missing"
        elif "propertyNames" in error.absolute_schema_path:
            # The instance is the key itself.
            yield f"{_join(where, error.instance)}: {_rule(error)}"
        else:
            null = ", or null" if or_null and not error.absolute_path else ""
            yield f"{where or 'the document'}: {_rule(error)}{null}{_shown(error.schema, error.instance)}"


def _rule(error: Any) -> str:
    own = error.schema.get("rule") if error.validator == "pattern" else None
    return own or _requirement(error.validator, error.validator_value)


def _requirement(rule: str, argument: Any) -> str:
    return {
        "type": lambda: f"must be {_type_names(argument)}",
        "enum": lambda: f"must be one of {', '.join(map(str, argument))}",
        "const": lambda: f"must be {argument}",
        "pattern": lambda: f"must match {argument}",
        "exclusiveMinimum": lambda: f"must be greater than {argument}",
        "minimum": lambda: f"must be at least {argument}",
        "maximum": lambda: f"must be at most {argument}",
        "exclusiveMaximum": lambda: f"must be less than {argument}",
        "maxLength": lambda: f"must have at most {argument} characters",
        "minLength": lambda: "must not be empty",
        "minItems": lambda: "must not be empty",
    }.get(rule, lambda: f"does not satisfy {rule} {argument}")()


def _type_names(types: str | list[str]) -> str:
    """What a value must be; of several types one is `null`."""
    if isinstance(types, str):
        return _TYPES.get(types, types)
    return ", or ".join(_TYPES.get(name, name) for name in types)


def _join(path: str, *keys: object) -> str:
    """A path as a person writes it: `gate[0].metric`."""
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else str(key)
    return path


def _shown(schema: Schema, value: object) -> str:
    """What was found instead, unless it may be a secret or hold one."""
    if _may_be_secret(schema):
        return ""
    text = json.dumps(value, default=str)
    return f"; it is {text if len(text) <= 60 else f'{text[:57]}...'}"


def _may_be_secret(part: object) -> bool:
    if isinstance(part, list):
        return any(map(_may_be_secret, part))
    return isinstance(part, dict) and (part.get("writeOnly") is True or any(map(_may_be_secret, part.values())))
