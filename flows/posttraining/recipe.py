"""Recipes: validation against the project's schema, and defaults.

`contracts/recipe.schema.json` is generated from the zod schema in the checkout's `contracts/recipe.ts`, the recipe's contract.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from posttraining.recipe_relations import relation_problems

SCHEMA_FILE = Path(__file__).with_name("contracts") / "recipe.schema.json"

Recipe = dict[str, Any]


class RecipeError(ValueError):
    """A document that is no recipe; the message names every wrong field and what to write instead."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["The recipe is not valid:", *(f"  {problem}" for problem in problems)]))
        self.problems = problems


def read_recipe(document: object) -> Recipe:
    """Returns the recipe with every default filled in.

    Raises:
        RecipeError: naming every wrong field.
    """
    schema = json.loads(SCHEMA_FILE.read_text())
    branch, problems = _branch(schema, document, "")
    if branch is None or not isinstance(document, dict):
        raise RecipeError(problems)
    problems = sorted(_problems(branch, document, ""))
    recipe = _with_defaults(branch, document)
    if not problems:
        problems = sorted(relation_problems(recipe))
    if problems:
        raise RecipeError(problems)
    return recipe


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]] | None:
    return schema.get("oneOf") or schema.get("anyOf")


def _discriminator(alternatives: list[dict[str, Any]]) -> str | None:
    for key in ("method", "kind"):
        if all("const" in branch.get("properties", {}).get(key, {}) for branch in alternatives):
            return key
    return None


def _branch(schema: dict[str, Any], value: object, path: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The alternative of a union that `value` means, or what is wrong with its discriminator."""
    alternatives = _alternatives(schema)
    if alternatives is None:
        return schema, []
    key = _discriminator(alternatives)
    if key is None:
        meant = [branch for branch in alternatives if _has_shape(branch, value)]
        shapes = " or ".join(_shape(branch) for branch in alternatives)
        return (meant[0], []) if len(meant) == 1 else (None, [f"{path}: must be {shapes}; it is {_shown(value)}"])
    if not isinstance(value, dict):
        return None, [f"{path or 'recipe'}: must be a mapping; it is {_shown(value)}"]
    allowed = [branch["properties"][key]["const"] for branch in alternatives]
    if value.get(key) not in allowed:
        found = f"it is {_shown(value[key])}" if key in value else "it is missing"
        return None, [f"{_join(path, key)}: must be one of {', '.join(allowed)}; {found}"]
    return alternatives[allowed.index(value[key])], []


def _has_shape(schema: dict[str, Any], value: object) -> bool:
    """Whether a person who wrote `value` can have meant this alternative: type and keys fit, whatever the values are."""
    if "const" in schema:
        return value == schema["const"]
    if schema.get("type") == "object":
        return isinstance(value, dict) and len(value) > 0 and value.keys() <= schema["properties"].keys()
    expected = {"array": list, "string": str, "number": int | float}.get(schema.get("type", ""), object)
    return isinstance(value, expected) and not isinstance(value, bool)


def _shape(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if schema.get("type") == "object":
        return "{ " + ", ".join(schema["properties"]) + " }"
    return {"array": "a list", "number": "a number", "string": "a string"}.get(schema.get("type", ""), "another value")


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


def _problems(schema: dict[str, Any], value: object, path: str) -> Iterator[str]:
    for error in _validator()(schema).iter_errors(value):
        where = _join(path, *error.absolute_path)
        if error.validator in ("oneOf", "anyOf"):
            branch, problems = _branch(error.schema, error.instance, where)
            yield from problems if branch is None else _problems(branch, error.instance, where)
        elif error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in sorted(set(error.instance) - set(known)):
                yield f"{_join(where, key)}: is not known; the keys here are {', '.join(sorted(known))}"
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance and f"'{key}'" in error.message:
                    yield f"{_join(where, key)}: is missing"
        else:
            rule = error.schema.get("rule") if error.validator == "pattern" else None
            rule = rule or _requirement(error.validator, error.validator_value)
            yield f"{where}: {rule}; it is {_shown(error.instance)}"


def _requirement(rule: str, argument: Any) -> str:
    types = {"object": "a mapping", "array": "a list", "string": "a string", "integer": "a whole number"}
    types |= {"number": "a number", "boolean": "true or false"}
    return {
        "type": lambda: f"must be {types.get(argument, argument)}",
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


def _with_defaults(schema: dict[str, Any], value: Any) -> Any:
    if _alternatives(schema) is not None:
        branch, _ = _branch(schema, value, "")
        return value if branch is None else _with_defaults(branch, value)
    if schema.get("type") == "array" and isinstance(value, list):
        return [_with_defaults(schema.get("items", {}), item) for item in value]
    if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if schema.get("type") != "object" or not isinstance(value, dict):
        return value
    filled = {}
    for key, part in schema["properties"].items():
        if key in value:
            filled[key] = _with_defaults(part, value[key])
        elif "default" in part:
            filled[key] = _with_defaults(part, part["default"])
    return filled


def _join(path: str, *keys: object) -> str:
    """A path as a person writes it: `gate[0].metric`."""
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else str(key)
    return path


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
