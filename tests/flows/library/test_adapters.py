import json
from pathlib import Path

import pytest
from tiny_models import LORA, MULTIMODAL, write_model

from posttraining.tiny_model import write_tiny_model
from posttraining.trainers.adapters import AdapterError, adapter_configuration, require_adaptable


def test_full_training_has_no_adapter(tmp_path: Path):
    assert adapter_configuration({"kind": "full"}, tmp_path) is None
    require_adaptable({"kind": "full"}, tmp_path)


@pytest.mark.parametrize("name", MULTIMODAL)
def test_of_a_model_that_sees_only_the_text_is_adapted(name: str, tmp_path: Path):
    from peft import get_peft_model

    from posttraining.trainers.model_class import model_without_weights

    base = write_model(tmp_path / "base", name)
    require_adaptable(LORA, base)
    adapted = get_peft_model(model_without_weights(base), adapter_configuration(LORA, base), low_cpu_mem_usage=True)
    trained = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert trained
    assert all(".language_model." in name for name in trained)


def test_models_that_cannot_take_the_adapter_are_refused_before_they_are_trained(tmp_path: Path):
    write_tiny_model(tmp_path)
    require_adaptable(LORA, tmp_path)
    with pytest.raises(AdapterError, match=r"trainable\.targets: PEFT cannot adapt LlamaForCausalLM so: .*query"):
        require_adaptable({**LORA, "targets": ["query"]}, tmp_path)
    with pytest.raises(
        AdapterError, match=r"trainable\.targets: got embed_tokens, whose weight is also the model's head"
    ):
        require_adaptable({**LORA, "targets": ["embed_tokens"]}, tmp_path)
    configuration = json.loads((tmp_path / "config.json").read_text())
    quantised = {**configuration, "quantization_config": {"quant_method": "fp8"}}
    (tmp_path / "config.json").write_text(json.dumps(quantised))
    with pytest.raises(AdapterError, match=r"model\.base: its weights are quantised \(fp8\)"):
        require_adaptable(LORA, tmp_path)
    unknown = {**configuration, "architectures": ["NoSuchModel"]}
    (tmp_path / "config.json").write_text(json.dumps(unknown))
    with pytest.raises(ValueError, match="names the class NoSuchModel, which transformers"):
        require_adaptable(LORA, tmp_path)
