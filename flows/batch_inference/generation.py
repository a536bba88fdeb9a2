"""Answers for many prompts: vLLM where it is installed and there is a GPU, transformers elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompts import Messages

from posttraining.chat_arguments import Arguments
from posttraining.library_imports import lean_imports

OnBatch = Callable[[int], None]


def engine_name() -> str:
    """`vllm` or `transformers`, whichever answers here."""
    import torch

    return "vllm" if torch.cuda.is_available() and importlib.util.find_spec("vllm") is not None else "transformers"


def answer(
    engine: str,
    folder: Path,
    prompts: list[Messages],
    batch_size: int,
    max_tokens: int,
    on_batch: OnBatch,
    template_arguments: Arguments,
) -> list[str]:
    """Answers every prompt greedily, in order.

    Args:
        engine: what `engine_name` says.
        folder: model and tokenizer files.
        prompts: chat messages.
        batch_size: prompts at a time (transformers; vLLM batches by itself).
        max_tokens: longest answer in tokens.
        on_batch: told how many prompts are answered so far.
        template_arguments: what the chat template is handed.
    """
    if engine == "vllm":
        return _with_vllm(folder, prompts, max_tokens, on_batch, template_arguments)
    return _with_transformers(folder, prompts, batch_size, max_tokens, on_batch, template_arguments)


def _with_vllm(
    folder: Path, prompts: list[Messages], max_tokens: int, on_batch: OnBatch, template_arguments: Arguments
) -> list[str]:
    import torch
    from vllm import LLM, SamplingParams  # pyright: ignore[reportMissingImports] (only in the image for GPUs)

    # A model that needs several GPUs has no other place; vLLM itself would use one.
    engine = LLM(model=str(folder), tensor_parallel_size=max(torch.cuda.device_count(), 1))
    outputs = engine.chat(
        prompts,
        SamplingParams(temperature=0, max_tokens=max_tokens),
        chat_template_kwargs=dict(template_arguments),
    )
    on_batch(len(prompts))
    return [output.outputs[0].text for output in outputs]


def _with_transformers(
    folder: Path,
    prompts: list[Messages],
    batch_size: int,
    max_tokens: int,
    on_batch: OnBatch,
    template_arguments: Arguments,
) -> list[str]:
    with lean_imports():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # The types of transformers 5.17 do not know what `from_pretrained` of an automatic class returns.
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    model.to(device).eval()
    answers: list[str] = []
    for first in range(0, len(prompts), batch_size):
        batch = prompts[first : first + batch_size]
        texts = [
            tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False, **template_arguments)
            for chat in batch
        ]
        inputs = tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False
        ).to(device)
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=max_tokens, do_sample=False)
        answers += tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        on_batch(len(answers))
    return answers
