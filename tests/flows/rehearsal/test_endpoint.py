"""The command line of a rehearsal's server."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from posttraining.contracts.recipe import Recipe
from posttraining.rehearsal.endpoint import command_of, lora_rank


def command(engine: str = "vllm", adapters: dict[str, Path] | None = None, **model: Any) -> str:
    recipe = cast("Recipe", {"model": model, "trainable": {"kind": "lora", "rank": 12}})
    return " ".join(command_of(engine, Path("/python"), Path("/model"), adapters or {}, recipe, 8000))


@pytest.mark.parametrize(
    ("engine", "option"), [("vllm", "--default-chat-template-kwargs"), ("transformers", "--chat-template-kwargs")]
)
def test_a_server_gets_the_templates_arguments(engine: str, option: str):
    arguments = {"enable_thinking": False}
    assert f"{option} {json.dumps(arguments)}" in command(engine, chatTemplateArguments=arguments)
    assert option not in command(engine)


def test_adapters_are_served_beside_each_other_in_their_own_template(tmp_path: Path):
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    served = command(adapters={"one": tmp_path, "two": tmp_path})
    assert "--enable-lora --max-lora-rank 16 --max-loras 2" in served
    assert f"--lora-modules one={tmp_path} two={tmp_path}" in served
    assert f"--chat-template {tmp_path}/chat_template.jinja" in served
    assert "lora" not in command()


def test_a_rank_is_one_that_vllm_takes():
    assert [lora_rank(rank) for rank in (1, 8, 9, 32, 300, 512)] == [8, 8, 16, 32, 320, 512]
