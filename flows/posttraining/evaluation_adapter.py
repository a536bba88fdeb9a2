"""An adapter evaluated as it is served: loaded beside its base, unmerged, with the tokenizer in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from posttraining.models import ADAPTER_CONFIGURATION
from posttraining.trainers.model_class import model_class

# Ranks that vLLM 0.31 reserves room for (`vllm.config.lora.MaxLoRARanks`), as provider/servedAdapters.ts has them.
_RESERVED_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def adapted_model(base: Path, adapter: Path, arguments: dict[str, Any]) -> Any:
    """lm-eval's model for transformers of an adapter beside its base.

    lm-eval 0.4.13 takes an adapter too (`peft`), but first cuts or fills the base's embeddings to as many rows as the tokenizer
    has tokens: most bases have some rows more, training and servers keep them, and an adapter of the head no longer fits. And of
    some models that also see it chooses another class than the one that was trained, in which the adapter's modules have other
    names.

    Args:
        base: folder of a whole model.
        adapter: folder of the adapter, with its tokenizer.
        arguments: of lm-eval's class, other than those that say where a model is.
    """
    from lm_eval.models.huggingface import HFLM
    from peft import PeftModel

    adapted: Any = type("Adapted", (HFLM,), {"AUTO_MODEL_CLASS": model_class(base)})
    model = adapted(pretrained=str(base), tokenizer=str(adapter), **arguments)
    model._model = PeftModel.from_pretrained(model._model, str(adapter)).eval()
    return model


def vllm_adapter_arguments(adapter: Path) -> dict[str, Any]:
    """What lm-eval's model for vLLM is told of an adapter beside its base; it enables adapters where it is given one."""
    rank = json.loads((adapter / ADAPTER_CONFIGURATION).read_text(encoding="utf-8"))["r"]
    # A rank above all is refused by vLLM, which names those that it knows.
    reserved = next((known for known in _RESERVED_RANKS if known >= rank), rank)
    return {"lora_local_path": str(adapter), "tokenizer": str(adapter), "max_lora_rank": reserved}


def adapts_head(adapter: Path) -> bool:
    """Whether an adapter changes the head too: such a one vLLM has to be given merged.

    vLLM 0.31 leaves the head's update out of the log-probabilities of a prompt, which tasks of several choices are answered
    by, and says nothing (vllm-project/vllm#51594, open on 2026-11-29); what it generates is right.
    """
    from safetensors import safe_open

    with safe_open(adapter / "adapter_model.safetensors", framework="np") as weights:
        return any(".lm_head." in name for name in weights.keys())  # noqa: SIM118
