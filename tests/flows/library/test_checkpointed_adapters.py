from typing import Any

import pytest

from posttraining.trainers.checkpointed_adapters import WRAPPER, adapters_seen_through_wrappers, without_wrappers


@pytest.fixture
def adapted() -> Any:
    """A PEFT model whose only layer's activations are recomputed, as accelerate makes it for FSDP2."""
    from peft import LoraConfig, get_peft_model
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, head_dim=8
        )
    )
    peft_model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    layers = model.model.layers
    layers[0] = checkpoint_wrapper(layers[0])
    return peft_model


def test_peft_alone_writes_an_empty_adapter_so_the_mend_is_needed(adapted: Any):
    from peft import get_peft_model_state_dict

    assert len(get_peft_model_state_dict(adapted)) == 0, (
        "PEFT sees adapters through torch's checkpoint wrapper now: remove "
        "posttraining/trainers/checkpointed_adapters.py and docs/upstream/peft-checkpoint-wrapper.md"
    )


def test_an_adapter_is_written_and_read_through_the_wrapper(adapted: Any):
    import torch
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    with adapters_seen_through_wrappers():
        written = get_peft_model_state_dict(adapted)
        assert sorted(written) == [
            f"base_model.model.model.layers.0.self_attn.{module}.lora_{matrix}.weight"
            for module in ("q_proj", "v_proj")
            for matrix in "AB"
        ]
        result = set_peft_model_state_dict(adapted, {name: torch.ones_like(value) for name, value in written.items()})
        assert not result.unexpected_keys
        assert all(bool((value == 1).all()) for value in get_peft_model_state_dict(adapted).values())
    assert len(get_peft_model_state_dict(adapted)) == 0


def test_only_the_wrapper_is_left_out_of_a_name():
    assert without_wrappers(f"model.layers.0.{WRAPPER}.mlp.up_proj.weight") == "model.layers.0.mlp.up_proj.weight"
    assert without_wrappers(f"model.my{WRAPPER}.weight") == f"model.my{WRAPPER}.weight"
