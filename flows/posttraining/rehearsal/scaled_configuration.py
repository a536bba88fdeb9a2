"""A model's configuration made small: few layers of every kind that it has, narrow, with the same proportions."""

from __future__ import annotations

from typing import Any

from posttraining.rehearsal.problems import RehearsalError

_HEAD_DIMENSION = 64  # vLLM's attention kernels on processors accept 64.
_WIDTH = 256
_MOST_HEADS = 8
_LAYERS = 2
_MOST_LAYERS = 8
_POSITIONS = 2048

# Values by layer: what follows from them must keep every kind of layer.
_BY_LAYER = ("layer_types", "no_rope_layers", "mlp_layer_types")
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_EXPERT_WIDTHS = ("moe_intermediate_size", "shared_expert_intermediate_size")
_INTERVALS = ("no_rope_layer_interval", "sliding_window_pattern", "full_attention_interval", "_sliding_window_pattern")


def scaled_configuration(published: dict[str, Any], tokenizer: Any, model: str) -> Any:
    """The configuration of a small model.

    Args:
        published: what the publisher's config.json holds.
        tokenizer: the small model's.
        model: its name, for messages.

    Raises:
        RehearsalError: if the architecture is not known, or is none that goes on with a text.
    """
    from transformers import CONFIG_MAPPING

    kind = str(published.get("model_type"))
    if kind not in CONFIG_MAPPING:
        raise RehearsalError(f"model.base: {model} is of the kind {kind}, which the pinned transformers does not know")
    if published.get("is_encoder_decoder"):
        raise RehearsalError(
            f"model.base: {model} is an encoder with a decoder; only models that go on with a text are trained"
        )
    values = dict(published)
    whole = CONFIG_MAPPING[kind]()
    if isinstance(values.get("text_config"), dict) or getattr(whole, "text_config", None) is not None:
        text = {**_plain(getattr(whole, "text_config", None)), **(values.get("text_config") or {})}
        values["text_config"] = _scaled_text(text, tokenizer)
        values["vision_config"] = _scaled_vision(
            {**_plain(getattr(whole, "vision_config", None)), **(values.get("vision_config") or {})},
            values["text_config"]["hidden_size"],
        )
        values |= _token_ids(values, tokenizer)
    else:
        values = _scaled_text(values, tokenizer)
    for name in ("architectures", "transformers_version", "torch_dtype", "dtype", "quantization_config"):
        values.pop(name, None)
    configuration = CONFIG_MAPPING[kind](**values)
    configuration.architectures = published.get("architectures")
    return configuration


def _plain(configuration: Any) -> dict[str, Any]:
    return {} if configuration is None else configuration.to_dict()


def _scaled_text(values: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    heads = values.get("num_attention_heads") or 2
    per_group = min(max(heads // (values.get("num_key_value_heads") or heads), 1), _MOST_HEADS)
    groups = 2 if per_group <= 2 else 1
    hidden = min(per_group * groups * _HEAD_DIMENSION, _WIDTH)
    ratio = (values.get("intermediate_size") or 4 * (values.get("hidden_size") or 1)) / (values.get("hidden_size") or 1)
    scaled = {
        **values,
        "hidden_size": hidden,
        "num_attention_heads": per_group * groups,
        "num_key_value_heads": groups,
        "head_dim": _HEAD_DIMENSION,
        "intermediate_size": _multiple(min(ratio, 2) * hidden),
        "vocab_size": _multiple(len(tokenizer) + 8),
        "max_position_embeddings": _POSITIONS,
        "initializer_range": 0.02,
        **{name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
    }
    scaled.pop("rope_scaling", None)
    scaled |= _scaled_layers(values)
    for name in _EXPERTS:
        if isinstance(values.get(name), int):
            scaled[name] = min(values[name], 4)
    if isinstance(values.get("num_experts_per_tok"), int):
        scaled["num_experts_per_tok"] = min(values["num_experts_per_tok"], 2)
    for name in _EXPERT_WIDTHS:
        if isinstance(values.get(name), int):
            scaled[name] = 64
    return scaled


def _scaled_layers(values: dict[str, Any]) -> dict[str, Any]:
    """The fewest layers in which every kind of layer occurs."""
    layers = values.get("num_hidden_layers") or _LAYERS
    least = min(_LAYERS, layers)
    if values.get("model_type") == "smollm3":
        least = 4  # Every fourth layer knows no positions.
    for name in _BY_LAYER:
        kinds = values.get(name)
        if isinstance(kinds, list) and kinds:
            least = max(least, max(kinds.index(kind) for kind in set(kinds)) + 1)
    for name in _INTERVALS:
        if isinstance(values.get(name), int):
            least = max(least, values[name])
    least = min(least, layers, _MOST_LAYERS)
    cut = {name: values[name][:least] for name in _BY_LAYER if isinstance(values.get(name), list)}
    return {"num_hidden_layers": least, **cut}


def _scaled_vision(values: dict[str, Any], hidden: int) -> dict[str, Any]:
    """A tower of two narrow layers."""
    scaled = dict(values)
    for name, value in (
        *(("num_hidden_layers", 2), ("depth", 2), ("hidden_size", 128), ("embed_dim", 128)),
        *(("num_attention_heads", 2), ("num_heads", 2), ("intermediate_size", 256), ("head_dim", 64)),
    ):
        if isinstance(values.get(name), int):
            scaled[name] = value
    if isinstance(values.get("out_hidden_size"), int):
        scaled["out_hidden_size"] = hidden
    if isinstance(values.get("deepstack_visual_indexes"), list):
        scaled["deepstack_visual_indexes"] = [0]
    if isinstance(values.get("num_position_embeddings"), int):
        scaled["num_position_embeddings"] = 256
    return scaled


def _token_ids(values: dict[str, Any], tokenizer: Any) -> dict[str, int]:
    """Tokens that stand for images and the like: the last ones of the vocabulary, which no text has."""
    names = [
        name
        for name, value in values.items()
        if name.endswith(("_token_id", "_token_index")) and isinstance(value, int)
    ]
    kept = ("bos_token_id", "eos_token_id", "pad_token_id")
    room = _multiple(len(tokenizer) + 8)
    found = {name: room - 1 - place for place, name in enumerate(name for name in names if name not in kept)}
    return found | {name: getattr(tokenizer, name) for name in kept if name in names}


def _multiple(size: float) -> int:
    """Matrix kernels like multiples of 64."""
    return -(-int(size) // 64) * 64
