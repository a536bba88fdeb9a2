"""The chat mode of an evaluation: the template and its arguments with which a model was trained, and is served."""

from __future__ import annotations

from types import MethodType
from typing import Any

from posttraining.chat_arguments import Arguments


def ask_in_chat(model: Any, template: str, arguments: Arguments) -> None:
    """Makes a model of lm-eval ask in a chat template with just these arguments, as training and serving do.

    lm-eval 0.4.13's class for vLLM hands every template `enable_thinking`, None where nobody set it, and forgets the value that
    was among its `chat_template_args`; the class for transformers hands on what it is given, and renders for both here. And both
    put the text's first token before a template that does not write it, which training and serving do not.
    """
    from lm_eval.models.huggingface import HFLM

    model.tokenizer.chat_template = template
    model.chat_template_args = dict(arguments)
    model.apply_chat_template = MethodType(HFLM.apply_chat_template, model)
    model.add_bos_token = False
