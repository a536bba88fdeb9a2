"""The tiny base model: a Llama with random weights and a tokenizer of its own, made here from fixed seeds.

Written with numpy and safetensors: the file formats are public, and importing torch to fill half a million numbers
would take longer than everything else this module does.
"""

from __future__ import annotations

import json
from pathlib import Path

from posttraining import tiny_task

MODEL = "tiny:llama"

_HIDDEN = 128
_INTERMEDIATE = 512
_LAYERS = 2
_HEADS = 2
_HEAD_SIZE = 64  # vLLM's attention kernels on processors accept 64, not 32.
_POSITIONS = 512
_STANDARD_DEVIATION = 0.02  # Llama's `initializer_range`.

_PADDING = "<|endoftext|>"
_TURN_START = "<|im_start|>"
_TURN_END = "<|im_end|>"

# ChatML. `generation` marks the assistant's tokens for trainers that learn from those alone.
CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{%- else %}{{ message['content'] + '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)


def write_tiny_model(folder: Path) -> None:
    """Writes model, configuration and tokenizer files into `folder`; the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder)
    _write_weights(folder, vocabulary)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[_PADDING, _TURN_START, _TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(tiny_task.corpus(), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": _TURN_END,
            "pad_token": _PADDING,
            "model_max_length": _POSITIONS,
            "clean_up_tokenization_spaces": False,
        },
    )
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    end, padding = tokenizer.token_to_id(_TURN_END), tokenizer.token_to_id(_PADDING)
    # Embeddings in multiples of 64 rows: what matrix kernels prefer.
    vocabulary = -(-tokenizer.get_vocab_size() // 64) * 64
    _write_json(
        folder / "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": vocabulary,
            "hidden_size": _HIDDEN,
            "intermediate_size": _INTERMEDIATE,
            "num_hidden_layers": _LAYERS,
            "num_attention_heads": _HEADS,
            "num_key_value_heads": _HEADS,
            "head_dim": _HEAD_SIZE,
            "hidden_act": "silu",
            "max_position_embeddings": _POSITIONS,
            "rms_norm_eps": 1e-6,
            "initializer_range": _STANDARD_DEVIATION,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
            "bos_token_id": None,
            "eos_token_id": end,
            "pad_token_id": padding,
            "dtype": "float32",
        },
    )
    _write_json(folder / "generation_config.json", {"eos_token_id": end, "pad_token_id": padding})
    return vocabulary


def _write_weights(folder: Path, vocabulary: int) -> None:
    import numpy
    from safetensors.numpy import save_file

    source = numpy.random.default_rng(0)

    def normal(rows: int, columns: int) -> numpy.ndarray:
        return (source.standard_normal((rows, columns), dtype=numpy.float32) * _STANDARD_DEVIATION).astype(
            numpy.float32
        )

    ones = numpy.ones(_HIDDEN, dtype=numpy.float32)
    width = _HEADS * _HEAD_SIZE
    weights = {"model.embed_tokens.weight": normal(vocabulary, _HIDDEN), "model.norm.weight": ones}
    for layer in range(_LAYERS):
        prefix = f"model.layers.{layer}"
        weights[f"{prefix}.input_layernorm.weight"] = ones
        weights[f"{prefix}.post_attention_layernorm.weight"] = ones
        for name in ("q_proj", "k_proj", "v_proj"):
            weights[f"{prefix}.self_attn.{name}.weight"] = normal(width, _HIDDEN)
        weights[f"{prefix}.self_attn.o_proj.weight"] = normal(_HIDDEN, width)
        for name in ("gate_proj", "up_proj"):
            weights[f"{prefix}.mlp.{name}.weight"] = normal(_INTERMEDIATE, _HIDDEN)
        weights[f"{prefix}.mlp.down_proj.weight"] = normal(_HIDDEN, _INTERMEDIATE)
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
