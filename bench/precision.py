"""Trains one small model under each precision policy and writes what was learnt: what docs/precision.md shows.

A Llama of 3.3 million weights first learns one language (a Markov chain), in float32. Rounded to bfloat16, as released models are,
it is then taught another for 100 steps: with each policy and learning rate from the same weights, on the same batches. The losses
before and after are taken from the weights themselves, in float32, so that they tell what the weights hold and nothing else.
A policy's weights, its optimizer and its arithmetic are those that `posttraining.trainers` trains with.

    OMP_NUM_THREADS=1 PYTHONPATH=flows python bench/precision.py bench/results/precision.json
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

STEPS = 100
TAUGHT_STEPS = 300
LEARNING_RATES = (1e-6, 5e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
POLICIES = ("float32", "bfloat16-mixed", "bfloat16-stochastic", "bfloat16")
VOCABULARY = 512
SUCCESSORS = 8
ROWS, TOKENS = 4, 32
EVALUATED_BATCHES = 16


def language(seed: int) -> torch.Tensor:
    """The tokens that may follow each token."""
    return torch.randint(
        0,
        VOCABULARY,
        (VOCABULARY, SUCCESSORS),
        generator=torch.Generator().manual_seed(seed),
    )


def batches(successors: torch.Tensor, seed: int) -> Iterator[torch.Tensor]:
    """Endless batches of sentences; the first of a token's successors is the likeliest."""
    generator = torch.Generator().manual_seed(seed)
    odds = torch.tensor([2.0**-place for place in range(SUCCESSORS)])
    while True:
        sentence = [torch.randint(0, VOCABULARY, (ROWS,), generator=generator)]
        for _ in range(TOKENS - 1):
            places = torch.multinomial(
                odds, ROWS, replacement=True, generator=generator
            )
            sentence.append(successors[sentence[-1], places])
        yield torch.stack(sentence, dim=1)


def new_model() -> Any:
    """The Llama of 3.3 million weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            vocab_size=VOCABULARY,
            max_position_embeddings=TOKENS,
            tie_word_embeddings=True,
        )
    )


def loss_of(model: Any, evaluated: list[torch.Tensor]) -> float:
    """Mean loss of the weights as they are, computed in float32."""
    whole = new_model()
    whole.load_state_dict(
        {name: tensor.float() for name, tensor in model.state_dict().items()}
    )
    with torch.no_grad():
        return sum(
            float(whole(input_ids=batch, labels=batch).loss) for batch in evaluated
        ) / len(evaluated)


def train(
    model: Any,
    optimizer: Any,
    data: Iterator[torch.Tensor],
    steps: int,
    autocast: AbstractContextManager[Any],
) -> None:
    """So many steps, with gradients clipped as recipes have them by default."""
    for _ in range(steps):
        batch = next(data)
        with autocast:
            loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def optimizer_of(policy: str, model: Any, learning_rate: float) -> Any:
    """AdamW with the settings that recipes have by default."""
    if policy != "bfloat16-stochastic":
        return torch.optim.AdamW(
            model.parameters(), lr=learning_rate, weight_decay=0.0, fused=True
        )
    from torchao.optim import AdamW8bit

    return AdamW8bit(
        model.parameters(),
        lr=learning_rate,
        weight_decay=0.0,
        bf16_stochastic_round=True,
    )


def measure(
    policy: str,
    learning_rate: float,
    start: dict[str, torch.Tensor],
    evaluated: list[torch.Tensor],
) -> Any:
    """What one policy does with the weights that all begin with: losses after, and the share of weights that changed."""
    dtype = torch.float32 if policy in ("float32", "bfloat16-mixed") else torch.bfloat16
    model = new_model().to(dtype)
    model.load_state_dict(start)
    autocast = (
        torch.autocast("cpu", dtype=torch.bfloat16)
        if policy != "float32"
        else nullcontext()
    )
    torch.manual_seed(2)
    train(
        model,
        optimizer_of(policy, model, learning_rate),
        batches(language(2), seed=3),
        STEPS,
        autocast,
    )
    after = dict(model.named_parameters())
    changed = sum(
        int((start[name] != weight.detach().to(start[name].dtype)).sum())
        for name, weight in after.items()
    )
    changed_before_rounding = sum(
        int((start[name].to(weight.dtype) != weight.detach()).sum())
        for name, weight in after.items()
    )
    elements = sum(weight.numel() for weight in after.values())
    loss = loss_of(model, evaluated)
    return {
        "changed": changed_before_rounding / elements,
        "changedAsSaved": changed / elements,
        "loss": loss,
        "lossAsSaved": loss_of(model.to(torch.bfloat16), evaluated),
    }


def taught_weights() -> dict[str, torch.Tensor]:
    """The weights that every policy begins with: of the first language, rounded as released models are."""
    model = new_model()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, weight_decay=0.0, fused=True
    )
    train(model, optimizer, batches(language(1), seed=1), TAUGHT_STEPS, nullcontext())
    return {
        name: tensor.to(torch.bfloat16) for name, tensor in model.state_dict().items()
    }


def measured_at(
    learning_rate: float, start: dict[str, torch.Tensor], evaluated: list[torch.Tensor]
) -> list[Any]:
    """What every policy learns at one learning rate, with its share of what float32 learns."""
    untaught = new_model()
    untaught.load_state_dict(start)
    before = loss_of(untaught, evaluated)
    found = {
        policy: measure(policy, learning_rate, start, evaluated) for policy in POLICIES
    }
    whole = before - found["float32"]["loss"]
    return [
        {
            "policy": policy,
            "learningRate": learning_rate,
            "weightsChanged": round(each["changed"], 4),
            "weightsChangedAsSaved": round(each["changedAsSaved"], 4),
            "gain": round(before - each["loss"], 6),
            "shareOfGain": round((before - each["loss"]) / whole, 3),
            "shareOfGainAsSaved": round((before - each["lossAsSaved"]) / whole, 3),
        }
        for policy, each in found.items()
    ]


def main() -> None:
    """Measures every policy at the learning rates that the output does not hold yet, and writes one JSON document."""
    parser = argparse.ArgumentParser(
        description="Measures what each precision policy learns."
    )
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--most",
        type=int,
        default=len(LEARNING_RATES),
        help="measure at no more learning rates",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.compiler.set_stance("force_eager")
    held = (
        json.loads(arguments.output.read_text())["measured"]
        if arguments.output.exists()
        else []
    )
    missing = [
        rate
        for rate in LEARNING_RATES
        if rate not in {each["learningRate"] for each in held}
    ]
    start = taught_weights()
    fresh = batches(language(2), seed=4)
    evaluated = [next(fresh) for _ in range(EVALUATED_BATCHES)]
    for learning_rate in missing[: arguments.most]:
        began = time.monotonic()
        held += measured_at(learning_rate, start, evaluated)
        print(f"{learning_rate}: {time.monotonic() - began:.0f} s", flush=True)
        document = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, one thread",
            "versions": {
                name: version(name) for name in ("torch", "torchao", "transformers")
            },
            "parameters": sum(weight.numel() for weight in new_model().parameters()),
            "steps": STEPS,
            "measured": sorted(held, key=lambda each: each["learningRate"]),
        }
        arguments.output.write_text(
            json.dumps(document, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
