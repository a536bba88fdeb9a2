"""What evaluation makes of a saved model: how it writes questions, and what the weights say of the next token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posttraining.contracts.plan import Plan
from posttraining.contracts.recipe import Recipe

LIKELIEST = 5


class Evaluated:
    """A model as lm-eval has loaded it, by the project's own evaluation."""

    def __init__(self, folder: Path, recipe: Recipe, plan: Plan, adapter: Path | None = None) -> None:
        from posttraining.evaluation import _model, ask_in_chat, own_template

        self._model, template = _model(folder, recipe, plan, adapter), own_template(adapter or folder)
        if template is not None:
            ask_in_chat(self._model, template, recipe["model"].get("chatTemplateArguments", {}))

    def tokens_of(self, turns: list[dict[str, str]]) -> list[int]:
        """Tokens of a conversation to be answered, as a task's request has them."""
        text = self._model.apply_chat_template(turns, add_generation_prompt=True)
        ids, _mask = self._model.tok_batch_encode([text])
        return ids[0].tolist()

    def next_tokens(self, tokens: list[int]) -> dict[int, float]:
        """The likeliest next tokens and their log-probabilities, in float32."""
        return _likeliest(self._model.model.float(), tokens)


def next_tokens_with_adapter(base: Path, adapter: Path, tokens: list[int]) -> dict[int, float]:
    """The same of a base with an adapter beside it, as a server has them: nothing is rounded by merging."""
    import torch
    from peft import PeftModel

    from posttraining.trainers.model_class import model_class

    model = model_class(base).from_pretrained(base, dtype=torch.float32)
    return _likeliest(PeftModel.from_pretrained(model, str(adapter)).eval(), tokens)


def _likeliest(model: Any, tokens: list[int]) -> dict[int, float]:
    import torch

    with torch.no_grad():
        said = torch.log_softmax(model(input_ids=torch.tensor([tokens])).logits[0, -1].float(), dim=-1)
    likeliest = said.topk(LIKELIEST)
    return dict(zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True))
