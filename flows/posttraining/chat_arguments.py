"""Arguments of a chat template (`model.chatTemplateArguments`): which a template reads, and how a training is given them.

Evaluation gives them in `evaluation_chat.py`; the servers' command lines carry them (provider/modelServerCommand.ts).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posttraining import models
from posttraining.contracts.recipe import Recipe
from posttraining.methods import method_of
from posttraining.problems import shown
from posttraining.trainers.chat_template import template_of

if TYPE_CHECKING:
    from jinja2 import Environment

Arguments = Mapping[str, str | float | bool]

# What trainers, lm-eval and servers hand to every template, beside the tokenizer's special tokens.
_SET_BY_LIBRARIES = frozenset(
    ("messages", "tools", "documents", "add_generation_prompt", "raise_exception", "strftime_now")
)


class ChatArgumentsError(ValueError):
    """Arguments that the model's chat template does not read; the message names those that it does."""


def chat_arguments(recipe: Recipe) -> Arguments:
    """The recipe's arguments; none where it has none."""
    return recipe["model"].get("chatTemplateArguments", {})


def arguments_read(template: str) -> frozenset[str]:
    """Names that a template looks up when it is rendered, other than what every template is handed."""
    from jinja2 import meta

    environment = _environment()
    names = meta.find_undeclared_variables(environment.parse(template))
    special = {name for name in names if name.endswith("_token")}
    return frozenset(names - special - _SET_BY_LIBRARIES - environment.globals.keys())


def _offered(template: str) -> list[str]:
    """Those of them that are meant for callers: what the template itself sets is one only where it asks whether it is there."""
    from jinja2 import nodes

    tree = _environment().parse(template)
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    asked = {
        test.node.name
        for test in tree.find_all(nodes.Test)
        if test.name in ("defined", "undefined") and isinstance(test.node, nodes.Name)
    }
    return sorted(name for name in arguments_read(template) if name not in own or name in asked)


def _environment() -> Environment:
    """An environment that parses what `transformers` renders (utils/chat_template_utils.py)."""
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """Marks around what the assistant says; what is between them is read as it is."""

        tags: set[str] = {"generation"}  # noqa: RUF012 (as jinja declares it)

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )


def arguments_problem(template: str, arguments: Arguments) -> str | None:
    """What is wrong with arguments for a template, as `path: reason`: one that it never reads would change nothing."""
    unread = [name for name in arguments if name not in arguments_read(template)]
    if not unread:
        return None
    known = _offered(template)
    reads = f"it reads {', '.join(known)}" if known else "it reads none: remove it"
    near = get_close_matches(unread[0], known, n=1, cutoff=0.7)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"model.chatTemplateArguments.{unread[0]}: got {shown(arguments[unread[0]])}; the model's chat template does not "
        f"read it; {reads}{hint}"
    )


def require_read(recipe: Recipe, base: str) -> None:
    """Refuses arguments that the template of the training does not read; brings no weights here.

    Args:
        recipe: the run's recipe.
        base: reference of the model that the run starts from.

    Raises:
        ChatArgumentsError: naming the first of them.
    """
    if not chat_arguments(recipe):
        return
    with tempfile.TemporaryDirectory(prefix="posttraining-") as scratch:
        revision = recipe["model"].get("revision")
        template = template_of(recipe, models.fetch_tokenizer(base, Path(scratch) / "base", revision))
    if problem := arguments_problem(template.text, chat_arguments(recipe)):
        raise ChatArgumentsError(problem)


def with_chat_arguments(dataset: Any, recipe: Recipe) -> Any:
    """A dataset with the column that TRL 1.16's trainers read the arguments from; GRPO has them in its configuration."""
    arguments = chat_arguments(recipe)
    if not arguments or method_of(recipe).generates:
        return dataset
    return dataset.add_column("chat_template_kwargs", [dict(arguments)] * len(dataset))
