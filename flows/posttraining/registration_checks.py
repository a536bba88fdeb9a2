"""Whether what was trained may be registered: it differs from its base, is whole, kept its template, and can be loaded.

Weights are compared tensor by tensor from their files, never as two loaded models, and only up to the first that differs; whether
they fit the model's class is asked of transformers' own loader, without memory for them. A model of 70B takes about a minute
and as much memory as its largest tensor. What a server needs beside that (kernels for the class, room for its cache) shows only
where it is served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posttraining.library_imports import lean_imports
from posttraining.models import ADAPTER_CONFIGURATION
from posttraining.trainers.chat_template import own_template
from posttraining.trainers.merging import PROCESSOR_FILES
from posttraining.trainers.model_class import ModelClassError, model_class, model_without_weights
from posttraining.trainers.saving import ADAPTER_FILE

# Tokens with a meaning of their own, by their names in a tokenizer. A trainer may choose another padding.
_SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token")


class RegistrationError(ValueError):
    """A model that may not be registered; the message says every reason."""


def require_registrable(problems: list[str], model_uri: str) -> None:
    """Raises RegistrationError if anything is wrong with what a training left."""
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise RegistrationError(
            f"what was trained is neither registered nor promoted; it is kept at {model_uri}. What is wrong with it:\n{listed}"
        )


def model_problems(base: Path, model: Path, template: str) -> list[str]:
    """What is wrong with a whole model.

    Args:
        base: folder of the model that it was trained from.
        model: its folder.
        template: the chat template that it was trained with.
    """
    return [
        *_safely(_class_problems, model),
        *_safely(_equality_problems, base, model),
        *_safely(text_problems, base, model, template),
    ]


def adapter_problems(base: Path, adapter: Path, template: str) -> list[str]:
    """What is wrong with an adapter, which is loaded together with the model in `base`."""
    return [
        *_safely(_adapter_weight_problems, base, adapter),
        *_safely(text_problems, base, adapter, template),
    ]


def _safely(check: Any, *arguments: Any) -> Iterator[str]:
    """What cannot even be looked at is a problem like others, so that what was trained is kept."""
    try:
        yield from check(*arguments)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
        yield f"it cannot be loaded: {type(error).__name__}: {error}"


def _class_problems(model: Path) -> Iterator[str]:
    """Whether transformers' loader finds every tensor of the class, in its shape, and no other."""
    with lean_imports():
        from transformers.utils import logging
    verbosity = logging.get_verbosity()
    # Its report says the same over many lines.
    logging.set_verbosity_error()
    try:
        _, loading = model_class(model).from_pretrained(
            model, device_map="meta", output_loading_info=True, ignore_mismatched_sizes=True
        )
    except ModelClassError as error:
        yield str(error)
        return
    finally:
        logging.set_verbosity(verbosity)
    for what, names in (
        ("missing", loading["missing_keys"]),
        ("not of its class", loading["unexpected_keys"]),
        ("of another shape", {entry[0] for entry in loading["mismatched_keys"]}),
    ):
        if names:
            count = "1 tensor is" if len(names) == 1 else f"{len(names)} tensors are"
            yield f"{count} {what}, such as {min(names)}"


def _equality_problems(base: Path, model: Path) -> Iterator[str]:
    """Whether a tensor differs from the base's, rounded as the model's is; the first that does is enough."""
    with _tensors(base) as before, _tensors(model) as after:
        if not after:
            yield "it has no weights (*.safetensors)"
            return
        renamed = []
        for name, tensor in after.items():
            if name not in before:
                renamed.append(name)
            elif not _equal(before[name](), tensor()):
                return
        gone = {_digest(before[name]()) for name in before.keys() - after.keys()} if renamed else set()
        # A state that was gathered names a tied head by itself.
        tied = {_digest(after[name]()) for name in after.keys() & before.keys()} if renamed and not gone else set()
        if all(_digest(after[name]()) in gone | tied for name in renamed):
            yield "its weights equal those of its base: nothing was learnt, or what was learnt was not saved"


def _equal(before: Any, after: Any) -> bool:
    import torch

    return before.shape == after.shape and torch.equal(before.to(after.dtype), after)


def _digest(tensor: Any) -> str:
    import torch

    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


@contextmanager
def _tensors(folder: Path) -> Iterator[dict[str, Any]]:
    """Functions that read the tensors of a folder, by name, one at a time."""
    from contextlib import ExitStack

    from safetensors import safe_open

    with ExitStack() as stack:
        readers = {}
        for file in sorted(folder.glob("*.safetensors")):
            opened = stack.enter_context(safe_open(file, framework="pt"))
            readers |= {name: _reader(opened, name) for name in opened.keys()}  # noqa: SIM118
        yield readers


def _reader(opened: Any, name: str) -> Any:
    return lambda: opened.get_tensor(name)


def _adapter_weight_problems(base: Path, adapter: Path) -> Iterator[str]:
    """Whether the adapter has every matrix that PEFT expects beside the base, in its shape, and says anything."""
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

    for name in (ADAPTER_CONFIGURATION, ADAPTER_FILE):
        if not (adapter / name).is_file():
            yield f"{name} is missing"
            return
    configuration = LoraConfig.from_pretrained(str(adapter))
    adapted = get_peft_model(model_without_weights(base), configuration, low_cpu_mem_usage=True)
    expected = {name: tuple(tensor.shape) for name, tensor in get_peft_model_state_dict(adapted).items()}
    with _tensors(adapter) as found:
        if missing := sorted(expected.keys() - found.keys()):
            yield f"{len(missing)} of the adapter's {len(expected)} tensors are missing, such as {missing[0]}"
        if unexpected := sorted(found.keys() - expected.keys()):
            yield f"{len(unexpected)} of the adapter's tensors do not fit the base, such as {unexpected[0]}"
        both = sorted(found.keys() & expected.keys())
        wrong = [name for name in both if tuple(found[name]().shape) != expected[name]]
        if wrong:
            yield f"{len(wrong)} of the adapter's tensors have another shape than the base needs, such as {wrong[0]}"
        if both and not any(
            bool(found[name]().any()) for name in both if "lora_B" in name or "lora_embedding_B" in name
        ):
            yield "the adapter changes nothing: its second matrices are all zero"


def text_problems(base: Path, model: Path, template: str) -> Iterator[str]:
    """Whether a folder has the chat template of the training, the base's special tokens, and its files for pictures and sounds."""
    with lean_imports():
        from transformers import AutoTokenizer

    kept = own_template(model)
    if kept is None:
        yield "it has no chat template; it was trained with one"
    elif kept.strip() != template.strip():
        yield "its chat template is another than the one it was trained with"
    for name in PROCESSOR_FILES:
        if (base / name).is_file() and not (model / name).is_file():
            yield f"{name} is missing, which its base has: pictures or sounds could not be read"
    before, after = AutoTokenizer.from_pretrained(base), AutoTokenizer.from_pretrained(model)
    for name in _SPECIAL_TOKENS:
        expected, found = getattr(before, name), getattr(after, name)
        if expected is not None and found != expected:
            yield f"its tokenizer's {name} is {json.dumps(found)}, and its base's is {json.dumps(expected)}"
    known = after.get_added_vocab()
    if lost := [token for token, number in before.get_added_vocab().items() if known.get(token) != number]:
        yield f"its tokenizer lost {len(lost)} special tokens of its base, such as {lost[0]}"
