"""Documents as a person or a program writes them: JSON, or YAML 1.2 as the TypeScript side reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar


def parse_document(text: str) -> object:
    """Returns what a text says.

    Raises:
        ValueError: if it is neither JSON nor YAML, or a key is there twice in one mapping.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_twice, parse_constant=_no_json)
    except json.JSONDecodeError:
        pass
    import yaml

    try:
        return yaml.load(text, _yaml_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"is neither JSON nor YAML: {error}") from error


def _without_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(_twice(next(key for key in found if keys.count(key) > 1)))
    return found


def _twice(key: str) -> str:
    return f"the key {key} is there twice in one mapping: which of the two counts is not clear"


def _no_json(constant: str) -> None:
    """Python takes `NaN` and `Infinity` for JSON, which has no such numbers; to YAML they are texts."""
    raise json.JSONDecodeError(f"{constant} is no JSON", constant, 0)


# Scalars of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#1032-tag-resolution), in the order in which they are tried.
_CORE_SCALARS = {
    "null": r"(?:~|[Nn]ull|NULL)?",
    "bool": r"[Tt]rue|TRUE|[Ff]alse|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN",
}


def _core_value(kind: str, text: str) -> object:
    """Returns what a scalar of the core schema means; `text` has the form of its kind."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text[2:], {"0o": 8, "0x": 16}[text[:2]]) if text[:2] in ("0o", "0x") else int(text)
    # Python spells infinity and NaN without a dot.
    return float(text.replace(".", "", 1) if text.lower().endswith(("inf", "nan")) else text)


def _key_text(key: object) -> str:
    """Returns a key as JSON and JavaScript have it, where every key is a text."""
    if isinstance(key, str):
        return key
    if isinstance(key, float) and key.is_integer():
        return str(int(key))
    return "" if key is None else json.dumps(key)


def _yaml_loader() -> Any:
    """Returns a loader for YAML 1.2, which the TypeScript side reads; PyYAML's own read YAML 1.1.

    To YAML 1.1 `040` is 32, `no` is false, `6:40` is 400, `3e-3` is a text, and the last of two equal keys counts.
    """
    import yaml

    prefix = "tag:yaml.org,2002:"

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 (a mapping that the base class has, too)
            None: [(prefix + kind, re.compile(rf"(?:{form})\Z")) for kind, form in _CORE_SCALARS.items()]
        }
        yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    def scalar(kind: str) -> Any:
        def construct(loader: Any, node: yaml.Node) -> object:
            text = loader.construct_scalar(node)
            if re.fullmatch(_CORE_SCALARS[kind], text) is None:
                raise yaml.constructor.ConstructorError(None, None, f"{text!r} is no {kind}", node.start_mark)
            return _core_value(kind, text)

        return construct

    def mapping(loader: Any, node: yaml.Node) -> Iterator[dict[str, Any]]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "this is no mapping", node.start_mark)
        found: dict[str, Any] = {}
        # Given before it is filled, so that a mapping may hold itself, as PyYAML does it.
        yield found
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            key = _key_text(loader.construct_object(key_node))
            if key in found:
                raise ValueError(f"line {key_node.start_mark.line + 1}: {_twice(key)}")
            found[key] = loader.construct_object(value_node)

    for kind in _CORE_SCALARS:
        Loader.add_constructor(prefix + kind, scalar(kind))
    Loader.add_constructor(prefix + "map", mapping)
    Loader.add_constructor(prefix + "seq", yaml.SafeLoader.construct_yaml_seq)
    Loader.add_constructor(prefix + "str", yaml.SafeLoader.construct_yaml_str)
    Loader.add_constructor(None, yaml.SafeLoader.construct_undefined)
    return Loader
